import { canonicalText } from '../../common/data/canonical.js';
import type { Effect } from '../../model/Decision.js';
import type { AppliedPolicy, PolicyOutcome } from '../PolicyEngine.js';

/**
 * How other policies decide one call.
 *
 * - `newlyAllowed`: it runs and did not, or runs unchanged and ran with changed params.
 * - `asksFewer`: a person is still asked, but fewer or other policies ask, or one of them asks for less: for fewer people, of more groups, or of a lower severity,
 *   or the requester may approve.
 * - `milder`: a person is asked about what was denied.
 * - `changed`: it runs with other params.
 * - `stricter`: it is denied, asked about, or changed, and was not; or more policies ask, or one of them asks for more.
 */
export type DifferenceKind = 'newlyAllowed' | 'asksFewer' | 'milder' | 'changed' | 'stricter';

/** The first comes first in a report. */
export const DIFFERENCE_KINDS: readonly DifferenceKind[] = ['newlyAllowed', 'asksFewer', 'milder', 'changed', 'stricter'];

/** A policy that asks, and what it asks for. */
export type AskingPolicy = Pick<AppliedPolicy, 'id' | 'hash' | 'severity' | 'approvers' | 'selfApproval' | 'quorum' | 'distinct'>;

/** Calls of one tool that other policies decide otherwise, all in the same way. */
export interface DifferenceRow {
  /** How it differs. */
  readonly kind: DifferenceKind;
  /** The tool. */
  readonly toolName: string;
  /** The effect as it was. */
  readonly from: Effect;
  /** The effect of the other policies. */
  readonly to: Effect;
  /** Ids of the policies that determined the decision as it was; empty where they are not known. */
  readonly before: readonly string[];
  /** Ids of the policies that determine the other decision. */
  readonly after: readonly string[];
  /** How many calls. */
  readonly calls: number;
  /** When the first of them was made, in epoch milliseconds. */
  readonly firstAtMs: number;
  /** When the last of them was made, in epoch milliseconds. */
  readonly lastAtMs: number;
}

/** What other policies would have decided otherwise. */
export interface DifferenceReport {
  /** How many calls were compared. */
  readonly compared: number;
  /** How many calls differ, by kind. */
  readonly differences: Readonly<Record<DifferenceKind, number>>;
  /** The differences: newly allowed ones first, then by how many calls. */
  readonly rows: readonly DifferenceRow[];
  /** How many calls differ in a way that has no row, because there are too many rows. */
  readonly otherCalls: number;
}

/** What is known of a decision that was made earlier. */
export interface EarlierDecision {
  readonly effect: Effect;
  /** Ids of the policies that determined it. */
  readonly policies?: readonly string[] | undefined;
  /** The policies that asked; absent where they are not known. */
  readonly approvals?: readonly AskingPolicy[] | undefined;
  /** The canonical text of the params that would run; absent where they are those of the call, or not known. */
  readonly paramsText?: string | undefined;
  /** Which params would have run is not known. */
  readonly paramsUnknown?: true | undefined;
}

const MAX_ROWS = 1_000;
const RANK: Readonly<Record<Effect, number>> = { allow: 0, sanitize: 1, approval_needed: 2, deny: 3 };

type Counted = { -readonly [K in keyof DifferenceRow]: DifferenceRow[K] };

/** Counts how decisions differ. */
export class DifferenceTable {
  readonly #rows = new Map<string, Counted>();
  readonly #counts: Record<DifferenceKind, number> = { newlyAllowed: 0, asksFewer: 0, milder: 0, changed: 0, stricter: 0 };
  #compared = 0;
  #otherCalls = 0;

  /** Compares the decision on a call with that of other policies, made on the same call, facts and time. */
  add(toolName: string, atMs: number, earlier: EarlierDecision, outcome: PolicyOutcome): void {
    this.#compared += 1;
    const kind = differenceKind(earlier, outcome);
    if (kind !== undefined) this.#count(kind, toolName, atMs, earlier, outcome);
  }

  /** {@link add} for two outcomes. Mostly they are the same, and then it takes no time. */
  addOutcomes(toolName: string, atMs: number, before: PolicyOutcome, after: PolicyOutcome): void {
    if (before.effect === after.effect && (before.effect === 'allow' || before.effect === 'deny')) this.#compared += 1;
    else this.add(toolName, atMs, earlierOf(before), after);
  }

