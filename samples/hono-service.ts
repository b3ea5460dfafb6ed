// A web service on Hono: a refused call is a 403, a call that waits for a person is a 202 with the path of its task, and people approve over HTTP. The sample
// sends real requests to itself on 127.0.0.1, and ends.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  AegisError,
  AegisGuard,
  AegisModule,
  CapacityError,
  ForbiddenError,
  ParamsError,
  VerdictError,
  isPending,
  type Guarded,
} from 'aegislib';
import { describeApproval } from 'aegislib/decision';
import { show } from './show.js';

// --- the service ---------------------------------------------------------------------------------------------------------------------------------

// Only the module that configure() returns has the approval desk. AegisModule.current, which all code can reach, has none, so an agent cannot approve its own calls.
const LEADS = ['ann', 'bob'];
const aegis = AegisModule.configure({
  agentId: 'support-agent',
  approverGroups: { 'finance-leads': LEADS },
  requireRequester: true,
  env: false,
  policies: {
    text: `
      @id("allow-refunds")
      permit (principal, action == Aegis::Action::"refund", resource);

      @id("no-huge-refunds") @reason("refunds over 10000 are not possible here")
      forbid (principal, action == Aegis::Action::"refund", resource)
      when { context.input.cents > 1000000 };

      @id("large-refunds") @effect("approval_needed") @approvers("finance-leads") @reason("refunds over 100 need a finance lead")
      forbid (principal, action == Aegis::Action::"refund", resource)
      when { context.input.cents > 10000 };`,
  },
});

/** One for each request: the session names the requester, who cannot approve their own call. */
class Orders {
  readonly user: string;

  constructor(user: string) {
    this.user = user;
  }

  @AegisGuard({ session: (self) => ({ user_id: self.user }) })
  async refund(order: { id: string; cents: number }): Promise<Guarded<{ refunded: number }>> {
    return { refunded: order.cents / 100 };
  }
}

const USERS: Readonly<Record<string, string>> = { 'token-of-eve': 'eve', 'token-of-ann': 'ann' };
const app = new Hono<{ Variables: { user: string } }>();

app.use(async (c, next) => {
  const user = USERS[c.req.header('authorization')?.replace(/^Bearer /, '') ?? ''];
  if (user === undefined) return c.json({ message: 'who are you?' }, 401);
  c.set('user', user);
  return next();
});

app.post('/refunds', async (c) => {
  const { id, cents } = await c.req.json<{ id: string; cents: number }>();
  const result = await new Orders(c.var.user).refund({ id, cents });
  if (!isPending(result)) return c.json(result);
  return c.json(result, 202, { location: `/tasks/${result.taskId}` });
});

app.get('/tasks', async (c) => {
  const tasks = await aegis.tasks.listTasks();
  return c.json(tasks.map(({ taskId, status, toolName, reason }) => ({ taskId, status, toolName, reason })));
});

app.get('/tasks/:id', async (c) => {
  const task = await aegis.tasks.getTask(c.req.param('id'));
  if (task === undefined) return c.json({ message: 'no such task' }, 404);
  return c.json({ status: task.status, ...(task.status === 'completed' ? { result: task.result } : {}) });
});

app.get('/approvals', async (c) => {
  if (!LEADS.includes(c.var.user)) return c.json({ message: 'finance leads only' }, 403);
  const pending = await aegis.approvals.list();
  // the digest identifies exactly what is shown; a verdict must name it
  return c.json(pending.map((request) => ({ decisionId: request.decisionId, digest: request.digest, shown: describeApproval(request) })));
});

app.post('/approvals/:id', async (c) => {
  const { approve, digest, reason } = await c.req.json<{ approve: boolean; digest: string; reason?: string }>();
  const verdict = { by: c.var.user, digest, reason };
  const decisionId = c.req.param('id');
  const request = approve ? await aegis.approvals.approve(decisionId, verdict) : await aegis.approvals.deny(decisionId, verdict);
  return c.json({ status: request.status });
});

app.onError((error, c) => {
  if (!AegisError.is(error)) return c.json({ message: 'internal error' }, 500);
  const body = { error: error.code, message: error.message };
  if (error instanceof ForbiddenError || error instanceof VerdictError) return c.json(body, error.status);
  if (error instanceof ParamsError) return c.json(body, 400);
  if (error instanceof CapacityError) return c.json(body, 429);
  return c.json({ error: error.code, message: 'no decision could be had; the call did not run' }, 503);
});

// --- the requests --------------------------------------------------------------------------------------------------------------------------------

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
await once(server, 'listening');
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

await request('eve', 'POST', '/refunds', { id: 'order-1', cents: 1999 });
await request('eve', 'POST', '/refunds', { id: 'order-2', cents: 5_000_000 });
const { location } = await request('eve', 'POST', '/refunds', { id: 'order-3', cents: 25_000 });
await request('eve', 'GET', '/tasks');

const { body } = await request('ann', 'GET', '/approvals');
const [pending] = body as { decisionId: string; digest: string; shown: string[] }[];
for (const line of pending?.shown ?? []) show('', 'gray', line);
const path = `/approvals/${pending?.decisionId}`;
await request('eve', 'POST', path, { approve: true, digest: pending?.digest });
await request('ann', 'POST', path, { approve: true, digest: 'a digest of something else' });
await request('ann', 'POST', path, { approve: true, digest: pending?.digest, reason: 'the parcel was lost' });
await request('ann', 'POST', path, { approve: false, digest: pending?.digest });
await request('eve', 'GET', location ?? '');
await request('mallory', 'GET', '/tasks');

await aegis.close();
if ('closeAllConnections' in server) server.closeAllConnections();
server.close();

async function request(user: string, method: string, path: string, json?: unknown): Promise<{ body: unknown; location: string | null }> {
  const response = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer token-of-${user}`, 'content-type': 'application/json' },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  const colour = response.status < 202 ? 'green' : response.status < 300 ? 'cyan' : 'red';
  show(
    String(response.status),
    colour,
    `${user}: ${method} ${path.replace(/[\w-]+$/, (id) => id.replace(/^(task|dec)-.*/, '…'))}  ${brief(text)}`,
  );
  return { body: JSON.parse(text), location: response.headers.get('location') };
}

function brief(text: string): string {
  return text.length > 150 ? `${text.slice(0, 150)}…` : text;
}
