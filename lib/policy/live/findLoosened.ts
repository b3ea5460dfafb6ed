import { canonicalText } from '../../common/data/canonical.js';
import type { Steps } from '../../common/time/inSlices.js';
import type { Policy } from '../Policy.js';
import type { AppliedPolicy } from '../PolicyEngine.js';
import { limitChanges } from '../limit/limitChanges.js';
import type { LoosenedLimit } from '../limit/limitChanges.js';
import { approvalChanges } from './approvalChanges.js';
import type { LoosenedApproval } from './approvalChanges.js';
import { compareConditions } from './compareConditions.js';
import { scopeIncludes } from './scopeIncludes.js';

/** One way in which a reload would let more calls run, or let more people approve them. */
export interface LoosenedPolicy {
  /** The policy's `@id`. */
  readonly id: string;
  /** The file it is in; the one it was in if it is gone. */
  readonly file: string;
  /**
   * What is looser: `removed` (the policy is gone, or permits now), its `effect`, its `condition` or `scope` (a forbid may match less, a permit more),
   * or the annotation of that name.
   */
  readonly how: 'removed' | 'effect' | 'condition' | 'scope' | 'sanitize' | 'may_permit' | 'observe' | LoosenedLimit | LoosenedApproval;
  /** The change in words. */
  readonly message: string;
}

/** From the mildest to the strictest. */
const EFFECTS: readonly AppliedPolicy['effect'][] = ['permit', 'limit', 'sanitize', 'approval_needed', 'deny'];

/**
 * Compares two policy sets, in steps of one policy: what would let calls run that did not, or let more people approve them?
 *
 * Not a loosening: a permit that is gone, or new beside those that were there, a forbid that is new, and moving a policy to another file. A changed condition
 * is one, unless it is plain that it stops as much as before: in doubt a person looks. So is a permit that takes the place of one that is gone.
 */
export function* findLoosened(before: readonly Policy[], after: readonly Policy[]): Steps<LoosenedPolicy[]> {
  const found: LoosenedPolicy[] = [];
  const now = new Map<string, Policy>();
  for (const policy of after) {
    now.set(policy.id, policy);
    yield;
  }
  const old = new Map<string, Policy>();
  for (const policy of before) {
    old.set(policy.id, policy);
    const next = now.get(policy.id);
    const { id, file } = next ?? policy;
    for (const [how, message] of changesOf(policy, next)) found.push({ id, file, how, message });
    yield;
  }
  yield* renamedPermits(before, old, after, now, found);
  for (const { id, file, mayPermit } of after) {
    if (mayPermit && old.get(id)?.mayPermit !== true)
      found.push({
        id,
        file,
        how: 'may_permit',
        message: '@may_permit("true") was added: changed calls run that no permit covers as they came',
      });
    yield;
  }
  return found;
}

/** How many pairs of permits are compared before every further new permit may be wider. */
const MAX_PAIRS = 10_000;

/** A permit that is new under its `@id` but takes the place of one that is gone must not match more than a permit did before. */
function* renamedPermits(
  before: readonly Policy[],
  old: ReadonlyMap<string, Policy>,
  after: readonly Policy[],
  now: ReadonlyMap<string, Policy>,
  found: LoosenedPolicy[],
): Steps<void> {
  const were = before.filter(({ effect }) => effect === 'permit');
  const gone = were.filter(({ id }) => now.get(id)?.effect !== 'permit');
  if (gone.length === 0) return;
  let left = MAX_PAIRS;
  for (const policy of after) {
    if (policy.effect !== 'permit' || old.get(policy.id)?.effect === 'permit') continue;
    let replaced: Policy | undefined;
    for (const each of gone) {
      yield;
      if (left-- > 0 && !scopesMeet(policy, each)) continue;
      replaced = each;
      break;
    }
    if (replaced === undefined) continue;
    let covered = false;
    for (const each of were) {
      yield;
      covered = left-- > 0 && coversNoMore(each, policy);
      if (covered || left <= 0) break;
    }
    if (covered) continue;
    const how = scopeIncludes(replaced.json, policy.json) ? 'condition' : 'scope';
    const message = `the permit takes the place of '${replaced.id}', which is gone, and may match more calls`;
    found.push({ id: policy.id, file: policy.file, how, message });
  }
}

function scopesMeet(a: Policy, b: Policy): boolean {
  return scopeIncludes(a.json, b.json) || scopeIncludes(b.json, a.json);
}

type Change = readonly [how: LoosenedPolicy['how'], message: string];

function changesOf(before: Policy, after: Policy | undefined): Change[] {
  if (before.effect === 'permit') return after?.effect === 'permit' ? bodyChanges(before, after) : [];
  if (after === undefined) return [['removed', 'the policy is gone']];
  if (after.effect === 'permit') return [['removed', 'the forbid is a permit now']];
  const changes = bodyChanges(before, after);
  // no other effect but a deny stops what is over a limit
  const isUncounted = before.effect === 'limit' && after.effect !== 'limit' && after.effect !== 'deny';
  if (isUncounted || EFFECTS.indexOf(after.effect) < EFFECTS.indexOf(before.effect))
    changes.push(['effect', `@effect changed from ${before.effect} to ${after.effect}`]);
  if (before.effect === 'sanitize' && after.effect === 'approval_needed')
    changes.push(['sanitize', '@sanitize is gone: once a person approves, calls run with the params that they came with']);
  if (before.effect === 'sanitize' && after.effect === 'sanitize' && canonicalText(before.operations) !== canonicalText(after.operations))
    changes.push(['sanitize', 'the operations of @sanitize changed']);
  if (before.mayPermit && after.mayPermit && !coversNoMore(before, after))
    changes.push(['may_permit', 'the policy has @may_permit("true"), and may match more calls']);
  const watchedUntilMs = after.observeUntilMs ?? 0;
  if (watchedUntilMs > Math.max(before.observeUntilMs ?? 0, Date.now()))
    changes.push(['observe', `@observe("true") keeps the policy from being enforced until ${new Date(watchedUntilMs).toISOString()}`]);
  if (before.limit !== undefined && after.limit !== undefined) changes.push(...limitChanges(before.limit, after.limit));
  if (asks(before) && asks(after)) changes.push(...approvalChanges(before.applied, after.applied));
  return changes;
}

function asks({ effect, limit }: Policy): boolean {
  return effect === 'approval_needed' || limit?.over === 'approval_needed';
}

/** A permit must not match more than before, a forbid not less. */
function bodyChanges(before: Policy, after: Policy): Change[] {
  if (before.applied.hash === after.applied.hash) return [];
  const isPermit = before.effect === 'permit';
  const [wide, narrow] = isPermit ? [before, after] : [after, before];
  const changes: Change[] = [];
  if (!scopeIncludes(wide.json, narrow.json))
    changes.push(['scope', isPermit ? 'the scope of the permit may be wider' : 'the scope of the forbid may be narrower']);
  const kept = compareConditions(isPermit ? 'noMore' : 'asMuch', after.json, before.json);
  if (!kept) changes.push(['condition', isPermit ? 'the permit may match more calls' : 'the forbid may match fewer calls']);
  return changes;
}

function coversNoMore(before: Policy, after: Policy): boolean {
  return scopeIncludes(before.json, after.json) && compareConditions('noMore', after.json, before.json);
}
