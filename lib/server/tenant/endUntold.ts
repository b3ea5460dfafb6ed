import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { Tenant } from './Tenant.js';

/** How far back the first look goes, in milliseconds: there was perhaps no server for a while. */
const FIRST_LOOK_MS = 86_400_000;
/** How much of that one query is about, in milliseconds: what was used is listed too. */
const SLICE_MS = 600_000;

/** Until when it was looked, for each desk. */
const seen = new WeakMap<ApprovalDesk, number>();

/**
 * Ends what was approved and what its client, which cannot use it up, was not told of in time. A limit has counted it when it was opened, and nothing ran.
 */
export async function endUntold(
  { desk, approvals, policies }: Pick<Tenant, 'desk' | 'approvals' | 'policies'>,
  nowMs: number,
): Promise<void> {
  if (!policies.engine.hasLimits) return;
  for (let fromMs = seen.get(desk) ?? nowMs - FIRST_LOOK_MS; fromMs < nowMs;) {
    const untilMs = Math.min(fromMs + SLICE_MS, nowMs);
    const over = await approvals.list({ status: 'approved', overdueSinceMs: fromMs, overdueAtMs: untilMs, limit: Infinity });
    for (const { decisionId, counted, consumed } of over)
      if (counted === true && consumed === undefined) await desk.end(decisionId, 'expired');
    fromMs = untilMs;
    seen.set(desk, fromMs);
  }
}
