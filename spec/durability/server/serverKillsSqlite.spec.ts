import { sqlite } from '../stores.js';
import { survivesServerChaos } from './survivesServerChaos.js';
import { survivesServerKills } from './survivesServerKills.js';

survivesServerKills(sqlite);
survivesServerChaos(sqlite);
