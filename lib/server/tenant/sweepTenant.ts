import { endUntold } from './endUntold.js';
import { POLICY_ACT_KIND } from './policyActs.js';
import type { Tenant } from './Tenant.js';

/** The kind of the records of requests that were given up before they had opened an approval. */
export const WITHDRAWAL_KIND = 'withdrawal';

/** Ends what is over at a tenant: approvals whose time has passed, and records that need not be kept. Each server does, and one of them wins. */
export async function sweepTenant(
  tenant: Pick<Tenant, 'desk' | 'records' | 'identity' | 'approvals' | 'policies'>,
  nowMs: number,
): Promise<void> {
  const { desk, records, identity, approvals } = tenant;
  await desk.endOverdue();
  await endUntold(tenant, nowMs);
  for (const kind of [WITHDRAWAL_KIND, POLICY_ACT_KIND, 'grant']) await records.prune(kind, nowMs);
  await identity.prune(nowMs);
  await approvals.counters?.prune();
}
