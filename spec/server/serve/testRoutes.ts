import * as v from 'valibot';
import type { CallerInput, Route } from '../../../lib/server/route/Route.js';
import type { Tenant } from '../../../lib/server/tenant/Tenant.js';
import type { Awaitable } from '../../../lib/common/awaitable.js';
import type { Answer } from '../../../lib/server/route/Route.js';

/** A tenant of which only the id is read. */
export const tenantNamed = (id: string): Tenant => ({ id, halts: { inForce: [] } }) as unknown as Tenant;

const echoed = v.strictObject({
  id: v.optional(v.string()),
  query: v.record(v.string(), v.string()),
  body: v.string(),
  caller: v.string(),
  tenant: v.string(),
});

const echo = ({ params, query, body, caller, tenant }: CallerInput): Answer => ({
  status: 200,
  body: JSON.stringify({ ...params, query: Object.fromEntries(query), body, caller: caller.id, tenant: tenant.id }),
});

/** Routes that say what they got. `over` replaces what one of them does. */
export function testRoutes(over: Readonly<Record<string, (input: CallerInput) => Awaitable<Answer>>> = {}): readonly Route[] {
  const routes: readonly Route[] = [
    {
      method: 'POST',
      path: '/v1/decision',
      name: 'decide',
      summary: 'Decides.',
      scope: 'decide',
      request: v.looseObject({}),
      answers: { 200: echoed },
      handle: echo,
    },
    {
      method: 'GET',
      path: '/v1/decision/:id/status',
      name: 'status',
      summary: 'Reads.',
      scope: 'decide',
      answers: { 200: echoed },
      handle: echo,
    },
    {
      method: 'GET',
      path: '/v1/things',
      name: 'things',
      summary: 'Lists.',
      scope: 'approvals:read',
      query: { status: 'Only these.', limit: 'At most this many.' },
      answers: { 200: echoed },
      handle: echo,
    },
    {
      method: 'DELETE',
      path: '/v1/things/:id',
      name: 'drop',
      summary: 'Deletes.',
      scope: 'keys:admin',
      answers: { 204: undefined },
      handle: () => ({ status: 204 }),
    },
    {
      method: 'POST',
      path: '/v1/host',
      name: 'host',
      summary: 'For the operator.',
      scope: 'host',
      request: v.looseObject({}),
      answers: { 200: echoed },
      handle: echo,
    },
    {
      method: 'GET',
      path: '/v1/stream',
      name: 'stream',
      summary: 'Goes on.',
      scope: 'decide',
      answers: { 200: 'text/event-stream' },
      handle: () => ({ status: 200, headers: { 'Content-Type': 'text/event-stream' }, body: chunks() }),
    },
    {
      method: 'GET',
      path: '/open',
      name: 'open',
      summary: 'Open.',
      scope: 'none',
      answers: { 200: v.strictObject({ open: v.boolean() }) },
      handle: () => ({ status: 200, body: '{"open":true}' }),
    },
  ];
  return routes.map((route) => {
    const handle = over[route.name];
    return handle === undefined || route.scope === 'none' ? route : { ...route, handle };
  });
}

async function* chunks(): AsyncGenerator<string> {
  yield 'data: 1\n\n';
  yield 'data: 2\n\n';
}
