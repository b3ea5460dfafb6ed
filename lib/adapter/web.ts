// `aegislib/web`: our errors as HTTP answers, and Aegis in Express 5, Fastify 5 and Hono 4.
export { toHttp } from './toHttp.js';
export type { HttpAnswer, ToHttpOptions } from './toHttp.js';
export { tasksRoute } from './tasksRoute.js';
export type { TasksAccess, TasksOptions, TasksQuery } from './tasksRoute.js';
export type { TaskDetail } from './shownTask.js';
export type { WebOptions } from './requestScope.js';
export { expressAegis } from './expressWeb.js';
export type { ExpressAegis, ExpressRequest, ExpressResponse } from './expressWeb.js';
export { fastifyAegis } from './fastifyWeb.js';
export type { FastifyAegisOptions, FastifyAegisPlugin, FastifyInstanceLike, FastifyRequestLike } from './fastifyWeb.js';
export { honoAegis } from './honoWeb.js';
export type { HonoAegis, HonoContext, HonoErrors } from './honoWeb.js';
