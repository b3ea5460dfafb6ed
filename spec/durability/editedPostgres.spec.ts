import { postgres } from './stores.js';
import { survivesEdits } from './survivesChaos.js';

survivesEdits(postgres, 15);
