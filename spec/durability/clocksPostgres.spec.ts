import { postgres } from './stores.js';
import { survivesClocks } from './survivesClocks.js';

survivesClocks(postgres);
