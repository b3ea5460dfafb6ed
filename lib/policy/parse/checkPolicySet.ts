import type { Steps } from '../../common/time/inSlices.js';
import type { Policy } from '../Policy.js';

/** The group every tool is in. */
export const CALL_TOOL = 'call_tool';

type Report = (policy: Policy, message: string) => void;

/** Reports what is wrong between policies that are each sound, in steps of one policy. */
export function* checkPolicySet(policies: readonly Policy[], report: Report): Steps<void> {
  yield* checkIds(policies, report);
  const groups = groupsNamed(policies);
  for (const policy of policies) {
    if (policy.action.kind === 'equals' && groups.has(policy.action.id))
      report(
        policy,
        `The action "${policy.action.id}" is used as a group by another policy ("action in"). A tool and a group must not share a name: rename one.`,
      );
    yield;
  }
  yield* checkPointers(policies, report);
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

function* checkIds(policies: readonly Policy[], report: Report): Steps<void> {
  const first = new Map<string, Policy>();
  for (const policy of policies) {
    const other = first.get(policy.id);
    if (other === undefined) first.set(policy.id, policy);
    else report(policy, `This @id is already used at ${other.file}:${other.line}:${other.column}. Give each policy an @id of its own.`);
    yield;
  }
}

/** Overlapping pointers of policies that may meet on one call would leave the outcome to their order. Linear: hostile sets have thousands. */
function* checkPointers(policies: readonly Policy[], report: Report): Steps<void> {
  const pointers = new PointerIndex();
  const beyond = new PointerIndex();
  for (const policy of policies) {
    for (const { path, pointer } of policy.operations) {
      const around = prefixesOf(path);
      const other = beyond.find(nameOf(path), policy) ?? first(around, (prefix) => pointers.find(prefix, policy));
      if (other !== undefined)
        report(
          policy,
          `@sanitize: '${pointer}' overlaps '${other.pointer}' of policy '${other.policy.id}', so the result would depend on their order. Change one of them.`,
        );
    }
    // later: what overlaps within one policy is that policy's own problem, and reported as such
    for (const { path, pointer } of policy.operations) {
      pointers.add(nameOf(path), { policy, pointer });
      for (const prefix of prefixesOf(path)) beyond.add(prefix, { policy, pointer });
    }
    yield;
  }
}

interface Pointer {
  readonly policy: Policy;
  readonly pointer: string;
}

/** The first pointer of each name, for each tool that a scope names with `==` and for all other scopes. */
class PointerIndex {
  readonly #byName = new Map<string, Map<string | undefined, Pointer>>();

  add(name: string, pointer: Pointer): void {
    const byTool = this.#byName.get(name) ?? new Map<string | undefined, Pointer>();
    const tool = toolOf(pointer.policy);
    if (!byTool.has(tool)) this.#byName.set(name, byTool.set(tool, pointer));
  }

  /** A pointer of a policy that may meet this one on a call. */
  find(name: string, policy: Policy): Pointer | undefined {
    const byTool = this.#byName.get(name);
    const tool = toolOf(policy);
    return tool === undefined ? byTool?.values().next().value : (byTool?.get(tool) ?? byTool?.get(undefined));
  }
}

function toolOf({ action }: Policy): string | undefined {
  return action.kind === 'equals' ? action.id : undefined;
}

/** Params are never as deep as this: what is below it does not matter, and would take memory by the square of its depth. */
const MAX_DEPTH = 64;

function prefixesOf(path: readonly string[]): string[] {
  return path.slice(1, MAX_DEPTH).map((_, i) => nameOf(path.slice(0, i + 1)));
}

function nameOf(path: readonly string[]): string {
  return JSON.stringify(path);
}

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
