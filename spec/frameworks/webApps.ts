import { serve } from '@hono/node-server';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guard } from 'aegislib';
import type { AegisModule } from 'aegislib';
import { aegisExpress, aegisFastify, aegisHono } from 'aegislib/web';
import type { TasksAccess, TaskDetail } from 'aegislib/web';
import express from 'express';
import type { Request } from 'express';
import fastify from 'fastify';
import type { FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import type { Context } from 'hono';

/** What the apps of these specs ask the host: whom a request is from, and what that one may see. */
export interface Host {
  readonly module: AegisModule;
  /** By the name in the header `x-user`. */
  readonly session: (user: string) => object | null | Promise<object | null>;
  readonly authorize?: (user: string) => TasksAccess | Promise<TasksAccess>;
  readonly show?: readonly TaskDetail[];
}

export interface RunningApp {
  readonly url: string;
  /** Handlers that were entered. */
  readonly entered: readonly string[];
  close(): Promise<unknown>;
}

/** One app on one framework: `POST /defer` and `POST /throw` call a guarded function, `POST /wrong` one with params that cannot be, `GET /fails` throws. */
export interface WebFramework {
  readonly name: string;
  start(host: Host): Promise<RunningApp>;
}

/** The same guarded functions in each app. */
function toolsOf(module: AegisModule, entered: string[]) {
  const refund = async (order: { id: string; amount: number }): Promise<string> => (
    entered.push(order.id),
    `refunded ${order.amount} for ${order.id}`
  );
  return {
    defer: guard(refund, { toolName: 'refund', module, agentId: 'web' }),
    throw: guard(refund, { toolName: 'refund', module, agentId: 'web', approval: 'throw' }),
    wrong: guard(refund, { toolName: 'refund', module, agentId: 'web' }) as (order: unknown) => Promise<unknown>,
  };
}

const userOf = (header: unknown): string => (typeof header === 'string' ? header : 'nobody');

const onExpress: WebFramework = {
  name: 'Express 5',
  async start({ module, session, authorize, show }) {
    const entered: string[] = [];
    const tools = toolsOf(module, entered);
    const web = aegisExpress({ module, session: (request: Request) => session(userOf(request.headers['x-user'])), tasksAt: '/tasks' });
    const app = express();
    app.use(web.requests);
    // behind the scope, to see that reading the body does not leave it
    app.use(express.json());
    if (authorize !== undefined)
      app.all('/tasks{/:id}', web.tasks({ authorize: (request) => authorize(userOf(request.headers['x-user'])), ...(show && { show }) }));
    app.post('/defer', async (request, response) => response.json(await tools.defer(request.body as never)));
    app.post('/send', async (request, response) => response.send(await tools.defer(request.body as never)));
    app.post('/throw', async (request, response) => response.json(await tools.throw(request.body as never)));
    app.post('/wrong', async (_request, response) => response.json(await tools.wrong(new Map())));
    app.get('/fails', () => {
      throw new Error('a secret of the host');
    });
    app.use(web.errors);
    app.use((error: unknown, _request, response, _next) => {
      response.status(500).json({ host: String(error) });
    });
    return { entered, ...(await listening(createServer(app).listen(0, '127.0.0.1'))) };
  },
};

const onFastify: WebFramework = {
  name: 'Fastify 5',
  async start({ module, session, authorize, show }) {
    const entered: string[] = [];
    const tools = toolsOf(module, entered);
    const app = fastify();
    app.setErrorHandler((error, _request, reply) => reply.code(500).send({ host: String(error) }));
    await app.register(async (routes) => {
      await routes.register(
        aegisFastify({
          module,
          session: (request: FastifyRequest) => session(userOf(request.headers['x-user'])),
          ...(authorize && {
            tasks: { authorize: (request: FastifyRequest) => authorize(userOf(request.headers['x-user'])), ...(show && { show }) },
          }),
        }),
      );
      routes.post('/defer', async (request) => tools.defer(request.body as never));
      routes.post('/send', async (request, reply) => reply.send(await tools.defer(request.body as never)));
      routes.post('/throw', async (request) => tools.throw(request.body as never));
      routes.post('/wrong', async () => tools.wrong(new Map()));
      routes.get('/fails', () => {
        throw new Error('a secret of the host');
      });
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    return { entered, url: `http://127.0.0.1:${port}`, close: () => app.close() };
  },
};

const onHono: WebFramework = {
  name: 'Hono 4',
  async start({ module, session, authorize, show }) {
    const entered: string[] = [];
    const tools = toolsOf(module, entered);
    const web = aegisHono({ module, session: (c: Context) => session(userOf(c.req.header('x-user'))), tasksAt: '/tasks' });
    const app = new Hono();
    app.use(web.requests);
    if (authorize !== undefined)
      app.all('/tasks/:id?', web.tasks({ authorize: (c) => authorize(userOf(c.req.header('x-user'))), ...(show && { show }) }));
    app.post('/defer', async (c) => c.json((await tools.defer(await c.req.json())) as object));
    app.post('/send', async (c) => c.json((await tools.defer(await c.req.json())) as object));
    app.post('/throw', async (c) => c.json(await tools.throw(await c.req.json())));
    app.post('/wrong', async (c) => c.json((await tools.wrong(new Map())) as object));
    app.get('/fails', () => {
      throw new Error('a secret of the host');
    });
    app.onError(web.errors((error, c) => c.json({ host: String(error) }, 500)));
    return { entered, ...(await listening(serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server)) };
  },
};

export const WEB_FRAMEWORKS: readonly WebFramework[] = [onExpress, onFastify, onHono];

async function listening(server: Server): Promise<{ url: string; close(): Promise<unknown> }> {
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<unknown> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, close };
}
