// `aegislib/web`: our errors as HTTP answers, and Aegis in Express 5, Fastify 5 and Hono 4.
export { toHttp } from '../../http/toHttp.js';
export type { HttpAnswer, ToHttpOptions } from '../../http/toHttp.js';
export { tasksRoute } from '../../http/tasksRoute.js';
export type { TasksAccess, TasksOptions, TasksQuery } from '../../http/tasksRoute.js';
export type { TaskDetail } from '../../http/shownTask.js';
export type { WebOptions } from './requestScope.js';
export { expressAegis } from './express.js';
export type { ExpressAegis, ExpressRequest, ExpressResponse } from './express.js';
export { fastifyAegis } from './fastify.js';
export type { FastifyAegisOptions, FastifyAegisPlugin, FastifyInstanceLike, FastifyRequestLike } from './fastify.js';
export { honoAegis } from './hono.js';
export type { HonoAegis, HonoContext, HonoErrors } from './hono.js';
