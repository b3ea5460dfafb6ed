import type { Policy } from '../Policy.js';
import { overlaps } from '../sanitize/operations.js';

/** The group every tool is in. */
export const CALL_TOOL = 'call_tool';

/** Reports what is wrong between policies that are each sound. */
export function checkPolicySet(policies: readonly Policy[], report: (policy: Policy, message: string) => void): void {
  checkIds(policies, report);
  const groups = groupsNamed(policies);
  for (const policy of policies) {
    if (policy.action.kind === 'equals' && groups.has(policy.action.id))
      report(
        policy,
        `The action "${policy.action.id}" is used as a group by another policy ("action in"). A tool and a group must not share a name: rename one.`,
      );
  }
  checkPointers(
    policies.filter((policy) => policy.effect === 'sanitize'),
    report,
  );
}

/**
 * The names that policies use as action groups: `action in Aegis::Action::"g"`. Names in a list are left out, for a list may name tools. A tool
 * with the name of a group would be a member of that group.
 */
export function groupsNamed(policies: readonly Policy[]): Set<string> {
  const groups = new Set([CALL_TOOL]);
  for (const { action, groupsAsked } of policies) {
    if (action.kind === 'in' && !action.list) for (const id of action.ids) groups.add(id);
    for (const id of groupsAsked) groups.add(id);
  }
  return groups;
}

function checkIds(policies: readonly Policy[], report: (policy: Policy, message: string) => void): void {
  const first = new Map<string, Policy>();
  for (const policy of policies) {
    const other = first.get(policy.id);
    if (other === undefined) first.set(policy.id, policy);
    else report(policy, `This @id is already used at ${other.file}:${other.line}:${other.column}. Give each policy an @id of its own.`);
  }
}

/** Overlapping pointers of policies that may meet on one call would leave the outcome to their order. */
function checkPointers(policies: readonly Policy[], report: (policy: Policy, message: string) => void): void {
  for (const [i, a] of policies.entries()) {
    for (const b of policies.slice(i + 1)) {
      if (a.action.kind === 'equals' && b.action.kind === 'equals' && a.action.id !== b.action.id) continue;
      for (const x of a.operations) {
        const y = b.operations.find((o) => overlaps(x.path, o.path));
        if (y !== undefined)
          report(
            b,
            `@sanitize: '${y.pointer}' overlaps '${x.pointer}' of policy '${a.id}', so the result would depend on their order. Change one of them.`,
          );
      }
    }
  }
}
