// `aegislib/nest`: Aegis in an application of Nest.
export { aegisNest } from './aegisNest.js';
export type { AegisNest, NestOptions } from './aegisNest.js';
export type { NestContext, NestDynamicModule, NestParts, NestProvider } from './NestParts.js';
export type { WebOptions } from '../web/requestScope.js';
export type { ToHttpOptions } from '../../http/toHttp.js';
