import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { behavesLikeDataPlane } from './behavesLikeDataPlane.js';
import { embeddedWorld, servedWorld } from './contractWorlds.js';

behavesLikeDataPlane('Policies in the program', embeddedWorld, { remote: false });

behavesLikeDataPlane(
  'Policies behind a server in memory',
  servedWorld(() => Promise.resolve([new MemoryStateStore()])),
  { remote: true },
);
