import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { nextId, randomId } from '../../common/nextId.js';
import type { Logger } from '../../common/Logger.js';
import { silentLogger } from '../../common/Logger.js';
import type { Decision, DecisionRequest, DecisionStatus, Violation } from '../../model/Decision.js';
import { EVIDENCE, newSalt } from '../../model/DecisionEvidence.js';
import type { DecisionEvidence } from '../../model/DecisionEvidence.js';
import type { AppliedPolicy, PolicyCall, PolicyEngine, PolicyOutcome } from '../../policy/PolicyEngine.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import { computeFacts, NO_FACTS } from './computeFacts.js';
import type { FactsHook, FactsOutcome } from './computeFacts.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { Judgement, JudgedCall } from '../amend/decideEdited.js';
import { ProblemNotes } from './ProblemNotes.js';
import { keyReused } from '../desk/ApprovalRequest.js';
import type { ApprovalUse, ApprovedCall, DecisionService, ExecutionStart, RunReport } from '../DecisionService.js';
import type { Amendment, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Grants } from '../grant/Grants.js';
import { approvalRequestFor, coversCall, decisionOf } from './approvalRequestFor.js';
import type { Approvable, Facts } from './approvalRequestFor.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import { hidesFromApprover } from '../view/hidesFromApprover.js';
import { deskStatus, watchDesk } from './watchDesk.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** What is needed once a person has edited a call. */
const amending = new LazyPart(() => import('../amend/decideEdited.js'));

/** Supplies the engine that decides. It is read once per decision, so that a reload never falls in the middle of one. */
export interface PolicySupplier {
  /** The engine of the policies in force. */
  readonly engine: PolicyEngine;
  /** Is told of each decision on a call that is made, before it is answered: for counts and trials. It must do nothing that takes time. */
  decided?(call: PolicyCall, outcome: PolicyOutcome, engine: PolicyEngine): void;
  /** Releases what the supplier holds open. */
  close?(): void;
}

/** Options of an {@link EmbeddedDecisionService}. */
export interface EmbeddedDecisionServiceOptions {
  /** The policies that decide. */
  readonly policies: PolicySupplier;
  /** Where people decide approvals. */
  readonly desk: ApprovalDesk;
  /** Computes `context.facts` for the policies. */
  readonly facts?: FactsHook | undefined;
  /**
   * How long the facts hook may take, in milliseconds.
   *
   * @defaultValue 1,000
   */
  readonly factsTimeoutMs?: number | undefined;
  /**
   * What happens to a call that needs approval while no approver is attached: it waits (`pending`) or is denied.
   *
   * @defaultValue `pending`
   */
  readonly unattended?: 'pending' | 'deny' | undefined;
  /** The grants that answer for people. @defaultValue none: each call that needs approval asks */
  readonly grants?: Grants | undefined;
  /**
   * Names the policies that decided in `violations`, next to their reasons.
   *
   * @defaultValue false
   */
  readonly exposePolicies?: boolean | undefined;
  /**
   * Receives denials that have a technical cause (warn).
   *
   * @defaultValue none
   */
  readonly logger?: Logger | undefined;
  /**
   * Takes a line for the developer about each policy that could not be evaluated: its id, the expression, and the kinds of values. Never a value.
   *
   * @defaultValue none
   */
  readonly tellDeveloper?: ((line: string) => void) | undefined;
}

const EMBEDDED_OPTIONS: OptionKinds<EmbeddedDecisionServiceOptions> = {
  policies: 'object!',
  desk: 'object!',
  facts: 'function',
  factsTimeoutMs: 'ms',
  unattended: "'pending'|'deny'",
  grants: 'object',
  exposePolicies: 'boolean',
  logger: 'object',
  tellDeveloper: 'function',
};

/** Decides in this process by policies, with people at the approval desk. Needs no server and no account. */
export class EmbeddedDecisionService implements DecisionService {
  readonly #options: EmbeddedDecisionServiceOptions;
  readonly #logger: Logger;
  readonly #notes: ProblemNotes | undefined;

  constructor(options: EmbeddedDecisionServiceOptions) {
    this.#options = checkedOptions('EmbeddedDecisionService', options, EMBEDDED_OPTIONS);
    this.#logger = options.logger ?? silentLogger;
    this.#notes = options.tellDeveloper && new ProblemNotes(options.tellDeveloper);
    this.#options.desk.useJudge((call, engine) => this.#judge(call, false, engine));
  }

  /** Decides one call by the policies in force. */
  decide(request: DecisionRequest): Awaitable<Decision> {
    return this.#evaluate(request, (outcome, facts, engine) => this.#granted(request, outcome, facts, engine, false), true);
  }

