import { behavesUnderLoad } from './behavesUnderLoad.js';

behavesUnderLoad('push');
