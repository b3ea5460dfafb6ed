import { attempt, chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Logger } from '../../common/Logger.js';
import { silentLogger } from '../../common/Logger.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../../model/Decision.js';
import type { PolicyCall, PolicyEngine, PolicyOutcome } from '../../policy/PolicyEngine.js';
import { TakeRefusedError } from '../../store/counter/TakeRefusedError.js';
import type { Limited } from '../../policy/limit/askingOutcome.js';
import type { CallCounts, CountedDecision, Limiting } from './CallCounts.js';
import type { CountingWay } from './CountingWay.js';
import { Answers, idFor } from './Answers.js';
import { computeFacts, NO_FACTS, type FactsOutcome } from './computeFacts.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { Judgement, JudgedCall } from '../amend/decideEdited.js';
import { memoryCounting } from '../../store/counter/LazyCounterStore.js';
import type { Amendment, ApprovalRecord } from '../../store/ApprovalStore.js';
import { deskStatus, watchDesk } from './watchDesk.js';
import { COUNTERS_OPTIONS, EMBEDDED_OPTIONS } from './EmbeddedDecisionServiceOptions.js';
import type { EmbeddedDecisionServiceOptions } from './EmbeddedDecisionServiceOptions.js';
import { ProblemNotes } from './ProblemNotes.js';
import { keyReused } from '../desk/ApprovalRequest.js';
import type { Counted } from '../desk/Openings.js';
import type { OpeningOutcome } from '../desk/ApprovalRequest.js';
import type { ApprovalUse, ApprovedCall, DecisionService, ExecutionStart, RunReport } from '../DecisionService.js';
import {
  approvalRequestFor,
  coversCall,
  decisionOf,
  isHidden,
  named,
  runnable,
  type Approvable,
  type Facts,
} from './approvalRequestFor.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ENTERED } from '../limit/noteEntered.js';
import { hidesFromApprover } from '../view/hidesFromApprover.js';

/** What is needed once a person has edited a call. */
const amending = new LazyPart(() => import('./reevaluateEdited.js'));
/** What is needed once there are limits. */
const counting = new LazyPart(() => import('./CallCounts.js'));

type Ask = (outcome: Approvable, facts: Facts, engine: PolicyEngine) => Awaitable<Decision>;
type Runnable = Exclude<PolicyOutcome, { effect: 'deny' }>;

/** Decides in this process by policies, with people at the approval desk. Needs no server and no account. */
export class EmbeddedDecisionService implements DecisionService {
  readonly #options: EmbeddedDecisionServiceOptions;
  readonly #logger: Logger;
  readonly #notes: ProblemNotes | undefined;
  #counts: CallCounts | undefined;
  readonly #answers: Answers;

