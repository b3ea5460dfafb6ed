import { postgres } from './stores.js';
import { survivesChaos } from './survivesChaos.js';

survivesChaos(postgres, 15);