  /** What was counted so far. */
  report(): DifferenceReport {
    const order = (row: DifferenceRow): number => DIFFERENCE_KINDS.indexOf(row.kind);
    const rows = [...this.#rows.values()].map((row) => ({ ...row }));
    rows.sort((a, b) => order(a) - order(b) || b.calls - a.calls || (a.toolName < b.toolName ? -1 : 1));
    return { compared: this.#compared, differences: { ...this.#counts }, rows, otherCalls: this.#otherCalls };
  }

  #count(
    kind: DifferenceKind,
    toolName: string,
    atMs: number,
    { effect: from, policies: before = [] }: EarlierDecision,
    outcome: PolicyOutcome,
  ): void {
    this.#counts[kind] += 1;
    const after = idsOf(outcome);
    const key = JSON.stringify([kind, toolName, from, outcome.effect, before, after]);
    const row = this.#rows.get(key);
    if (row !== undefined) {
      row.calls += 1;
      row.firstAtMs = Math.min(row.firstAtMs, atMs);
      row.lastAtMs = Math.max(row.lastAtMs, atMs);
    } else if (this.#rows.size < MAX_ROWS)
      this.#rows.set(key, { kind, toolName, from, to: outcome.effect, before, after, calls: 1, firstAtMs: atMs, lastAtMs: atMs });
    else this.#otherCalls += 1;
  }
}

function idsOf({ policies }: PolicyOutcome): readonly string[] {
  return policies.map(({ id }) => id);
}

function earlierOf(outcome: PolicyOutcome): EarlierDecision {
  const approvals = outcome.effect === 'approval_needed' ? outcome.approvals : undefined;
  return { effect: outcome.effect, policies: idsOf(outcome), approvals, paramsText: paramsTextOf(outcome) };
}

/** The canonical text of the params that policies made of a call; undefined where they left them as they were. */
function paramsTextOf(outcome: PolicyOutcome): string | undefined {
  return 'params' in outcome && outcome.params !== undefined ? canonicalText(outcome.params) : undefined;
}

/** How another decision differs; undefined where the same becomes of the call. */
function differenceKind(earlier: EarlierDecision, outcome: PolicyOutcome): DifferenceKind | undefined {
  const [from, to] = [RANK[earlier.effect], RANK[outcome.effect]];
  if (to < from) return to <= RANK.sanitize ? 'newlyAllowed' : 'milder';
  if (to > from) return 'stricter';
  if (outcome.effect === 'allow' || outcome.effect === 'deny') return undefined;
  const asking = outcome.effect === 'approval_needed' ? askingKind(earlier.approvals, outcome.approvals) : undefined;
  if (asking === 'asksFewer' || earlier.paramsUnknown === true) return asking;
  return paramsTextOf(outcome) === earlier.paramsText ? asking : 'changed';
}

function askingKind(before: readonly AskingPolicy[] | undefined, after: readonly AskingPolicy[]): DifferenceKind | undefined {
  if (before === undefined || before === after) return undefined;
  let isMore = before.length < after.length;
  for (const policy of before) {
    const same = after.find(({ id }) => id === policy.id);
    if (same === undefined || asksLess(policy, same)) return 'asksFewer';
    isMore ||= asksLess(same, policy);
  }
  return isMore ? 'stricter' : undefined;
}

const SEVERITIES: readonly string[] = ['low', 'medium', 'high', 'critical'];

/** Whether a policy asks for less than it did. */
function asksLess(before: AskingPolicy, after: AskingPolicy): boolean {
  if (after.hash === before.hash) return false;
  if (after.selfApproval === true && before.selfApproval !== true) return true;
  if (before.distinct === true && after.distinct !== true) return true;
  if ((after.quorum ?? 1) < (before.quorum ?? 1) || rankOf(after) < rankOf(before)) return true;
  const { approvers: groups } = before;
  return groups !== undefined && (after.approvers === undefined || after.approvers.some((group) => !groups.includes(group)));
}

function rankOf({ severity = 'medium' }: AskingPolicy): number {
  return SEVERITIES.indexOf(severity);
}
