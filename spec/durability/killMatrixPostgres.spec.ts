import { postgres } from './stores.js';
import { survivesKills } from './survivesKills.js';

survivesKills(postgres);
