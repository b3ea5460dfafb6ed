import { haltAnswer, haltBody, haltsAnswer, liftBody, readScope, writeHalt } from '../../../decision/wire/govern/haltsAnswer.js';
import type { WireHaltScope } from '../../../decision/wire/govern/haltsAnswer.js';
import { readBody } from '../../../decision/wire/readBody.js';
import { AegisError } from '../../../model/AegisError.js';
import { BadRequestError, NotFoundError } from '../../../model/errors/ServiceErrors.js';
import type { Halt } from '../../../model/halt/Halt.js';
import { RequestError } from '../../front/RequestError.js';
import type { Answer, CallerInput, Route } from '../Route.js';

/** The longest pause of an agent that an approver may order, in milliseconds. */
const PAUSE_MS = 3_600_000;

/** The routes by which people and the operator of the host stop calls: the kill switch of a tenant. */
export function haltRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/halts',
      name: 'listHalts',
      summary: 'Lists the halts in force, oldest first; with `all` also those that are over.',
      scope: 'approvals:read',
      query: { all: '`true` for those that are over too.' },
      answers: { 200: haltsAnswer },
      async handle({ tenant, query }) {
        const halts = await tenant.halts.list({ all: query.get('all') === 'true' });
        return answer(200, { halts: halts.map(writeHalt) });
      },
    },
    {
      method: 'POST',
      path: '/v1/halts',
      name: 'orderHalt',
      summary:
        'Lets no call in the scope run from now on. An approver may pause one agent for an hour at most; an admin may halt anything.',
      scope: 'verdict',
      roles: ['admin', 'approver'],
      request: haltBody,
      answers: { 201: haltAnswer },
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
        if ((await tenant.halts.list({ all: true })).every((halt) => halt.id !== id)) throw new NotFoundError('There is no such halt.');
        const { reason } = readBody(liftBody, body);
        return answer(200, writeHalt(await checked(tenant.halts.lift(id, { by: caller.id, reason }))));
      },
    },
  ];
}

async function ordered({ tenant, caller, body }: CallerInput): Promise<Answer> {
  const { scope: given, reason, pending, until } = readBody(haltBody, body);
  const untilMs = until === undefined ? undefined : Date.parse(until);
  checkPause(caller, given, untilMs);
  const order = { by: caller.id, reason, pending, ...(untilMs !== undefined && { untilMs }) };
  return answer(201, writeHalt(await checked(tenant.halts.halt(readScope(given), order))));
}

/** @throws RequestError 403 `role_missing` where a person who is not an admin orders more than a pause of one agent */
function checkPause({ signedIn }: CallerInput['caller'], { agent, ...more }: WireHaltScope, untilMs: number = Infinity): void {
  if (signedIn === undefined || signedIn.roles.has('admin')) return;
  const isOneAgent = agent !== undefined && Object.keys(more).length === 0;
  if (isOneAgent && untilMs <= Date.now() + PAUSE_MS) return;
  throw new RequestError(
    403,
    'role_missing',
    'An approver may pause one agent, for an hour at most: give `scope.agent` alone, and `until`. Everything else takes an admin.',
  );
}

/** What a halt cannot be ordered with is the caller's fault. */
async function checked(work: Promise<Halt>): Promise<Halt> {
  try {
    return await work;
  } catch (error) {
    if (AegisError.is(error) && error.name === 'ConfigError') throw new BadRequestError(error.message);
    throw error;
  }
}

function answer(status: number, body: object): Answer {
  return { status, body: JSON.stringify(body) };
}
