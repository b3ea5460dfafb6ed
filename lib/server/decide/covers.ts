import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Caller } from '../access/Caller.js';
import { RequestError } from '../front/RequestError.js';
import type { Tenant } from '../tenant/Tenant.js';

/** Whether a caller speaks for an agent. */
export function covers({ agents }: Pick<Caller, 'agents'>, agentId: string): boolean {
  return agents === undefined || agents.includes(agentId);
}

/** The one agent that a caller can be; `undefined` where it speaks for several, so that what one of them did may be said to be another's. */
export function soleAgent({ agents }: Pick<Caller, 'agents'>): string | undefined {
  return agents?.length === 1 ? agents[0] : undefined;
}

/** @throws RequestError 403 `agent_not_covered` where a caller does not speak for an agent */
export function requireAgent(caller: Pick<Caller, 'agents'>, agentId: string): void {
  if (covers(caller, agentId)) return;
  const message = 'This key does not speak for the agent of the call. Use a key that has the agent in its list.';
  throw new RequestError(403, 'agent_not_covered', message);
}

/** What an id route needs of its request. */
interface Asked {
  readonly caller: Pick<Caller, 'agents'>;
  readonly tenant: Pick<Tenant, 'desk'>;
}

/**
 * The approval of an id, as it stands now.
 *
 * @throws NotFoundError for an unknown id and, with the very same words, for one of an agent that the caller does not speak for
 */
export function coveredApproval(asked: Asked, decisionId: string): Awaitable<ApprovalRecord> {
  return chain(findApproval(asked, decisionId), (record) => {
    if (record !== undefined) return record;
    throw new NotFoundError('There is no approval with this id.');
  });
}

/** As {@link coveredApproval}, `undefined` where that throws. */
export function findApproval({ caller, tenant }: Asked, decisionId: string): Awaitable<ApprovalRecord | undefined> {
  return chain(tenant.desk.get(decisionId), (record) => (record !== undefined && covers(caller, record.agentId) ? record : undefined));
}
