import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { Decision } from '../../model/Decision.js';
import { WITHDRAWAL_KIND } from '../tenant/sweepTenant.js';
import type { Tenant } from '../tenant/Tenant.js';

/** How long such a request may still be under way, in milliseconds. */
const UNDER_WAY_MS = 120_000;

/**
 * Withdraws what a request opens that its client has given up, now or later, at this server or another one: first the request is written down as given
 * up, then its approval is looked for; who opens the approval does both the other way round.
 */
export async function withdrawRequest({ approvals, desk, records }: Tenant, agentId: string, key: string, nowMs: number): Promise<void> {
  const end = async (): Promise<boolean> => {
    const opened = await approvals.ofIdempotencyKey?.(agentId, key);
    if (opened !== undefined) await desk.end(opened.decisionId, 'withdrawn');
    return opened !== undefined;
  };
  if (await end()) return;
  const given = { kind: WITHDRAWAL_KIND, id: idOf(agentId, key), version: 1, createdAtMs: nowMs, body: '{}' };
  await records.insert({ ...given, deleteAfterMs: nowMs + UNDER_WAY_MS });
  await end();
}

/** Ends the approval that a decision has opened for a request which its client has given up meanwhile. */
export function endIfWithdrawn({ desk, records }: Tenant, agentId: string, key: string, decision: Decision): Awaitable<Decision> {
  if (decision.effect !== 'approval_needed') return decision;
  return chain(records.get(WITHDRAWAL_KIND, idOf(agentId, key)), (withdrawn) =>
    withdrawn === undefined ? decision : chain(desk.end(decision.decisionId, 'withdrawn'), () => decision),
  );
}

function idOf(agentId: string, key: string): string {
  return canonicalDigest([agentId, key]);
}
