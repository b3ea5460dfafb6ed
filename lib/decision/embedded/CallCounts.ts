import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { Logger } from '../../common/Logger.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { Params } from '../../model/Params.js';
import type { AppliedPolicy, PolicyOutcome } from '../../policy/PolicyEngine.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Takes } from '../../store/counter/CounterStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import type { ApprovalRequest } from '../desk/ApprovalRequest.js';
import type { Counted } from '../desk/Openings.js';
import type { CountedLimit, LimitDenial, LimitGate } from '../limit/LimitGate.js';
import { limitedCall } from '../limit/limitedCall.js';
import type { Approvable } from './approvalRequestFor.js';
import type { EmbeddedDecisionServiceOptions } from './EmbeddedDecisionServiceOptions.js';

/** What is needed once there are limits. */
const limitGate = new LazyPart(() => import('../limit/LimitGate.js'));
/** How long after its approval is over a call is known as counted, in milliseconds. */
const KEPT_LONGER_MS = 86_400_000;

/** How limits are asked: a call is counted, or looked at; a dry run learns nothing of what others do. */
export interface CountingWay {
  readonly counts: 'take' | 'peek' | 'peekOwn';
  /** The approval under which it may have been counted already. */
  readonly token?: string;
  /** Whether the call is made. */
  readonly isCall?: true;
}

/** Why limits do not let a call run. */
type Refused = Pick<LimitDenial, 'code' | 'reason' | 'policies' | 'retryAtMs'>;

/** What is counted for the calls of a module, and when. */
export class CallCounts {
  readonly #options: Pick<EmbeddedDecisionServiceOptions, 'policies' | 'desk' | 'counters'> & { readonly logger: Logger };
  #gate: LimitGate | undefined;

  constructor(options: Pick<EmbeddedDecisionServiceOptions, 'policies' | 'desk' | 'counters'> & { readonly logger: Logger }) {
    this.#options = options;
  }

  /** Starts to load what limits need. */
  prepare(): void {
    limitGate.prepare();
  }

  /** Where calls are counted, once it is loaded. */
  gate(): Awaitable<LimitGate> {
    return (
      this.#gate ??
      chain(limitGate.get(), ({ LimitGate: Gate }) => {
        const { desk, counters, logger } = this.#options;
        if (!desk.counts.isInStore)
          logger.warn({}, 'limits are counted in the memory of each process, because the store of its approvals does not count');
        const { durable = false } = counters ?? {};
        return (this.#gate ??= new Gate({ counters: desk.counts.counters, tenantId: desk.options.tenantId ?? DEFAULT_TENANT, durable }));
      })
    );
  }

  /** Tells those who look after limits of a call that one denies. */
  refused({ agentId, toolName }: DecisionRequest, { policies, over }: LimitDenial): void {
    const takes = over?.map(({ take }) => take) ?? [];
    const uncounted = over === undefined ? policies.map(({ id }) => id) : [];
    this.#options.desk.counts.tell({ how: 'refused', agentId, toolName, takes, uncounted });
  }

  /** Tells those who look after limits of some that are nearly used up. */
  near({ agentId, toolName }: DecisionRequest, near: readonly CountedLimit[]): void {
    const takes = near.map(({ take }) => take);
    this.#options.desk.counts.tell({ how: 'near', agentId, toolName, takes, uncounted: [] });
  }

  /** What is counted when an approval is used: by the policies in force then. */
  ofUse(record: ApprovalRecord): Awaitable<Takes | 'refused' | undefined> {
    const { engine } = this.#options.policies;
    if (engine.hasLimits !== true) return undefined;
    const { agentId, toolName, groups = [], removable = [], session, facts } = record;
    // what a person edited is counted, and not what was called
    const params = record.amendments?.at(-1)?.params ?? record.originalParams;
    const outcome = engine.evaluate({ agentId, toolName, groups, params, session, facts, nowMs: Date.now(), removable });
    if (outcome.effect === 'deny') return 'refused';
    const { limits } = outcome;
    if (limits === undefined) return undefined;
    const effective = (outcome.effect === 'allow' ? undefined : outcome.params) ?? params;
    if (canonicalDigest(effective) !== record.digest) return 'refused';
    return chain(this.gate(), (gate) => {
      const call = { agentId, toolName, params: effective, session, sessionTrusted: record.sessionTrusted !== false };
      const plan = gate.plan(limits, call, (policy) => isApprovedIn(record, policy));
      if (plan.kind === 'denied') return 'refused';
      return { token: record.decisionId, takes: plan.takes, keepMs: Math.max(record.expiresAtMs - Date.now(), 0) + KEPT_LONGER_MS };
    });
  }

  /** Why limits do not let a call run as a person has edited it. @param params those that would run */
  refusalOf(request: DecisionRequest, outcome: PolicyOutcome, params: Params, record: ApprovalRecord): Awaitable<Refused | undefined> {
    const limits = outcome.effect === 'deny' ? undefined : outcome.limits;
    if (limits === undefined) return undefined;
    return chain(this.gate(), (gate) =>
      chain(gate.peek(limits, limitedCall(request, params), record.decisionId), (finding): Refused | undefined => {
        if (finding.kind === 'denied') return finding;
        if (finding.kind === 'fits' || finding.approvals.every((policy) => isApprovedIn(record, policy))) return undefined;
        return { code: 'limit_reached', reason: 'A limit is reached.', policies: finding.approvals };
      }),
    );
  }

  /** Who is told of an approval runs under it, so that its call is counted when it is opened. */
  atOpening(
    request: DecisionRequest,
    { limits, params, approvals }: Approvable,
    { usedByAnswer, timeoutMs }: ApprovalRequest,
  ): Awaitable<Counted | LimitDenial | undefined> {
    if (usedByAnswer !== true || limits === undefined) return undefined;
    return chain(this.gate(), (gate) => {
      const plan = gate.plan(limits, limitedCall(request, params), (policy) => approvals.includes(policy));
      return plan.kind === 'denied' ? plan : { takes: plan.takes, keepMs: timeoutMs + KEPT_LONGER_MS };
    });
  }
}

/** Whether people were asked about a policy, in the same text, before they approved. */
function isApprovedIn({ policies }: ApprovalRecord, { id, hash }: AppliedPolicy): boolean {
  return policies.some((policy) => policy.id === id && policy.hash === hash);
}
