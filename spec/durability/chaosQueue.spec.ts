import { postgresWithQueue } from './stores.js';
import { survivesChaos } from './survivesChaos.js';

survivesChaos(postgresWithQueue, 15);
