// `aegislib/web`: errors of this package as HTTP answers, and Aegis in Express 5, Fastify 5 and Hono 4.
export { toHttp } from '../../http/toHttp.js';
export type { HttpAnswer, ToHttpOptions } from '../../http/toHttp.js';
export { tasksRoute } from '../../http/tasksRoute.js';
export type { TasksAccess, TasksOptions, TasksQuery } from '../../http/tasksRoute.js';
export type { TaskDetail } from '../../http/shownTask.js';
export type { WebOptions } from './requestScope.js';
export { aegisExpress } from './aegisExpress.js';
export type { AegisExpress, ExpressRequest, ExpressResponse } from './aegisExpress.js';
export { aegisFastify } from './aegisFastify.js';
export type { AegisFastifyOptions, AegisFastifyPlugin, FastifyInstanceLike, FastifyRequestLike } from './aegisFastify.js';
export { aegisHono } from './aegisHono.js';
export type { AegisHono, HonoContext, HonoErrors } from './aegisHono.js';
