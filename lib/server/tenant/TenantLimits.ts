import { LruMap } from '../../common/LruMap.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { LimitEvent } from '../../decision/limit/LimitEvent.js';
import { readLimitLabel } from '../../decision/limit/limitLabel.js';
import { Limits } from '../../decision/limit/Limits.js';
import type { LimitState } from '../../decision/limit/LimitState.js';
import { AMOUNT_PARTS } from '../../model/terms/LimitTerms.js';
import type { LimitTerms } from '../../model/terms/LimitTerms.js';
import { isWithin } from '../../model/view/readSensitive.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import type { ReloadablePolicies } from '../../policy/live/ReloadablePolicies.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';

/** A limit of the policies in force. */
export interface LimitInForce {
  readonly policyId: string;
  readonly terms: LimitTerms;
  /** Whether it is only watched: it counts, and stops nothing. */
  readonly observed: boolean;
}

/** What a limit has counted beside one approval, for people. */
export interface ApprovalLimit extends Pick<LimitState, 'policyId' | 'by' | 'used' | 'limit' | 'endsAtMs'> {
  /** How much the call counts; absent where that is said by a param that its guard hides from who decides. */
  readonly cost?: number | undefined;
  /** Whether it does not fit now. */
  readonly isOver: boolean;
  /** Whether a person is asked because of this limit. */
  readonly asked: boolean;
  /** Whether it is only watched: it counts, and stops nothing. */
  readonly observed: boolean;
  /** Whether the call is counted already. */
  readonly counted: boolean;
}

/** A limit has refused a call, or is nearly used up. */
export interface LimitNews extends Pick<LimitEvent, 'how' | 'agentId' | 'toolName'> {
  /** The ids of the limits' policies. */
  readonly policyIds: readonly string[];
  /** What does not fit, or is nearly used up; none where the call could not be counted. */
  readonly counters: readonly Pick<LimitState, 'key' | 'policyId' | 'by' | 'kind' | 'windowMs'>[];
}

/** How many approvals are remembered whose use a limit refused: why is asked right after it. */
const MAX_REFUSED = 1_000;

/** The limits of a tenant: what its policies say, and what was counted. */
export class TenantLimits {
  readonly #desk: ApprovalDesk;
  readonly #policies: ReloadablePolicies;
  readonly #now: () => number;
  /** Approvals whose last use a limit refused, by id. */
  readonly #refused = new LruMap<string, true>(MAX_REFUSED);

  constructor(desk: ApprovalDesk, policies: ReloadablePolicies, now: () => number) {
    this.#desk = desk;
    this.#policies = policies;
    this.#now = now;
    desk.counts.onLimit(({ approvalId }) => {
      if (approvalId !== undefined) this.#refused.set(approvalId, true);
    });
  }

  /** Whether a limit refused the use of an approval that was just tried. It is said once. */
  hasRefused(decisionId: string): boolean {
    const was = this.#refused.get(decisionId) === true;
    if (was) this.#refused.delete(decisionId);
    return was;
  }

  /** Tells of what happens at limits. */
  on(listener: (event: LimitNews) => void): void {
    this.#desk.counts.onLimit(({ how, agentId, toolName, takes, uncounted }) => {
      const counters = takes.map(({ key, label, kind, windowMs }) => ({ key, ...readLimitLabel(label), kind, windowMs }));
      listener({ how, agentId, toolName, counters, policyIds: [...counters.map(({ policyId }) => policyId), ...uncounted] });
    });
  }

  /** What was counted in windows that are not over, the fullest first: at most 200. @throws StoreError */
  list(): Promise<readonly LimitState[]> {
    return new Limits(() => this.#desk.counts.counters).list();
  }

  /** Those of the policies in force, by id. */
  inForce(): readonly LimitInForce[] {
    const nowMs = this.#now();
    const limits = this.#policies.engine.policies.flatMap(({ id, limit: terms, observeUntilMs = 0 }) =>
      terms === undefined ? [] : [{ policyId: id, terms, observed: nowMs < observeUntilMs }],
    );
    return limits.sort((a, b) => (a.policyId < b.policyId ? -1 : 1));
  }

  /** What the limits of the policies in force have counted that the call of an approval counts towards. Empty once it was used, or is over. */
  async ofApproval(record: ApprovalRecord): Promise<readonly ApprovalLimit[]> {
    const { status, consumed, decisionId, policies } = record;
    if ((status !== 'pending' && status !== 'approved') || consumed !== undefined) return [];
    const { counts } = this.#desk;
    const counting = await counts.rules.countingOf(record);
    if (counting === undefined || counting === 'refused') return [];
    const states = await counts.counters.peek(counting.takes, decisionId);
    const inForce = new Map(this.inForce().map((one) => [one.policyId, one]));
    const hidden = hiddenFromApprover(record);
    return counting.takes.map(({ cost, limit, label }, i) => {
      const { used, own, retryAtMs: endsAtMs } = states[i] as (typeof states)[number];
      const { policyId, by } = readLimitLabel(label);
      const { terms, observed = false } = inForce.get(policyId) ?? {};
      const others = used - own;
      return {
        policyId,
        by,
        ...(isShown(terms?.cost, hidden) && { cost: cost / AMOUNT_PARTS }),
        isOver: others + cost > limit,
        limit: limit / AMOUNT_PARTS,
        used: others / AMOUNT_PARTS,
        endsAtMs,
        asked: policies.some(({ id }) => id === policyId),
        observed,
        counted: own > 0,
      };
    });
  }
}

/** Whether a cost is no value that is kept from who decides. */
function isShown(pointer: string | undefined, hidden: readonly string[]): boolean {
  return pointer === undefined || !hidden.some((one) => isWithin(pointer, one) || isWithin(one, pointer));
}
