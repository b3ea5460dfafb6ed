import {
  haltAnswer,
  haltBody,
  haltsAnswer,
  liftBody,
  orderedHaltAnswer,
  readScope,
  writeHalt,
} from '../../../decision/wire/govern/haltsAnswer.js';
import { readBody } from '../../../decision/wire/readBody.js';
import { NotFoundError } from '../../../model/errors/ServiceErrors.js';
import { covers } from '../../decide/covers.js';
import { isHalt, liftHalt, orderHalt } from '../../tenant/haltActs.js';
import { unknownInScope } from '../../../decision/halt/unknownInScope.js';
import type { Answer, CallerInput, Route } from '../Route.js';

/** The routes by which people and the operator of the host stop calls: the kill switch of a tenant. */
export function haltRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/halts',
      name: 'listHalts',
      summary:
        'Lists the halts in force, oldest first; with `all` also those that are over. A key for some agents is told nothing of those of other agents.',
      scope: 'approvals:read',
      query: { all: '`true` for those that are over too.' },
      answers: { 200: haltsAnswer },
      async handle({ caller, tenant, query }) {
        const halts = await tenant.halts.list({ all: query.get('all') === 'true' });
        // who reads for some agents alone learns nothing of what stops others
        const shown = halts.filter(({ scope: { agentId } }) => agentId === undefined || covers(caller, agentId));
        return answer(200, { halts: shown.map(writeHalt) });
      },
    },
    {
      method: 'POST',
      path: '/v1/halts',
      name: 'orderHalt',
      summary:
        'Lets no call in the scope run from now on. An approver may pause one agent for an hour at most, and ends nothing that waits; an admin may halt anything.',
      scope: 'verdict',
      roles: ['admin', 'approver'],
      request: haltBody,
      answers: { 201: orderedHaltAnswer },
      errors: ['role_missing'],
      handle: ordered,
    },
    {
      method: 'DELETE',
      path: '/v1/halts/:id',
      name: 'liftHalt',
      summary: 'Lifts a halt: what was frozen goes on. Admins do so on the page Halts, with a passkey.',
      scope: 'host',
      request: liftBody,
      answers: { 200: haltAnswer },
      async handle({ tenant, caller, params, body }) {
        const id = params['id'] as string;
        // said before anything of the body
        if (!(await isHalt(tenant, id))) throw new NotFoundError('There is no such halt.');
        return answer(200, writeHalt(await liftHalt(tenant, id, caller, readBody(liftBody, body).reason)));
      },
    },
  ];
}

async function ordered({ tenant, caller, body }: CallerInput): Promise<Answer> {
  const { scope, reason, pending, until } = readBody(haltBody, body);
  const untilMs = until === undefined ? undefined : Date.parse(until);
  const halt = await orderHalt(tenant, caller, { scope: readScope(scope), reason, pending, untilMs, nowMs: Date.now() });
  return answer(201, { ...writeHalt(halt), warnings: unknownInScope(halt.scope, tenant.known) });
}

function answer(status: number, body: object): Answer {
  return { status, body: JSON.stringify(body) };
}
