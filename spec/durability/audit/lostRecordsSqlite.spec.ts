import { sqlite } from '../stores.js';
import { losesNothing } from './losesNothing.js';

losesNothing(sqlite);
