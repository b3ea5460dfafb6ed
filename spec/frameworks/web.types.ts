// Compiled, never run: the middleware takes requests of the real frameworks, and gives them to the host's functions as they are.
import { aegisExpress, aegisFastify, aegisHono, tasksRoute, toHttp } from 'aegislib/web';
import type { HttpAnswer } from 'aegislib/web';
import express from 'express';
import type { Request } from 'express';
import fastify from 'fastify';
import type { FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import type { Context } from 'hono';

export const answer: HttpAnswer | undefined = toHttp(new Error('x'), { tasksAt: '/tasks' });

export function onExpress(): void {
  const web = aegisExpress({ session: (request: Request) => ({ user_id: request.user }) });
  const app = express();
  app.use(web.requests);
  app.get('/tasks{/:id}', web.tasks({ authorize: (request) => request.user === 'ann', show: ['params'] }));
  app.use(web.errors);
  // without a type of its own, a request has what every request has
  aegisExpress({ session: ({ headers }) => ({ user_id: headers['x-user'] }) });
  // @ts-expect-error: whoever mounts tasks says who may see them
  web.tasks({});
  // @ts-expect-error: there is no such detail
  web.tasks({ authorize: () => true, show: ['secrets'] });
  // @ts-expect-error: what may be seen is no text
  web.tasks({ authorize: () => 'everything' });
  // @ts-expect-error: whoever opens sessions says whose they are
  aegisExpress({});
  // @ts-expect-error: a session is an object
  aegisExpress({ session: () => 'eve' });
}

export async function onFastify(): Promise<void> {
  const app = fastify();
  await app.register(
    aegisFastify({
      session: async (request: FastifyRequest<{ Querystring: { user: string } }>) => ({ user_id: request.query.user }),
      tasks: { path: '/approvals', authorize: (request) => (task) => task.agentId === request.query.user },
    }),
  );
  await app.register(aegisFastify({ session: () => null }), { prefix: '/api' });
  // @ts-expect-error: whoever mounts tasks says who may see them
  aegisFastify({ session: () => null, tasks: {} });
}

export function onHono(): void {
  interface Env {
    Variables: { user: string };
  }
  const web = aegisHono({ session: (c: Context<Env>) => ({ user_id: c.var.user }) });
  const app = new Hono<Env>();
  app.use(web.requests);
  app.get('/tasks/:id?', web.tasks({ authorize: (c) => c.var.user === 'ann' }));
  app.onError(web.errors((error, c) => c.text(error.message, 500)));
  // @ts-expect-error: Hono has one handler of errors, and somebody has to answer the others
  web.errors();
}

export const own = tasksRoute({ authorize: (request: { readonly user: string }) => request.user === 'ann' });
// @ts-expect-error: the request is the one that `authorize` takes
export const wrong = own({ request: 7 });
