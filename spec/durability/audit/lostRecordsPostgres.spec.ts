import { postgres } from '../stores.js';
import { losesNothing } from './losesNothing.js';

losesNothing(postgres);
