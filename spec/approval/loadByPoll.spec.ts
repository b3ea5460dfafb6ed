import { behavesUnderLoad } from './behavesUnderLoad.js';

behavesUnderLoad('poll');
