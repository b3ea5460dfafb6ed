// What the SQLite store costs beside the very same statements on bare node:sqlite.
import { report } from './figure.js';
import { sqliteStoreFigures } from './sqliteStore.js';

report(await sqliteStoreFigures());
