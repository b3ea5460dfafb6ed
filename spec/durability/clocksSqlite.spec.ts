import { sqlite } from './stores.js';
import { survivesClocks } from './survivesClocks.js';

survivesClocks(sqlite);
