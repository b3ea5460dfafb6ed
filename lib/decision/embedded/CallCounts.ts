import { chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { Logger } from '../../common/Logger.js';
import type { DecisionRequest } from '../../model/Decision.js';
import type { JournaledLimit, NamedPolicy } from '../../model/DecisionEvidence.js';
import type { Params } from '../../model/Params.js';
import { askingOutcome } from '../../policy/limit/askingOutcome.js';
import type { Limited } from '../../policy/limit/askingOutcome.js';
import type { AppliedLimit, AppliedPolicy, PolicyOutcome, PolicyEngine } from '../../policy/PolicyEngine.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Takes } from '../../store/counter/CounterStore.js';
import { LazyCounterStore } from '../../store/counter/LazyCounterStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import type { ApprovalRequest } from '../desk/ApprovalRequest.js';
import type { Counted } from '../desk/Openings.js';
import { LimitGate } from '../limit/LimitGate.js';
import type { CountedLimit, LimitDenial, LimitFinding } from '../limit/LimitGate.js';
import { isOwn, journaledLimit, limitedCall } from '../limit/limitedCall.js';
import type { CountingWay } from './CountingWay.js';

/** How long a call that is allowed here can be given back before its method is entered, in milliseconds. */
const RELEASED_WITHIN_MS = 60_000;
/** How long after its approval is over a call is known as counted, in milliseconds. */
const KEPT_LONGER_MS = 86_400_000;

/** Why limits do not let a call run. */
type Refused = Pick<LimitDenial, 'code' | 'reason' | 'policies' | 'retryAtMs'>;

type Approvable = Extract<PolicyOutcome, { effect: 'approval_needed' }>;

/** What limits say to a call that policies let run. */
export type Limiting =
  | LimitDenial
  /** People may let it run all the same. */
  | { readonly kind: 'asks'; readonly outcome: Approvable }
  | { readonly kind: 'fits'; readonly outcome: Limited; readonly counted: CountedDecision | undefined };

/** A call that was counted, under the id of its decision. */
export interface CountedDecision {
  readonly decisionId: string;
  readonly limits: readonly NamedPolicy[];
  readonly journaled: readonly JournaledLimit[] | undefined;
}

/** What counting needs. */
export interface CallCountsOptions {
  readonly policies: { readonly engine: PolicyEngine };
  readonly desk: ApprovalDesk;
  /** Whether each count is on the disk before its call runs. */
  readonly durable: boolean;
  readonly logger: Logger;
}

/** What is counted for the calls of a module, and when. */
export class CallCounts {
  readonly #options: CallCountsOptions;
  readonly #gate: LimitGate;

  constructor(options: CallCountsOptions) {
    this.#options = options;
    const { desk, durable, logger } = options;
    if (!desk.counts.isInStore)
      logger.warn({}, 'limits are counted in the memory of each process, because the store of its approvals does not count');
    this.#gate = new LimitGate({ counters: desk.counts.counters, tenantId: desk.options.tenantId ?? DEFAULT_TENANT, durable });
  }

  /** Opens the counters. */
  open(): Awaitable<void> {
    return this.#options.desk.counts.open();
  }

  /** A call was entered: nothing of it can be given back from now on. In a shared store its time runs out instead, which costs no other write. */
  forget(decisionId: string): void {
    const { counters } = this.#options.desk.counts;
    if (counters instanceof LazyCounterStore) counters.forget(decisionId);
  }

  /** What limits say comes after what policies say: a call that runs at once is counted now, an approved one when its approval is used. */
  decide(request: DecisionRequest, outcome: Limited, decisionId: string, how: CountingWay): Awaitable<Limiting> {
    // who may not learn what others do is told nothing of what they share
    const limits = how.counts === 'peekOwn' ? outcome.limits.filter(isOwn) : outcome.limits;
    const takes = how.counts === 'take' && outcome.effect !== 'approval_needed';
    const call = limitedCall(request, outcome.effect === 'allow' ? undefined : outcome.params);
    const found = takes
      ? this.#gate.take(limits, call, decisionId, request.remote === undefined ? RELEASED_WITHIN_MS : 0)
      : this.#gate.peek(limits, call, how.token);
    const takenBy = takes ? decisionId : undefined;
    // no closure where the counters answer at once: every call that is counted comes here
    return isThenable(found)
      ? found.then((finding) => this.#limiting(finding, request, outcome, how, takenBy))
      : this.#limiting(found, request, outcome, how, takenBy);
  }

  #limiting(finding: LimitFinding, request: DecisionRequest, outcome: Limited, how: CountingWay, takenBy: string | undefined): Limiting {
    const { desk, logger } = this.#options;
    const { toolName } = request;
    if (finding.kind === 'denied') {
      logger.warn({ toolName, code: finding.code, policies: finding.policies.map(({ id }) => id) }, 'denied by a limit');
      if (how.isCall === true) this.#refused(request, finding);
      return finding;
    }
    if (finding.kind === 'asks') return { kind: 'asks', outcome: askingOutcome(outcome, finding.approvals) };
    const { watched, near, names } = finding;
    if (takenBy !== undefined && near.length > 0) {
      logger.warn({ toolName, policies: near.map(({ limit }) => limit.policy.id) }, 'a limit is nearly reached');
      this.#near(request, near);
    }
    const next = watched.length === 0 ? outcome : { ...outcome, observed: [...(outcome.observed ?? []), ...watched] };
    if (takenBy === undefined) return { kind: 'fits', outcome: next, counted: undefined };
    const journaled = desk.isJournaled ? outcome.limits.map(journaledLimit) : undefined;
    return { kind: 'fits', outcome: next, counted: { decisionId: takenBy, limits: names, journaled } };
  }

  /** Tells those who look after limits of a call that one denies. */
  #refused({ agentId, toolName }: DecisionRequest, { policies, over }: LimitDenial): void {
    const takes = over?.map(({ take }) => take) ?? [];
    const uncounted = over === undefined ? policies.map(({ id }) => id) : [];
    this.#options.desk.counts.tell({ how: 'refused', agentId, toolName, takes, uncounted });
  }

  /** Tells those who look after limits of some that are nearly used up. */
  #near({ agentId, toolName }: DecisionRequest, near: readonly CountedLimit[]): void {
    const takes = near.map(({ take }) => take);
    this.#options.desk.counts.tell({ how: 'near', agentId, toolName, takes, uncounted: [] });
  }

  /** What is counted when an approval is used: by the policies in force then. */
  ofUse(record: ApprovalRecord): Takes | 'refused' | undefined {
    const { engine } = this.#options.policies;
    const { agentId, toolName, groups = [], removable = [], session, facts } = record;
    // what a person edited is counted, and not what was called
    const params = record.amendments?.at(-1)?.params ?? record.originalParams;
    const outcome = engine.evaluate({ agentId, toolName, groups, params, session, facts, nowMs: Date.now(), removable });
    if (outcome.effect === 'deny') return 'refused';
    const { limits } = outcome;
    if (limits === undefined) return undefined;
    const effective = (outcome.effect === 'allow' ? undefined : outcome.params) ?? params;
    if (canonicalDigest(effective) !== record.digest) return 'refused';
    const call = { agentId, toolName, params: effective, session, sessionTrusted: record.sessionTrusted !== false };
    const plan = this.#gate.plan(limits, call, (policy) => isApprovedIn(record, policy));
    if (plan.kind === 'denied') return 'refused';
    return { token: record.decisionId, takes: plan.takes, keepMs: Math.max(record.expiresAtMs - Date.now(), 0) + KEPT_LONGER_MS };
  }

  /** Why limits do not let a call run as a person has edited it. @param params those that would run */
  refusalOf(
    request: DecisionRequest,
    limits: readonly AppliedLimit[],
    params: Params,
    record: ApprovalRecord,
  ): Awaitable<Refused | undefined> {
    return chain(this.#gate.peek(limits, limitedCall(request, params), record.decisionId), (finding): Refused | undefined => {
      if (finding.kind === 'denied') return finding;
      if (finding.kind === 'fits' || finding.approvals.every((policy) => isApprovedIn(record, policy))) return undefined;
      return { code: 'limit_reached', reason: 'A limit is reached.', policies: finding.approvals };
    });
  }

  /** Who is told of an approval runs under it, so that its call is counted when it is opened. */
  atOpening(
    request: DecisionRequest,
    limits: readonly AppliedLimit[],
    { params, approvals }: Approvable,
    { timeoutMs }: ApprovalRequest,
  ): Counted | LimitDenial {
    const plan = this.#gate.plan(limits, limitedCall(request, params), (policy) => approvals.includes(policy));
    return plan.kind === 'denied' ? plan : { takes: plan.takes, keepMs: timeoutMs + KEPT_LONGER_MS };
  }
}

/** Whether people were asked about a policy, in the same text, before they approved. */
function isApprovedIn({ policies }: ApprovalRecord, { id, hash }: AppliedPolicy): boolean {
  return policies.some((policy) => policy.id === id && policy.hash === hash);
}
