export { takeSnapshot } from './model/snapshot.js';
