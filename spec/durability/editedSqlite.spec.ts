import { sqlite } from './stores.js';
import { survivesEdits } from './survivesChaos.js';

survivesEdits(sqlite, 20);
