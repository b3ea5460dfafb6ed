import { postgres } from '../stores.js';
import { survivesServerChaos } from './survivesServerChaos.js';
import { survivesServerKills } from './survivesServerKills.js';

survivesServerKills(postgres);
survivesServerChaos(postgres);
