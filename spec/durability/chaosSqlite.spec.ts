import { sqlite } from './stores.js';
import { survivesChaos } from './survivesChaos.js';

survivesChaos(sqlite, 40);