  constructor(options: EmbeddedDecisionServiceOptions) {
    this.#options = checkedOptions('EmbeddedDecisionService', options, EMBEDDED_OPTIONS);
    checkedOptions('counters', this.#options.counters ?? {}, COUNTERS_OPTIONS);
    this.#logger = options.logger ?? silentLogger;
    this.#notes = options.tellDeveloper && new ProblemNotes(options.tellDeveloper);
    const { desk, policies, exposePolicies = false } = this.#options;
    this.#answers = new Answers(exposePolicies, desk.isJournaled);
    desk.useJudge((call, engine) => this.#judge(call, false, engine));
    desk.counts.askWith((record) =>
      policies.engine.hasLimits === true ? chain(this.#counting(), (counts) => counts.ofUse(record)) : undefined,
    );
    if (policies.engine.hasLimits !== true) return;
    memoryCounting.prepare();
    counting.prepare();
  }

  /** Decides one call by the policies in force. */
  decide(request: DecisionRequest): Awaitable<Decision> {
    return this.#evaluate(request, (outcome, facts, engine) => this.#granted(request, outcome, facts, engine, false), {
      counts: 'take',
      isCall: true,
    });
  }

  /** Decides one call by the policies in force, without opening an approval: the desk does not know the `decisionId` of its answer. */
  dryRun(request: DecisionRequest): Awaitable<Decision> {
    return this.#evaluate(request, (outcome, facts, engine) => this.#granted(request, outcome, facts, engine, true), { counts: 'peekOwn' });
  }

  /** Evaluates the original call again; policies that already have their verdict on `decisionId`, in the same text, demand no other. */
  reevaluate(request: DecisionRequest, decisionId: string): Awaitable<Decision> {
    const { desk } = this.#options;
    return chain(desk.get(decisionId), (record) => {
      const edit = record?.amendments?.at(-1);
      if (record !== undefined && edit !== undefined) return this.#reevaluateEdited(request, record, edit);
      const ask: Ask = (outcome, facts, engine) => {
        const covers = record !== undefined && coversCall(record, request, outcome, facts, desk);
        return chain(covers, (isCovered) =>
          isCovered
            ? this.#answers.shown(runnable({ decisionId, policySetHash: engine.hash, ...named(outcome) }, outcome), outcome, facts, {
                salt: record?.auditSalt,
              })
            : this.#ask(request, outcome, facts, engine),
        );
      };
      // what it takes is taken when its approval is used
      return this.#evaluate(request, ask, { counts: 'peek', token: decisionId });
    });
  }

  #reevaluateEdited(request: DecisionRequest, record: ApprovalRecord, edit: Amendment): Awaitable<Decision> {
    const ask: Ask = (outcome, facts, engine) => this.#ask(request, outcome, facts, engine);
    const rules = {
      desk: this.#options.desk,
      answers: this.#answers,
      judge: (call: JudgedCall, engine?: PolicyEngine) => this.#judge(call, false, engine),
      counting: () => this.#counting(),
      decisionOn: (judged: Judgement) => this.#decisionOn(request, judged, ask, { counts: 'peek', token: record.decisionId }),
    };
    return chain(amending.get(), ({ reevaluateEdited }) => reevaluateEdited(request, record, edit, rules));
  }

  /** Gives back what a call was counted for that was allowed at once, and did not run. */
  release(decisionId: string): Awaitable<void> {
    const { desk } = this.#options;
    // an approved call was counted with the use of its approval
    return chain(desk.get(decisionId), (record) => (record === undefined ? desk.counts.counters.give(decisionId) : undefined));
  }

  /** @internal A call that was entered stays counted. */
  [ENTERED](decisionId: string): void {
    this.#counts?.forget(decisionId);
  }

  /** Loads what limits need. */
  ready(): Awaitable<void> {
    return this.#options.policies.engine.hasLimits === true ? chain(this.#counting(), () => undefined) : undefined;
  }

  /** Reads the status of an approval at the desk. */
  status(decisionId: string): Awaitable<DecisionStatus> {
    return chain(this.#options.desk.get(decisionId), (record) => deskStatus(decisionId, record));
  }

  /** People can edit what policies mark as `@editable`. */
  amends(): boolean {
    return true;
  }

  /** Pushes statuses as the desk settles approvals. */
  watch(signal: AbortSignal): AsyncIterable<DecisionStatus> {
    return watchDesk(this.#options.desk, signal);
  }

  /** Says whether an approval was given for exactly this call. */
  verify(call: ApprovedCall): Awaitable<boolean> {
    return this.#options.desk.verify(call);
  }

  /** Uses an approval up at the desk. */
  consume(use: ApprovalUse): Awaitable<boolean> {
    return this.#options.desk.consume(use);
  }

  /** Records at the desk which claim begins. */
  begin(start: ExecutionStart): Awaitable<boolean> {
    return this.#options.desk.begin(start);
  }

  /** Keeps at the desk how the run under an approval ended. */
  reportOutcome(report: RunReport): Awaitable<void> {
    return chain(this.#options.desk.recordOutcome(report), () => undefined);
  }

  /** Withdraws an approval at the desk. */
  withdraw(decisionId: string): Awaitable<void> {
    return this.#options.desk.end(decisionId, 'withdrawn');
  }

  /** Ends an approval whose time has passed. */
  expire(decisionId: string): Awaitable<void> {
    return this.#options.desk.end(decisionId, 'expired');
  }

  /** Closes the policies. */
  close(): void {
    this.#options.policies.close?.();
  }

  #evaluate(request: DecisionRequest, ask: Ask, how: CountingWay): Awaitable<Decision> {
    return chain(this.#judge(request, how.isCall), (judged) => this.#decisionOn(request, judged, ask, how));
  }

  /** What the policies in force say of a call, with the facts that they have seen. */
  #judge(call: JudgedCall, isCall = false, engine: PolicyEngine = this.#options.policies.engine): Awaitable<Judgement> {
    const { policies } = this.#options;
    const { facts: hook, factsTimeoutMs = 1_000 } = this.#options;
    return chain<FactsOutcome, Judgement>(hook === undefined ? NO_FACTS : computeFacts(hook, call, factsTimeoutMs), (computed) => {
      if (!computed.ok) {
        this.#logger.warn({ toolName: call.toolName, detail: computed.detail }, 'denied: the facts of a call could not be computed');
        return { engine };
      }
      const { agentId, toolName, groups, params, session, removable } = call;
      const { facts } = computed;
      const judged: PolicyCall = { agentId, toolName, groups, params, session, facts, nowMs: Date.now(), removable };
      const outcome = engine.evaluate(judged);
      if (isCall) policies.decided?.(judged, outcome, engine);
      return { engine, facts, outcome };
    });
  }

  #decisionOn(
    request: DecisionRequest,
    { engine, outcome, facts = NO_FACTS.facts }: Judgement,
    ask: Ask,
    how: CountingWay,
  ): Awaitable<Decision> {
    const { toolName } = request;
    if (outcome === undefined)
      return {
        effect: 'deny',
        decisionId: idFor(request),
        reason: 'The facts this decision needs are not available.',
        policySetHash: engine.hash,
      };
    if (outcome.effect === 'deny') {
      if (outcome.problems !== undefined) this.#notes?.note(toolName, outcome.problems, engine.hash);
      if (outcome.detail !== undefined) this.#logger.warn({ toolName, code: outcome.code, detail: outcome.detail }, 'denied');
      return this.#answers.denied(request, outcome, facts, engine, outcome);
    }
    if (outcome.limits !== undefined) return this.#limited(request, outcome as Limited, facts, engine, ask, how);
    return this.#answered(request, outcome, facts, engine, ask);
  }

  #answered(
    request: DecisionRequest,
    outcome: Runnable,
    facts: Facts,
    engine: PolicyEngine,
    ask: Ask,
    counted?: CountedDecision,
  ): Awaitable<Decision> {
    if (outcome.effect === 'approval_needed') return ask(outcome, facts, engine);
    const policySetHash = engine.hash;
    const limits = counted?.journaled;
    const base =
      counted === undefined
        ? { decisionId: idFor(request), policySetHash }
        : { decisionId: counted.decisionId, limits: counted.limits, policySetHash };
    if (outcome.effect === 'allow') return this.#answers.shown({ effect: 'allow', ...base }, outcome, facts, { limits });
    const { params, message } = outcome;
    return this.#answers.shown({ effect: 'sanitize', params, message, reason: message, ...base }, outcome, facts, { limits });
  }

  /** What counts calls, once it is loaded and open. */
  #counting(): Awaitable<CallCounts> {
    if (this.#counts !== undefined) return this.#counts;
    const { desk, policies, counters } = this.#options;
    return chain(counting.get(), ({ CallCounts: Counts }) => {
      const counts = new Counts({ desk, policies, durable: counters?.durable === true, logger: this.#logger });
      return chain(counts.open(), () => (this.#counts ??= counts));
    });
  }

  #limited(
    request: DecisionRequest,
    outcome: Limited,
    facts: Facts,
    engine: PolicyEngine,
    ask: Ask,
    how: CountingWay,
  ): Awaitable<Decision> {
    const counts = this.#counts;
    const found =
      counts === undefined
        ? chain(this.#counting(), (opened) => opened.decide(request, outcome, idFor(request), how))
        : counts.decide(request, outcome, idFor(request), how);
    // no closure where the counters answer at once: every call that is counted comes here
    return isThenable(found)
      ? found.then((limiting) => this.#afterLimits(request, limiting, outcome, facts, engine, ask))
      : this.#afterLimits(request, found, outcome, facts, engine, ask);
  }

  #afterLimits(
    request: DecisionRequest,
    limiting: Limiting,
    outcome: Limited,
    facts: Facts,
    engine: PolicyEngine,
    ask: Ask,
  ): Awaitable<Decision> {
    if (limiting.kind === 'denied')
      return this.#answers.denied(request, { ...outcome, policies: limiting.policies }, facts, engine, limiting);
    if (limiting.kind === 'asks') return ask(limiting.outcome, facts, engine);
    return this.#answered(request, limiting.outcome, facts, engine, ask, limiting.counted);
  }

  /** A grant answers for people where there is one; else they are asked. Where an approval no longer covers its call, no grant does. */
  #granted(request: DecisionRequest, outcome: Approvable, facts: Facts, engine: PolicyEngine, dryRun: boolean): Awaitable<Decision> {
    const { grants } = this.#options;
    const { remote } = request;
    // a grant is used and its call counted in one transaction, or a person is asked
    const isFit =
      outcome.limits === undefined &&
      outcome.approvals.every(({ grantable }) => grantable !== undefined) &&
      remote?.opens !== false &&
      !isHidden(request, outcome);
    if (grants === undefined || !isFit || (remote?.appliesChanges === false && outcome.params !== undefined))
      return this.#ask(request, outcome, facts, engine, dryRun);
    const { params, approvals } = outcome;
    return chain(grants.redeem({ request, params, facts, approvals }, dryRun), (grant) => {
      if (grant === undefined) return this.#ask(request, outcome, facts, engine, dryRun);
      const [decisionId, grantId, policySetHash] = [idFor(request), grant.id, engine.hash];
      // written out: each use of a grant comes here
      const decision: Decision =
        params === undefined
          ? { effect: 'allow', decisionId, grantId, policySetHash }
          : runnable({ decisionId, grantId, policySetHash }, outcome);
      return this.#answers.shown(decision, outcome, facts);
    });
  }

  #ask(request: DecisionRequest, outcome: Approvable, facts: Facts, engine: PolicyEngine, dryRun = false): Awaitable<Decision> {
    const { desk, unattended } = this.#options;
    const violations = this.#answers.violations(outcome.policies);
    const denied = (reason: string, code: string): Decision =>
      this.#answers.shown({ effect: 'deny', decisionId: idFor(request), reason, violations, policySetHash: engine.hash }, outcome, facts, {
        code,
      });
    if (request.remote?.appliesChanges === false && outcome.params !== undefined) return denied(NOT_APPLIED, 'changes_not_applied');
    if (unattended === 'deny' && !desk.attended)
      return denied(`Approval is needed, but no approver is attached: ${outcome.reason}`, 'unattended');
    const opening = approvalRequestFor(request, outcome, facts, engine.hash);
    if (hidesFromApprover(opening, outcome.approvals)) return denied(NOT_SHOWN, 'show_approver');
    const { reason, message, params } = outcome;
    const asking = { effect: 'approval_needed', reason, message, params, violations, policySetHash: engine.hash } as const;
    const refused = (why: string): Decision => denied(`A person recently denied this call: ${why}`, 'recently_denied');
    if (dryRun || request.remote?.opens === false)
      return chain(desk.standingRefusal(opening), (why) =>
        why === undefined ? this.#answers.shown({ ...asking, decisionId: idFor(request) }, outcome, facts) : refused(why),
      );
    const { limits } = outcome;
    const counting = opening.usedByAnswer === true && limits !== undefined ? limits : undefined;
    const atOpening = counting && chain(this.#counting(), (counts) => counts.atOpening(request, counting, outcome, opening));
    return chain(atOpening, (counted) => {
      if (counted !== undefined && 'kind' in counted) return denied(counted.reason, counted.code);
      return attempt<OpeningOutcome, Decision>(
        () => desk.open(counted === undefined ? opening : { ...opening, counted: true }, counted),
        (opened) => {
          switch (opened.kind) {
            case 'refused':
              return refused(opened.reason);
            case 'no_preview':
              return denied(opened.reason, 'preview_failed');
            case 'conflict':
              throw keyReused();
            case 'exists':
              return this.#answers.shown({ ...decisionOf(opened.record, outcome), violations }, outcome, facts, {
                salt: opened.record.auditSalt,
              });
            case 'opened': {
              const { record: approval } = opened;
              const { decisionId, expiresAtMs, auditSalt: salt } = approval;
              return this.#answers.shown({ ...asking, decisionId, approvalId: decisionId, expiresAtMs }, outcome, facts, {
                salt,
                approval,
              });
            }
          }
        },
        (error) => {
          if (!(error instanceof TakeRefusedError)) throw error;
          desk.counts.refused(request, counted as Counted, error);
          return denied('A limit is reached.', error.code);
        },
      );
    });
  }
}

const NOT_SHOWN = 'A policy demands that the person who decides sees what the guard of this call hides.';
const NOT_APPLIED = 'A policy changes the params of this call, and an approved call of this client runs as it was sent.';
