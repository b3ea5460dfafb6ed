// A guarded function behind a route of Express, Fastify and Hono: 403 if policy denies a call, 202 with the task's path if a person has to decide, and
// the task registry for those whom the host allows. Each app is a server on 127.0.0.1 to which the sample sends real requests.
import { serve } from '@hono/node-server';
import { AegisModule, guard } from 'aegislib';
import { aegisExpress, aegisFastify, aegisHono } from 'aegislib/web';
import express from 'express';
import type { Request } from 'express';
import fastify from 'fastify';
import type { FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { POLICIES } from './policies.js';
import { show } from './show.js';

// with sessions: 'async-local', guarded calls find the session of their request
const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', sessions: 'async-local', env: false });

interface Order {
  readonly order: string;
  readonly amount: number;
  readonly note: string;
}
const refund = guard(async ({ order, amount, note }: Order) => ({ text: `refunded ${amount} for ${order} (${note})` }), {
  toolName: 'refund',
});

/** Replace it by your authentication. */
const userOf = (token: string | undefined): string | undefined => ({ 'token-of-eve': 'eve', 'token-of-ann': 'ann' })[token ?? ''];
const sessionOf = (user: string | undefined): object | null => (user === undefined ? null : { user_id: user });

// --- Express -------------------------------------------------------------------------------------------------------------------------------------

const expressUser = (request: Request): string | undefined => userOf(request.headers.authorization);
const onExpress = aegisExpress({ session: (request: Request) => sessionOf(expressUser(request)), tasksAt: '/tasks' });
const expressApp = express();
expressApp.use(express.json());
expressApp.use(onExpress.requests);
expressApp.get('/tasks{/:id}', onExpress.tasks({ authorize: (request) => expressUser(request) === 'ann', show: ['result'] }));
expressApp.post('/refunds', async (request, response) => response.json(await refund(request.body as Order)));
expressApp.use(onExpress.errors);

// --- Fastify -------------------------------------------------------------------------------------------------------------------------------------

const fastifyUser = (request: FastifyRequest): string | undefined => userOf(request.headers.authorization);
const fastifyApp = fastify();
fastifyApp.register(
  aegisFastify({
    session: (request: FastifyRequest) => sessionOf(fastifyUser(request)),
    tasks: { authorize: (request) => fastifyUser(request) === 'ann', show: ['result'] },
  }),
);
fastifyApp.post('/refunds', async (request) => refund(request.body as Order));

// --- Hono ----------------------------------------------------------------------------------------------------------------------------------------

const honoUser = (c: Context): string | undefined => userOf(c.req.header('authorization'));
const onHono = aegisHono({ session: (c: Context) => sessionOf(honoUser(c)), tasksAt: '/tasks' });
const honoApp = new Hono();
honoApp.use(onHono.requests);
honoApp.get('/tasks/:id?', onHono.tasks({ authorize: (c) => honoUser(c) === 'ann', show: ['result'] }));
honoApp.post('/refunds', async (c) => c.json(await refund(await c.req.json<Order>())));
honoApp.onError(onHono.errors((error, c) => c.text(String(error), 500)));

// --- the requests --------------------------------------------------------------------------------------------------------------------------------

const expressServer = expressApp.listen(0, '127.0.0.1', () => {});
await once(expressServer, 'listening');
await play('Express', expressServer.address() as AddressInfo);
expressServer.closeAllConnections();
expressServer.close();

await fastifyApp.listen({ port: 0, host: '127.0.0.1' });
await play('Fastify', fastifyApp.server.address() as AddressInfo);
await fastifyApp.close();

const honoServer = serve({ fetch: honoApp.fetch, hostname: '127.0.0.1', port: 0 });
await once(honoServer, 'listening');
await play('Hono', honoServer.address() as AddressInfo);
honoServer.close();
await aegis.close();

async function play(framework: string, { port }: AddressInfo): Promise<void> {
  const ask = async (path: string, token: string, json?: Order): Promise<{ text: string; location: string }> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: token, 'content-type': 'application/json' },
      ...(json && { method: 'POST', body: JSON.stringify(json) }),
    });
    return { text: `${framework} ${response.status}: ${await response.text()}`, location: response.headers.get('location') ?? '' };
  };
  show('allow', (await ask('/refunds', 'token-of-eve', { order: 'order-1', amount: 20, note: 'late' })).text);
  show('deny', (await ask('/refunds', 'token-of-eve', { order: 'order-2', amount: 5_000, note: 'angry' })).text);
  show('sanitize', (await ask('/refunds', 'token-of-eve', { order: 'order-3', amount: 20, note: 'write to bob@example.com' })).text);
  const asked = await ask('/refunds', 'token-of-eve', { order: 'order-4', amount: 250, note: 'broken' });
  show('approval', asked.text);
  const done = once(aegis.tasks as never, 'completed');
  for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
    await aegis.approvals.approve(decisionId, { by: 'ann', digest });
    show('person', `ann approves ${toolName}`);
  }
  await done;
  show('person', `eve looks at the stats: ${(await ask('/tasks/stats', 'token-of-eve')).text}`);
  show('person', `ann looks at the stats: ${(await ask('/tasks/stats', 'token-of-ann')).text}`);
  show('approval', (await ask(asked.location, 'token-of-ann')).text);
}
