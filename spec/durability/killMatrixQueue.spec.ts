import { postgresWithQueue } from './stores.js';
import { survivesKills } from './survivesKills.js';

survivesKills(postgresWithQueue);
