import { canonicalDigest, sha256 } from '../../common/data/canonical.js';
import { LruMap } from '../../common/LruMap.js';
import type { HttpRequest, HttpResponse } from '../../common/transport/HttpExchange.js';
import type { Capability } from '../../model/Capability.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../../model/Decision.js';
import { CallAbortedError, ShutdownError } from '../../model/errors/RefusalErrors.js';
import {
  BadRequestError,
  DecisionUnavailableError,
  NotFoundError,
  TimeoutError,
  TransportError,
} from '../../model/errors/ServiceErrors.js';
import type {
  ApprovalOptions,
  ApprovalUse,
  AskOptions,
  DecisionService,
  ExecutionStart,
  ReevaluateOptions,
  RunReport,
  WatchedStatus,
} from '../DecisionService.js';
import { beginAnswer, consumeAnswer, writeOutcome, writeWithdrawal } from '../wire/readBody.js';
import type { BeginBody, ConsumeBody } from '../wire/readBody.js';
import { readStatusesAnswer } from '../wire/approvalStatus.js';
import { callHeaders, sentDigest, typesOfCall, writeDecideRequest, writeDryRunRequest } from '../wire/decideRequest.js';
import { echoMismatch, readDecisionAnswer, readDryRunAnswer } from '../wire/readDecisionAnswer.js';
import type { DecisionAnswer } from '../wire/readDecisionAnswer.js';
import { isUsableId, readAnswer, wireForm } from '../wire/readWire.js';
import { readStatusAnswer } from '../wire/statusAnswer.js';
import type { SentPreview } from '../wire/wirePreview.js';
import { IDEMPOTENCY_HEADER, isHeaderValue } from '../wire/wireHeaders.js';
import { sendPreviewed } from './sendPreviewed.js';
import { MAX_BATCH, StatusBatches } from './StatusBatches.js';
import { RemoteEvents } from './RemoteEvents.js';
import { RemoteReporter } from './RemoteReporter.js';
import { RemoteRequests, subjectOfCall } from './RemoteRequests.js';
import type { RequestSubject } from './RemoteRequests.js';
import type { RemoteSettings } from './remoteSettings.js';

/** How many decisions and final statuses are remembered, to notice replays and changes of mind. */
const REMEMBERED = 10_000;

/** How long closing waits for what is told at the last moment, in milliseconds. */
const LAST_WORDS_MS = 1_000;

/** What is remembered of a decision. */
interface Seen {
  readonly digest: string;
  readonly toolName: string;
  /** What the server does for the approval. */
  readonly offers: readonly Capability[];
}

const UNKNOWN_APPROVAL = 'The Data Plane does not know this approval: it was deleted, or belongs to another tenant or agent.';

/** The work of RemoteDecisionService: loaded for the first request, with everything it needs. */
export class RemoteClient implements DecisionService {
  readonly #settings: RemoteSettings;
  readonly #requests: RemoteRequests;
  /** For what is told of approvals that are over. */
  readonly #endings: RemoteRequests;
  readonly #ends = new Set<Promise<unknown>>();
  /** What closing ends: then their approvals are withdrawn. */
  readonly #deciding = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  readonly #reporter: RemoteReporter;
  readonly #events: RemoteEvents;
  readonly #batches = new StatusBatches((ids, signal) => this.#askMany(ids, { signal }));
  readonly #seen = new LruMap<string, Seen>(REMEMBERED);
  readonly #finals = new LruMap<string, DecisionStatus['state']>(REMEMBERED);
  /** Whether the server has said of itself what it can do. */
  #isOurs: boolean;

  constructor(settings: RemoteSettings) {
    this.#settings = settings;
    this.#reporter = new RemoteReporter(settings.logger);
    this.#requests = new RemoteRequests(settings, this.#reporter);
    this.#endings = new RemoteRequests(settings, this.#reporter);
    this.#events = new RemoteEvents(settings, (status) => this.#advance(status, false));
    this.#isOurs = settings.require.length > 0;
  }

