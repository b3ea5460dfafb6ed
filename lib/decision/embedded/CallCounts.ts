import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { Logger } from '../../common/Logger.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Takes } from '../../store/counter/CounterStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import type { ApprovalRequest } from '../desk/ApprovalRequest.js';
import type { Counted } from '../desk/Openings.js';
import type { LimitDenial, LimitGate } from '../limit/LimitGate.js';
import { limitedCall } from '../limit/limitedCall.js';
import type { Approvable } from './approvalRequestFor.js';
import type { EmbeddedDecisionServiceOptions } from './EmbeddedDecisionServiceOptions.js';

/** What is needed once there are limits. */
const limitGate = new LazyPart(() => import('../limit/LimitGate.js'));
/** How long after its approval is over a call is known as counted, in milliseconds. */
const KEPT_LONGER_MS = 86_400_000;

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
        if (!desk.countsInStore)
          logger.warn({}, 'limits are counted in the memory of each process, because the store of its approvals does not count');
        const { durable = false } = counters ?? {};
        return (this.#gate ??= new Gate({ counters: desk.counters, tenantId: desk.options.tenantId ?? DEFAULT_TENANT, durable }));
      })
    );
  }

  /** What is counted when an approval is used: by the policies in force then. */
  ofUse(record: ApprovalRecord): Awaitable<Takes | 'refused' | undefined> {
    const { engine } = this.#options.policies;
    if (engine.hasLimits !== true) return undefined;
    const { agentId, toolName, groups = [], removable = [], originalParams: params, session, facts } = record;
    const outcome = engine.evaluate({ agentId, toolName, groups, params, session, facts, nowMs: Date.now(), removable });
    if (outcome.effect === 'deny') return 'refused';
    const { limits } = outcome;
    if (limits === undefined) return undefined;
    const effective = (outcome.effect === 'allow' ? undefined : outcome.params) ?? params;
    if (canonicalDigest(effective) !== record.digest) return 'refused';
    return chain(this.gate(), (gate) => {
      const call = { agentId, toolName, params: effective, session, sessionTrusted: true };
      const plan = gate.plan(limits, call, ({ id, hash }) => record.policies.some((p) => p.id === id && p.hash === hash));
      if (plan.kind === 'denied') return 'refused';
      return { token: record.decisionId, takes: plan.takes, keepMs: Math.max(record.expiresAtMs - Date.now(), 0) + KEPT_LONGER_MS };
    });
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
