import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { Decision } from '../../model/Decision.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { haltOn } from '../tenant/haltsOf.js';
import type { Tenant } from '../tenant/Tenant.js';
import { RemoteRequest } from './RemoteRequest.js';

/** For how long a caller is told again that its call was approved, in milliseconds: the first answer may have got lost. */
const REPEATED_MS = 300_000;
/** The same for every answer, so that an approval is used once. */
const TOKEN = 'answer';

/**
 * Where an approval stands, for its caller. Of a client that cannot use approvals up by itself, being told that its call was approved is a licence to run
 * it: so it is told that only while the policies still permit the call, and being told is the use of the approval.
 *
 * @returns the approval as its caller is to see it; `undefined` where it is gone
 */
export function answeredStatus(
  record: ApprovalRecord,
  tenant: Pick<Tenant, 'decisions' | 'desk' | 'tools' | 'halts'>,
  nowMs: number,
): Awaitable<ApprovalRecord | undefined> {
  if (record.usedByAnswer !== true) return record;
  const { desk } = tenant;
  // its client has asked too late for what was approved: what it was counted for when it was opened is given back now, and not by the next sweep
  if (record.status === 'expired' && record.consumed === undefined)
    return chain(desk.end(record.decisionId, 'expired'), () => desk.get(record.decisionId));
  if (record.status !== 'approved') return record;
  const { decisionId, digest, consumed, agentId, toolName } = record;
  if (consumed !== undefined && nowMs - consumed.atMs > REPEATED_MS) return { ...record, status: 'expired' };
  const { decisions, halts, tools } = tenant;
  // what is halted waits: it is used, and told, also again, once the halt is over
  return chain(haltOn(halts, { agentId, toolName, groups: tools.get(toolName)?.groups }), (halted) => {
    if (halted !== undefined) return { ...record, status: 'pending' as const, consumed: undefined };
    if (consumed !== undefined) return record;
    const request = RemoteRequest.ofRecord(record, tenant);
    return chain(decisions.reevaluate(request, decisionId), (decision) => {
      const used =
        decision !== undefined &&
        permits(decision, record) &&
        desk.answer({ decisionId, digest, bindingBase: request.bindingBase, token: TOKEN });
      return chain(used, (isUsed) => chain(isUsed ? undefined : desk.end(decisionId, 'withdrawn'), () => desk.get(decisionId)));
    });
  });
}

/** Whether the policies, decided afresh, let exactly the approved params run. */
function permits(decision: Decision, { decisionId, digest, originalDigest }: ApprovalRecord): boolean {
  if (decision.effect === 'allow') return digest === originalDigest;
  // under another id it is not this approval that permits it
  return decision.effect === 'sanitize' && decision.decisionId === decisionId && canonicalDigest(decision.params) === digest;
}