  /** As RemoteDecisionService.decide. */
  async decide(request: DecisionRequest, options: AskOptions = {}): Promise<Decision> {
    this.#checkViews(request);
    const { hosted } = this.#settings;
    const ask = (preview?: SentPreview): Promise<HttpResponse> =>
      this.#ask({ method: 'POST', path: '/v1/decision', ...writeDecideRequest(request, hosted, preview) }, request, options);
    const decided: Promise<Decision> = sendPreviewed(request, this.#settings, ask, (answer) => this.#believe(request, answer))
      .then((answer) => this.#believe(request, answer))
      .finally(() => this.#deciding.delete(decided));
    this.#deciding.add(decided);
    try {
      return await decided;
    } catch (error) {
      if (mayHaveOpened(error)) void this.#giveUp(request);
      throw error;
    }
  }

  /** As RemoteDecisionService.dryRun. */
  async dryRun(request: DecisionRequest, options: AskOptions = {}): Promise<Decision> {
    this.#checkViews(request);
    if (!this.#isOurs) return this.#decideAndWithdraw(request, options);
    const body = writeDryRunRequest([request]);
    const answer = await this.#ask(
      { method: 'POST', path: '/v1/decisions/dry-run', headers: callHeaders(request), body },
      request,
      options,
    );
    // nothing runs on its word, so nothing is demanded of it
    return this.#accept(request, readDryRunAnswer(answer.body), []);
  }

  /** As RemoteDecisionService.reevaluate. */
  async reevaluate(request: DecisionRequest, decisionId: string, options: ReevaluateOptions = {}): Promise<Decision> {
    this.#checkViews(request);
    const { callId, agentId, toolName, guardKey, paramsDigest, sessionDigest } = request;
    const { idempotencyKey: key = canonicalDigest([decisionId, callId, agentId, toolName, guardKey, paramsDigest, sessionDigest]) } =
      options;
    const ask = (preview?: SentPreview): Promise<HttpResponse> => {
      const { headers, body } = writeDecideRequest(request, this.#settings.hosted, preview);
      const once = { ...headers, [IDEMPOTENCY_HEADER]: isHeaderValue(key) ? key : sha256(key) };
      return this.#ask({ method: 'POST', path: pathOf(decisionId, 'reevaluate'), headers: once, body }, request, options);
    };
    try {
      const answer = await sendPreviewed(request, this.#settings, ask, (answer) => this.#believe(request, answer));
      return this.#believe(request, answer, true);
    } catch (error) {
      // also of a server that has no such route now: what it promised with the approval it cannot do
      if (error instanceof NotFoundError) return { effect: 'deny', decisionId, reason: UNKNOWN_APPROVAL };
      throw error;
    }
  }

  /** As RemoteDecisionService.status. */
  async status(decisionId: string, { signal, offers: given }: ApprovalOptions = {}): Promise<DecisionStatus> {
    if (!isUsableId(decisionId)) return { decisionId, state: 'invalid' };
    const offers = given ?? this.#seen.get(decisionId)?.offers ?? [];
    const wasFinal = this.#finals.get(decisionId) !== undefined;
    try {
      const asked = offers.includes('statuses')
        ? this.#batches.status(decisionId, signal)
        : this.#askOne(decisionId, signal, offers.length > 0);
      const status = await asked;
      return this.#advance(status, wasFinal);
    } catch (error) {
      if (error instanceof NotFoundError && offers.includes('consume')) return { decisionId, state: 'denied', reason: UNKNOWN_APPROVAL };
      // for a poller, an open breaker is a network that is down for now
      if (!(error instanceof DecisionUnavailableError) || error.reason !== 'circuit_open') throw error;
      throw new TransportError(error.message, { code: 'circuit_open' });
    }
  }

  /** As RemoteDecisionService.statuses. */
  async statuses(decisionIds: readonly string[], options: AskOptions = {}): Promise<readonly DecisionStatus[]> {
    if (!this.#isOurs) return Promise.all(decisionIds.map((id) => this.status(id, options)));
    const wereFinal = new Set(decisionIds.filter((id) => this.#finals.get(id) !== undefined));
    const statuses: DecisionStatus[] = [];
    for (let i = 0; i < decisionIds.length; i += MAX_BATCH)
      statuses.push(...(await this.#askMany(decisionIds.slice(i, i + MAX_BATCH), options)));
    return statuses.map((status) => this.#advance(status, wereFinal.has(status.decisionId)));
  }

  /** As RemoteDecisionService.watch. */
  watch(signal: AbortSignal): AsyncIterable<WatchedStatus> {
    return this.#events.watch(signal);
  }

  /** As RemoteDecisionService.consume. */
  async consume({ decisionId, digest, bindingBase, token, params, offers = this.#settings.require }: ApprovalUse): Promise<boolean> {
    // what was sent without types, the server has as text
    const sent = offers.includes('types') || params === undefined ? digest : canonicalDigest(wireForm(params));
    const body: ConsumeBody = { digest: sent, bindingBase, token };
    try {
      return readAnswer(consumeAnswer, (await this.#tell(decisionId, 'consume', body)).body).consumed;
    } catch (error) {
      return noTo(error);
    }
  }

  /** As RemoteDecisionService.begin. */
  async begin({ decisionId, token, claimToken }: ExecutionStart): Promise<boolean> {
    const body: BeginBody = { token, claimToken };
    try {
      return readAnswer(beginAnswer, (await this.#tell(decisionId, 'begin', body)).body).begun;
    } catch (error) {
      return noTo(error);
    }
  }

  /** As RemoteDecisionService.reportOutcome. */
  async reportOutcome(report: RunReport): Promise<void> {
    await this.#told(report.decisionId, 'outcome', writeOutcome(report));
  }

  /** As RemoteDecisionService.withdraw. */
  async withdraw(decisionId: string, options?: ApprovalOptions): Promise<void> {
    await this.#end(decisionId, 'withdraw', options);
  }

  /** As RemoteDecisionService.expire. */
  async expire(decisionId: string, options?: ApprovalOptions): Promise<void> {
    await this.#end(decisionId, 'expire', options);
  }

  /** As RemoteDecisionService.close. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What was asked for ends at once. That an approval is no longer waited for is still told, so that no person is asked in vain. */
  async #close(): Promise<void> {
    this.#events.close();
    this.#requests.close();
    await Promise.allSettled(this.#deciding);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_WORDS_MS);
    });
    await Promise.race([Promise.allSettled(this.#ends), late]);
    clearTimeout(timer);
    this.#endings.close();
  }

  /** Requests a decision, without knowing whether the service has dry runs. */
  async #decideAndWithdraw(request: DecisionRequest, options: AskOptions): Promise<Decision> {
    const decision = await this.decide(request, options);
    if (decision.effect === 'approval_needed') await this.withdraw(decision.decisionId);
    return decision;
  }

  async #ask(question: HttpRequest, request: DecisionRequest, { signal }: AskOptions): Promise<HttpResponse> {
    return this.#requests.send(question, { retries: this.#settings.retries, subject: subjectOfCall(request), signal });
  }

  /** Tells the server something of an approval. It is told once, however often it is sent. */
  async #tell(decisionId: string, what: string, body: object): Promise<HttpResponse> {
    if (!isUsableId(decisionId)) throw new NotFoundError(UNKNOWN_APPROVAL);
    const question: HttpRequest = { method: 'POST', path: pathOf(decisionId, what), body: JSON.stringify(body) };
    return this.#requests.send(question, { retries: this.#settings.retries, subject: this.#subjectOf(decisionId) });
  }

  /** Withdraws what the server has opened, or still opens, for a request whose answer does not count. What fails here changes nothing. */
  async #giveUp({ agentId, callId, toolName }: DecisionRequest): Promise<void> {
    if (!this.#isOurs) return;
    await this.#send('/v1/decisions/withdraw', writeWithdrawal(agentId, callId), { agentId, toolName }).catch(() => {});
  }

  /** Only a server that keeps approvals to be used up is told that one is over. */
  async #end(decisionId: string, what: 'withdraw' | 'expire', { offers }: ApprovalOptions = {}): Promise<void> {
    const known = offers ?? this.#seen.get(decisionId)?.offers ?? this.#settings.require;
    if (known.includes('consume')) await this.#told(decisionId, what, undefined);
  }

  /** Tells the server of what is over, also while this closes. */
  async #told(decisionId: string, what: string, body: string | undefined): Promise<void> {
    if (!isUsableId(decisionId)) return;
    await this.#send(pathOf(decisionId, what), body, this.#subjectOf(decisionId));
  }

  async #send(path: string, body: string | undefined, subject: RequestSubject): Promise<void> {
    const question: HttpRequest = { method: 'POST', path, body };
    const told = this.#endings.send(question, { retries: Math.max(this.#settings.retries, 2), subject, expected: 204 });
    this.#ends.add(told);
    try {
      await told;
    } catch (error) {
      // there is nothing to tell it of
      if (!(error instanceof NotFoundError)) throw error;
    } finally {
      this.#ends.delete(told);
    }
  }

  async #askOne(decisionId: string, signal: AbortSignal | undefined, full: boolean): Promise<DecisionStatus> {
    const subject = this.#subjectOf(decisionId);
    const answer = await this.#requests.send({ method: 'GET', path: pathOf(decisionId, 'status') }, { retries: 0, subject, signal });
    const status = readStatusAnswer(answer.body, full);
    if (status.decisionId === decisionId) return status;
    throw this.#otherApproval(decisionId);
  }

  async #askMany(decisionIds: readonly string[], { signal }: AskOptions): Promise<readonly DecisionStatus[]> {
    const usable = decisionIds.filter(isUsableId);
    const question: HttpRequest = { method: 'POST', path: '/v1/decisions/status', body: JSON.stringify({ ids: usable }) };
    const answer = await this.#requests.send(question, { retries: 0, subject: this.#subjectOf(usable[0] ?? ''), signal });
    const statuses = readStatusesAnswer(answer.body);
    const wrong = usable.findIndex((id, i) => statuses[i]?.decisionId !== id);
    if (wrong >= 0 || statuses.length !== usable.length) throw this.#otherApproval(usable[wrong]);
    const left = [...statuses];
    return decisionIds.map((decisionId) => (isUsableId(decisionId) ? (left.shift() as DecisionStatus) : { decisionId, state: 'invalid' }));
  }

  #otherApproval(decisionId: string | undefined): DecisionUnavailableError {
    const message = 'The decision service answered for another decision than it was asked about.';
    return this.#reporter.suspicious('echo_mismatch', message, { decisionId });
  }

  #subjectOf(decisionId: string): RequestSubject {
    return { toolName: this.#seen.get(decisionId)?.toolName ?? 'unknown' };
  }

  /**
   * Checks that the answer is for this very call, and new or known for these params.
   *
   * @param again whether it is the answer for an approval that is there: it may have its id
   */
  #believe(request: DecisionRequest, { headers, body }: HttpResponse, again = false): Decision {
    const { agentId, toolName, paramsDigest } = request;
    const about = { agentId, toolName };
    const header = echoMismatch(headers, { callId: request.callId, paramsDigest: sentDigest(request, this.#settings.hosted) });
    if (header !== undefined) {
      throw this.#reporter.suspicious('echo_mismatch', `The decision service answered for another call: ${header} differs.`, about);
    }
    const answer = readDecisionAnswer(body);
    const { decisionId } = answer;
    const seen = this.#seen.get(decisionId);
    const decision = this.#accept(request, answer);
    // a server that says what it can do says each id once; the hosted service may repeat what it has decided before
    if (seen !== undefined && (seen.digest !== paramsDigest || (!again && answer.capabilities !== undefined))) {
      const message = 'The decision service answered with the id of a decision on other params, or of one that it has given before.';
      throw this.#reporter.suspicious('replayed_decision', message, { ...about, decisionId });
    }
    const offers = decision.effect === 'approval_needed' ? (decision.offers as readonly Capability[]) : (seen?.offers ?? []);
    this.#seen.set(decisionId, { digest: paramsDigest, toolName, offers });
    return decision;
  }

  /** What must not be shown in full is not sent to a service of which nothing says that it hides it. */
  #checkViews({ sensitive, agentId, toolName }: DecisionRequest): void {
    if (sensitive === undefined || this.#isOurs) return;
    const message =
      "The guard has `sensitive`, and nothing says that this service hides values from people, so the call was not sent. Use a Data Plane that has the capability views: dataPlane: { require: ['views'] }.";
    throw this.#reporter.suspicious('capability_missing', message, { agentId, toolName });
  }

  /** Checks that an answer is about this agent and tool, from a server that can do what is demanded, and for the params that would run. */
  #accept(request: DecisionRequest, answer: DecisionAnswer, require = this.#settings.require): Decision {
    const { agentId, toolName } = request;
    const { decisionId } = answer;
    const about = { agentId, toolName };
    if (answer.agentId !== agentId || answer.toolName !== toolName) {
      throw this.#reporter.suspicious('echo_mismatch', 'The decision service answered for another agent or tool.', about);
    }
    const missing = answer.missing(needed(request, answer, require), request);
    if (missing.length > 0) throw this.#reporter.suspicious('capability_missing', capabilityMissing(missing), { ...about, decisionId });
    this.#isOurs ||= answer.capabilities !== undefined;
    const decision = answer.decisionFor(request);
    if (decision !== undefined) return decision;
    const message = 'The decision service decided on other params than the call would run with: the effective digest differs.';
    throw this.#reporter.suspicious('echo_mismatch', message, { ...about, decisionId });
  }

  /** Lets a state move forward only: pending, then one final state for good. */
  #advance(status: DecisionStatus, wasFinal: boolean): DecisionStatus {
    const { decisionId, state } = status;
    const final = this.#finals.get(decisionId);
    const isHalted = final === 'approved' && status.code === 'halted';
    if (final !== undefined && final !== state && !isHalted) {
      // a verdict that was pushed overtakes the answer to an earlier question
      if (state !== 'pending' || wasFinal)
        this.#reporter.security('status_changed', 'The decision service changed a final answer; the first one stands.', { decisionId });
      return { decisionId, state: final };
    }
    if ((final === undefined && state !== 'pending') || isHalted) this.#finals.set(decisionId, state);
    return status;
  }
}

/** Whether the server may have opened an approval for a request that ended so: one that was sent, and got no answer, or none that counts. */
function mayHaveOpened(error: unknown): boolean {
  if (error instanceof DecisionUnavailableError) return error.reason !== 'circuit_open';
  return [CallAbortedError, ShutdownError, TimeoutError, TransportError].some((kind) => error instanceof kind);
}

/** An approval that the server does not know, and a use that is not one, are a no. */
function noTo(error: unknown): false {
  if (error instanceof NotFoundError || error instanceof BadRequestError) return false;
  throw error;
}

function pathOf(decisionId: string, what: string): string {
  return `/v1/decision/${encodeURIComponent(decisionId)}/${what}`;
}

/** A value that a server took for text was not decided on as what it is, unless its guard says that text is meant. */
function needed(request: DecisionRequest, answer: DecisionAnswer, given: readonly Capability[]): readonly Capability[] {
  const { capabilities } = answer;
  const require: readonly Capability[] = request.sensitive === undefined ? given : [...given, 'views'];
  if (request.wireTypes === 'string') return require.filter((name) => name !== 'types');
  return capabilities !== undefined && Object.keys(typesOfCall(request)).length > 0 ? [...require, 'types'] : require;
}

function capabilityMissing(missing: readonly Capability[]): string {
  return `The Data Plane does not say that it can do what this call needs: ${[...new Set(missing)].join(', ')}. Update it, and look for a proxy that changes its answers; for a service that speaks the hosted protocol only, set dataPlane: { require: [] }.`;
}