  /** Decides one call by the policies in force, without opening an approval: the desk does not know the `decisionId` of its answer. */
  dryRun(request: DecisionRequest): Awaitable<Decision> {
    return this.#evaluate(request, (outcome, facts, engine) => this.#granted(request, outcome, facts, engine, true));
  }

  /** Evaluates the original call again; policies that already have their verdict on `decisionId`, in the same text, demand no other. */
  reevaluate(request: DecisionRequest, decisionId: string): Awaitable<Decision> {
    const { desk } = this.#options;
    return chain(desk.get(decisionId), (record) => {
      const edit = record?.amendments?.at(-1);
      if (record !== undefined && edit !== undefined) return this.#reevaluateEdited(request, record, edit);
      return this.#evaluate(request, (outcome, facts, engine) => {
        const covers = record !== undefined && coversCall(record, request, outcome, facts, desk);
        return chain(covers, (isCovered) =>
          isCovered
            ? this.#shown(runnable({ decisionId, policySetHash: engine.hash }, outcome), outcome, facts, { salt: record?.auditSalt })
            : this.#ask(request, outcome, facts, engine),
        );
      });
    });
  }

  /** Params that a person edited run as a sanitize does: the call as its agent made it is not what was approved. */
  #reevaluateEdited(request: DecisionRequest, record: ApprovalRecord, edit: Amendment): Awaitable<Decision> {
    const { desk } = this.#options;
    const ask = (outcome: Approvable, facts: Facts, engine: PolicyEngine): Awaitable<Decision> =>
      this.#ask(request, outcome, facts, engine);
    return chain(amending.get(), ({ decideEdited }) =>
      chain(
        decideEdited((call, engine) => this.#judge(call, false, engine), request, edit.params),
        ({ original, edited, run }): Awaitable<Decision> => {
          const { outcome = original.outcome, facts = NO_FACTS.facts } = edited ?? {};
          // what denies either of the two denies the call
          if (run === undefined || outcome === undefined) return this.#decisionOn(request, edited ?? original, ask);
          const approvable: Approvable = { ...run, effect: 'approval_needed', reason: record.reason, policies: outcome.policies };
          return chain(coversCall(record, request, approvable, run.facts, desk), (isCovered) => {
            if (!isCovered) return this.#decisionOn(request, original, ask);
            const { decisionId, auditSalt: salt } = record;
            const { params, message, policySetHash } = run;
            return this.#shown({ effect: 'sanitize', decisionId, params, message, policySetHash }, outcome, facts, { salt });
          });
        },
      ),
    );
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

  #evaluate(
    request: DecisionRequest,
    ask: (outcome: Approvable, facts: Facts, engine: PolicyEngine) => Awaitable<Decision>,
    isCall = false,
  ): Awaitable<Decision> {
    return chain(this.#judge(request, isCall), (judged) => this.#decisionOn(request, judged, ask));
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
    ask: (outcome: Approvable, facts: Facts, engine: PolicyEngine) => Awaitable<Decision>,
  ): Awaitable<Decision> {
    const { toolName } = request;
    const policySetHash = engine.hash;
    switch (outcome?.effect) {
      case undefined:
        return {
          effect: 'deny',
          decisionId: idFor(request),
          reason: 'The facts this decision needs are not available.',
          policySetHash,
        };
      case 'allow':
        return this.#shown({ effect: 'allow', decisionId: idFor(request), policySetHash }, outcome, facts);
      case 'sanitize': {
        const { params: changed, message } = outcome;
        const decision = {
          effect: 'sanitize',
          decisionId: idFor(request),
          params: changed,
          message,
          reason: message,
          policySetHash,
        } as const;
        return this.#shown(decision, outcome, facts);
      }
      case 'deny':
        if (outcome.problems !== undefined) this.#notes?.note(toolName, outcome.problems, policySetHash);
        if (outcome.detail !== undefined) this.#logger.warn({ toolName, code: outcome.code, detail: outcome.detail }, 'denied');
        return this.#shown(
          {
            effect: 'deny',
            decisionId: idFor(request),
            reason: outcome.reason,
            violations: this.#violations(outcome.policies),
            policySetHash,
          },
          outcome,
          facts,
          { code: outcome.code },
        );
      case 'approval_needed':
        return ask(outcome, facts, engine);
    }
  }

  /** A grant answers for people where there is one; else they are asked. Where an approval no longer covers its call, no grant does. */
  #granted(request: DecisionRequest, outcome: Approvable, facts: Facts, engine: PolicyEngine, dryRun: boolean): Awaitable<Decision> {
    const { grants } = this.#options;
    const { remote } = request;
    const isFit =
      outcome.approvals.every(({ grantable }) => grantable !== undefined) && remote?.opens !== false && !isHidden(request, outcome);
    if (grants === undefined || !isFit || (remote?.appliesChanges === false && outcome.params !== undefined))
      return this.#ask(request, outcome, facts, engine, dryRun);
    const { params, approvals } = outcome;
    return chain(grants.redeem({ request, params, facts, approvals }, dryRun), (grant) =>
      grant === undefined
        ? this.#ask(request, outcome, facts, engine, dryRun)
        : this.#shown(runnable({ decisionId: idFor(request), grantId: grant.id, policySetHash: engine.hash }, outcome), outcome, facts),
    );
  }

  #ask(request: DecisionRequest, outcome: Approvable, facts: Facts, engine: PolicyEngine, dryRun = false): Awaitable<Decision> {
    const { desk, unattended } = this.#options;
    const violations = this.#violations(outcome.policies);
    const denied = (reason: string, code: string): Decision =>
      this.#shown({ effect: 'deny', decisionId: idFor(request), reason, violations, policySetHash: engine.hash }, outcome, facts, { code });
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
        why === undefined ? this.#shown({ ...asking, decisionId: idFor(request) }, outcome, facts) : refused(why),
      );
    return chain(desk.open(opening), (opened) => {
      switch (opened.kind) {
        case 'refused':
          return refused(opened.reason);
        case 'no_preview':
          return denied(opened.reason, 'preview_failed');
        case 'conflict':
          throw keyReused();
        case 'exists':
          return this.#shown({ ...decisionOf(opened.record, outcome), violations }, outcome, facts, { salt: opened.record.auditSalt });
        case 'opened': {
          const { record: approval } = opened;
          const { decisionId, expiresAtMs, auditSalt: salt } = approval;
          return this.#shown({ ...asking, decisionId, approvalId: decisionId, expiresAtMs }, outcome, facts, { salt, approval });
        }
      }
    });
  }

  /** The policies that are only watched. The caller learns of them only if the module shows policies. */
  #observedBy(observed: readonly AppliedPolicy[]): Pick<Decision, 'observed' | 'policyEvaluations'> {
    const names = observed.map(({ id, hash }) => ({ id, hash }));
    if (this.#options.exposePolicies !== true) return { observed: names };
    return { observed: names, policyEvaluations: names.map(({ id, hash }) => ({ id, hash, effect: 'observed' })) };
  }

  /** The decision with the policies that are only watched, and with what a journal learns of it, where there is one. */
  #shown(decision: Decision, outcome: PolicyOutcome, facts: Facts, { salt, code, approval }: Shown = NOTHING_MORE): Decision {
    const observed = decision.effect === 'deny' || outcome.effect === 'deny' ? undefined : outcome.observed;
    const told = observed === undefined ? decision : { ...decision, ...this.#observedBy(observed) };
    if (!this.#options.desk.isJournaled) return told;
    const policies = outcome.policies.map(({ id, hash }) => ({ id, hash }));
    const asking = outcome.effect === 'approval_needed' ? outcome.approvals : undefined;
    return { ...told, [EVIDENCE]: { salt: salt ?? newSalt(), policies, asking, observed: told.observed, code, facts, approval } };
  }

  /** What the caller, and so perhaps a model, learns: reasons that the policies' author wrote; policy ids only if the module says so. */
  #violations(policies: readonly AppliedPolicy[]): readonly Violation[] {
    return policies
      .filter((p) => p.effect !== 'permit')
      .map((p) => ({
        type: 'policy',
        message: p.reason ?? 'a policy forbids it',
        ...(this.#options.exposePolicies === true ? { condition: p.id } : {}),
      }));
  }
}

/** The decision on a call for which all policies that ask have their yes. */
function runnable(base: Pick<Decision, 'decisionId' | 'grantId' | 'policySetHash'>, { params, message }: Approvable): Decision {
  return params === undefined ? { ...base, effect: 'allow' } : { ...base, effect: 'sanitize', params, message };
}

/** What a journal learns besides. */
type Shown = { readonly [K in 'salt' | 'code' | 'approval']?: DecisionEvidence[K] | undefined };

const NOTHING_MORE: Shown = Object.freeze({});
const NOT_SHOWN = 'A policy demands that the person who decides sees what the guard of this call hides.';
const NOT_APPLIED = 'A policy changes the params of this call, and an approved call of this client runs as it was sent.';

/** Whether a person would not be shown all of a call: then no yes to another call counts for it. */
function isHidden({ params: originalParams, sensitive }: DecisionRequest, { params = originalParams }: Approvable): boolean {
  return sensitive !== undefined && hiddenFromApprover({ params, originalParams, sensitive }).length > 0;
}

/** An id that other programs get to see tells them nothing about other calls. */
function idFor({ remote }: DecisionRequest): string {
  return remote === undefined ? nextId('dec') : randomId('dec');
}
