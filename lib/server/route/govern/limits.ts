import { limitAnswer, limitsAnswer, writeCounter } from '../../../decision/wire/govern/limitsAnswer.js';
import type { WireLimit } from '../../../decision/wire/govern/limitsAnswer.js';
import type { LimitState } from '../../../decision/limit/LimitState.js';
import { AMOUNT_PARTS } from '../../../model/terms/LimitTerms.js';
import { BadRequestError, NotFoundError } from '../../../model/errors/ServiceErrors.js';
import type { Caller } from '../../access/Caller.js';
import type { LimitInForce } from '../../tenant/TenantLimits.js';
import type { Answer, CallerInput, Route } from '../Route.js';

/** The routes by which people and operators read what limits have counted. */
export function limitRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/limits',
      name: 'listLimits',
      summary: 'Lists what limits have counted in windows that are not over, the fullest first: at most 200.',
      scope: 'approvals:read',
      query: {
        policy: 'Only of this limit, by the id of its policy.',
        agent: 'Only what is counted for this agent.',
        near: 'true: only what is nearly used up, or used up.',
      },
      answers: { 200: limitsAnswer },
      async handle({ caller, tenant, query }) {
        const near = query.get('near');
        if (near !== null && near !== 'true' && near !== 'false') throw new BadRequestError('`near` must be true or false.');
        const [policy, agent] = [query.get('policy'), query.get('agent')];
        const counters = (await tenant.limits.list()).filter(
          (one) =>
            maySee(caller, one) &&
            (policy === null || one.policyId === policy) &&
            (agent === null || one.by['agent'] === agent) &&
            (near !== 'true' || one.level !== 'free'),
        );
        return answer({ counters: counters.map(writeCounter) });
      },
    },
    {
      method: 'GET',
      path: '/v1/limits/:id',
      name: 'readLimit',
      summary: 'Gives one limit, by the id of its policy: what it says, and what it has counted.',
      scope: 'approvals:read',
      answers: { 200: limitAnswer },
      handle: read,
    },
  ];
}

/** @throws NotFoundError for an unknown id and, with the very same words, for a limit that counts nothing for the agents of the caller */
async function read({ caller, tenant, params }: CallerInput): Promise<Answer> {
  const id = params['id'] as string;
  const counters = (await tenant.limits.list()).filter((one) => one.policyId === id && maySee(caller, one));
  const inForce = tenant.limits.inForce().find(({ policyId }) => policyId === id);
  if (counters.length === 0 && (inForce === undefined || caller.agents !== undefined))
    throw new NotFoundError('There is no limit with this id.');
  return answer({ counters: counters.map(writeCounter), in_force: inForce === undefined ? null : writeLimit(inForce) });
}

/**
 * Who reads for some agents alone learns what is counted for each of them as a whole: nothing that other agents have a part in, and nothing of the users
 * of an agent.
 */
function maySee({ agents }: Pick<Caller, 'agents'>, { by }: LimitState): boolean {
  if (agents === undefined) return true;
  const { agent, tenant: _tenant, tool: _tool, ...others } = by;
  return agent !== undefined && agents.includes(agent) && Object.keys(others).length === 0;
}

function writeLimit({ policyId, terms, observed }: LimitInForce): WireLimit {
  const { limit, windowMs, kind, by, cost = null, over, warnAt = null } = terms;
  const amount = limit / AMOUNT_PARTS;
  return { policy_id: policyId, limit: amount, window_s: windowMs / 1_000, kind, by, cost, over, warn_at: warnAt, observed };
}

function answer(body: object): Answer {
  return { status: 200, body: JSON.stringify(body) };
}
