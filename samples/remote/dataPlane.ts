// A simulated Data Plane, just large enough for the samples: it speaks the protocol of docs/remote.md, and its policies are the function
// `decide`. Do not build a server on it.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export const API_KEY = 'sample-key';

interface Question {
  readonly agent_id: string;
  readonly tool: { readonly name: string; readonly params: Readonly<Record<string, unknown>> };
  readonly session: Readonly<Record<string, unknown>> | null;
}

export interface DataPlane extends AsyncDisposable {
  readonly url: string;
  /** Decides all pending approvals. */
  decideAll(effect: 'allow' | 'deny'): void;
  /** How often the status of an approval was requested. */
  readonly polls: number;
}

export async function startDataPlane(): Promise<DataPlane> {
  const approvals = new Map<string, 'PENDING' | 'allow' | 'deny'>();
  let count = 0;
  let polls = 0;
  const app = new Hono();

  app.use('/v1/*', async (c, next) => {
    if (c.req.header('X-API-KEY') !== API_KEY) return c.json({ message: 'unknown key', error: 'invalid_api_key' }, 401);
    return next();
  });

  app.post('/v1/decision', async (c) => {
    const question = await c.req.json<Question>();
    const final = decide(question);
    count += 1;
    const decisionId = `decision-${count}`;
    if (final.effect === 'approval_needed') approvals.set(decisionId, 'PENDING');
    return c.json({
      request_id: `request-${count}`,
      tenant_id: 'sample',
      agent_id: question.agent_id,
      decision_id: decisionId,
      tool: question.tool.name,
      final_decision: final,
      latency_ms: 1,
    });
  });

  app.get('/v1/decision/:id/status', (c) => {
    polls += 1;
    const decisionId = c.req.param('id');
    const verdict = approvals.get(decisionId);
    if (verdict === undefined) return c.json({ message: 'no such decision', error: 'resource_not_found' }, 404);
    const status = verdict === 'PENDING' ? { status: 'PENDING', effect: 'approval_needed' } : { status: 'OK', effect: verdict };
    return c.json({ decision_id: decisionId, request_id: `poll-${polls}`, ...status });
  });

  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    decideAll(effect) {
      for (const [id, verdict] of approvals) if (verdict === 'PENDING') approvals.set(id, effect);
    },
    get polls() {
      return polls;
    },
    async [Symbol.asyncDispose]() {
      if ('closeAllConnections' in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The four effects, in the form that a Data Plane sends. */
function decide({ tool: { name, params } }: Question): { readonly effect: string; readonly [more: string]: unknown } {
  if (name === 'mail.send') return { effect: 'sanitize', sanitize: { message: 'bodies are masked', params: { body: '[masked]' } } };
  if (name === 'refund' && Number(params['cents']) > 10_000) return { effect: 'approval_needed', reason: 'refunds over 100 need a person' };
  if (name === 'slack.post_message' || name === 'refund') return { effect: 'allow' };
  const violations = [{ type: 'tool', message: `${name} is not allowed here` }];
  return { effect: 'deny', reason: 'this agent may not use that tool', violations };
}
