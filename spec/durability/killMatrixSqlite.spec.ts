import { sqlite } from './stores.js';
import { survivesKills } from './survivesKills.js';

survivesKills(sqlite);
