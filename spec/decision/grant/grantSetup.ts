import type { Grant, GrantInput } from '../../../lib/model/terms/Grant.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import type { Decision } from '../../../lib/model/Decision.js';
import type { Params, Session } from '../../../lib/model/Params.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { randomId } from '../../../lib/common/nextId.js';
import { requestOf } from '../../support/callRequests.js';

/** Refunds above nothing at all ask, and may be granted. */
export const GRANTABLE = `@id("permit-all") permit (principal, action, resource);
@id("refund") @effect("approval_needed") @grantable("50 uses; 8h")
forbid (principal, action == Aegis::Action::"refund", resource);
`;

/** A refund as the agent calls it. */
export const REFUND: Params = { amount: 40, currency: 'EUR', to: 'ann@example.com' };

/** Within these a refund is like {@link REFUND}. */
export const LOOSE: GrantInput = { uses: 10, forMs: 3_600_000, loosen: { '/amount': { '>=': 0, '<=': 100 } } };

/** A module whose refunds may be granted. */
export function grantModule(options: Partial<AegisOptions> = {}): AegisModule {
  return AegisModule.create({ policies: { text: GRANTABLE }, agentId: 'bot', ...options });
}

/** Decides a refund. */
export async function decide(
  aegis: AegisModule,
  params: Params = REFUND,
  more: { readonly session?: Session; readonly guardKey?: string } = {},
): Promise<Decision> {
  return aegis.decisions.decide(
    requestOf({ toolName: 'refund', agentId: 'bot', params, guardKey: 'refund', callId: randomId('call'), ...more }),
    { signal: new AbortController().signal },
  );
}

/** Asks about a refund. */
export async function asked(aegis: AegisModule, params: Params = REFUND, more: Parameters<typeof decide>[2] = {}): Promise<ApprovalRecord> {
  const { decisionId, effect } = await decide(aegis, params, more);
  const record = await aegis.approvals.get(decisionId);
  if (record === undefined) throw new Error(`nothing was asked: ${effect}`);
  return record;
}

/** Has a refund approved, with a grant. */
export async function granted(
  aegis: AegisModule,
  input: Partial<GrantInput> = {},
  params: Params = REFUND,
  more: Parameters<typeof decide>[2] = {},
): Promise<Grant> {
  const { decisionId, digest } = await asked(aegis, params, more);
  await aegis.approvals.approve(decisionId, { by: 'rita', digest, grant: { ...LOOSE, ...input } });
  const found = (await aegis.grants.list()).find(({ fromDecision }) => fromDecision === decisionId);
  if (found === undefined) throw new Error('no grant was made');
  return found;
}

/** Calls the tool as an adapter does. */
export async function call(aegis: AegisModule, amount: number, run: () => unknown = () => amount): Promise<'ran' | 'denied' | 'pending'> {
  const outcome = await guardCall(aegis, { agentId: 'bot', toolName: 'refund', params: { ...REFUND, amount } }, run);
  return outcome.kind;
}
