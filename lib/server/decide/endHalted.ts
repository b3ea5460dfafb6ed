import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { HaltScope } from '../../model/halt/Halt.js';
import type { ApprovalQuery } from '../../store/ApprovalStore.js';
import type { Tenant } from '../tenant/Tenant.js';

/** The halts for which everything that was approved has been looked through: nothing more is approved in their scope. */
const done = new WeakMap<ApprovalDesk, ReadonlySet<string>>();

/**
 * Ends what waits, or is approved and not used, in the scope of the halts in force that cancel it. Callers elsewhere cannot: their programs do not read the halts.
 * Each server does, and one of them wins.
 */
export async function endHalted(
  { desk, approvals, halts, tools }: Pick<Tenant, 'desk' | 'approvals' | 'halts' | 'tools'>,
  nowMs: number,
): Promise<void> {
  const before = done.get(desk);
  const now = new Set<string>();
  for (const { id, scope, pending } of halts.inForce) {
    if (pending !== 'cancel') continue;
    const ended = async (query: ApprovalQuery): Promise<void> => {
      for (const { decisionId, consumed } of await approvals.list({ ...query, limit: Infinity }))
        if (consumed === undefined) await desk.end(decisionId, 'withdrawn');
    };
    for (const query of queriesOf(scope, tools)) {
      await ended({ ...query, status: 'pending' });
      if (before?.has(id) !== true) await ended({ ...query, status: 'approved', overdueSinceMs: nowMs });
    }
    now.add(id);
  }
  done.set(desk, now);
}

/** How the approvals in a scope are found: the store does not know the groups of a tool. */
function queriesOf({ agentId, toolName, group }: HaltScope, tools: Tenant['tools']): readonly ApprovalQuery[] {
  if (group === undefined) return [{ agentId, toolName }];
  const inGroup = [...tools].filter(([name, { groups }]) => groups?.includes(group) === true && (toolName ?? name) === name);
  return inGroup.map(([name]) => ({ agentId, toolName: name }));
}
