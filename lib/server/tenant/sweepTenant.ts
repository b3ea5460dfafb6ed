import type { Tenant } from './Tenant.js';

/** The kind of the records of how callers say that runs ended. */
export const OUTCOME_KIND = 'outcome';

/** Ends what is over at a tenant: pending approvals whose time has passed, and records that need not be kept. Each server does, and one of them wins. */
export async function sweepTenant(
  { desk, records, identity }: Pick<Tenant, 'desk' | 'records' | 'identity'>,
  nowMs: number,
): Promise<void> {
  await desk.endOverdue();
  await records.prune(OUTCOME_KIND, nowMs);
  await identity.prune(nowMs);
}
