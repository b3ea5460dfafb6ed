import { randomUUID } from 'node:crypto';
import type { AegisModule } from '../../guard/module/AegisModule.js';
import { AegisError } from '../../model/AegisError.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { AdapterOptions, OnApproval } from '../tool/AdapterOptions.js';
import { requestOf } from './context.js';
import type { McpContext, McpRequest } from './context.js';
import { answered, canElicit, elicit, inputRequired, questionOf } from './elicitation.js';
import type { McpAnswer, McpProtocolServer } from './elicitation.js';
import { beatWhile } from './heartbeat.js';
import { McpRequestState } from './McpRequestState.js';
import { refusedResult } from './result.js';
import { standardSchemaOf } from '../tool/sanitizedOnly.js';
import { callbackFailed } from '../tool/toolCall.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import type { ToolInvocation } from '../tool/ToolInvocation.js';
import type { ToolDenied, ToolOutcome } from '../tool/ToolOutcome.js';
import { deniedText } from '../tool/toolText.js';

/** What `guardServer` takes. */
export interface McpOptions extends AdapterOptions<McpContext> {
  /**
   * What a call does that needs a person. Default: `native`, an elicitation, where `verdictBy` is given and the client can show one, else `pending`. `native`
   * itself refuses clients that cannot.
   */
  readonly onApproval?: OnApproval | undefined;
  /** How often a client that asked for progress is told that its call waits, in milliseconds. Default 10,000. */
  readonly heartbeatMs?: number | undefined;
  /**
   * Signs what goes through the client between the two rounds of an elicitation (version 2): 32 characters or more, the same in all processes that may get
   * the second round. Default: a random key of this process.
   */
  readonly stateKey?: string | undefined;
  /** The codec whose `verify` the server was given as `requestState`, where it was (version 2). Ours goes inside it. */
  readonly requestState?: { mint(payload: string, context: never): string | Promise<string> } | undefined;
}

/** One call of a tool of a server. */
export interface McpToolCall {
  readonly name: string;
  readonly input: unknown;
  /** The last argument of the tool's callback. */
  readonly extra: unknown;
  readonly inputSchema: unknown;
  /** Enters the tool. */
  readonly enter: (input: unknown) => unknown;
}

const ELICITATION_MS = 600_000;

/** Guards the calls that clients make of one server. */
export class McpToolCalls {
  readonly #server: McpProtocolServer;
  readonly #options: McpOptions;
  readonly #guard: ToolGuard<McpContext>;
  readonly #onApproval: OnApproval;
  readonly #state: McpRequestState;
  readonly #connections = new WeakMap<object, string>();

  /** @throws ConfigError */
  constructor(server: McpProtocolServer, options: McpOptions) {
    const { verdictBy, onApproval, stateKey, heartbeatMs = 1 } = options;
    const issue = (where: string, message: string): ConfigError => new ConfigError([{ where: `mcp: ${where}`, message }]);
    if (onApproval === 'native' && verdictBy === undefined)
      throw issue('onApproval', "'native' needs `verdictBy`: a yes of the client counts only if your host knows whose it is.");
    if (stateKey !== undefined && stateKey.length < 32) throw issue('stateKey', 'has 32 characters at least.');
    if (!(Number.isFinite(heartbeatMs) && heartbeatMs > 0)) throw issue('heartbeatMs', 'is a number of milliseconds above 0.');
    this.#server = server;
    this.#options = options;
    this.#guard = new ToolGuard('mcp', options, verdictBy !== undefined);
    this.#onApproval = onApproval ?? (verdictBy === undefined ? 'pending' : 'native');
    this.#state = new McpRequestState(stateKey);
  }

  /** What the client gets: the tool's result, or one that says why there is none. Rejects with the tool's own error. */
  async answer(call: McpToolCall): Promise<unknown> {
    const request = requestOf(call.extra);
    const stop = beatWhile(request, this.#options.heartbeatMs ?? 10_000);
    const run = (own: never): unknown => {
      stop();
      return call.enter(own);
    };
    try {
      const outcome = await this.#decide(call, request, run);
      if (outcome.kind === 'ran') return outcome.value;
      return outcome.kind === 'asks' ? outcome.result : refusedResult(outcome.text);
    } catch (error) {
      if (!AegisError.is(error)) throw error;
      return refusedResult(deniedText(call.name, error));
    } finally {
      stop();
    }
  }

  async #decide(call: McpToolCall, request: McpRequest, run: (own: never) => unknown): Promise<Outcome> {
    const onApproval = this.#waysFor(request);
    const invocation: ToolInvocation<McpContext> = {
      name: call.name,
      input: call.input,
      context: request.context,
      callId: this.#callId(request),
      signal: request.signal,
      schema: standardSchemaOf(call.inputSchema),
      onApproval,
    };
    if (onApproval !== 'native') return this.#guard.call(invocation, run);
    const second = answered(request);
    if (second === undefined) return this.#ask(invocation, request, await this.#guard.call(invocation, run), run);
    const asked = this.#state.open(request.rounds?.requestState);
    if (asked?.toolName !== call.name) return this.#guard.deny(invocation, 'the answer is to no question that was asked about this call');
    const known = { ...invocation, callId: asked.callId, shownDecision: asked.decisionId };
    return this.#ask(known, request, await this.#take(known, second.answer, run), run);
  }

  /** A yes has the call run if it counts; anything else ends it. */
  async #take(invocation: ToolInvocation<McpContext>, answer: McpAnswer, run: (own: never) => unknown): Promise<ToolOutcome<unknown>> {
    if (answer === 'yes') return this.#guard.call({ ...invocation, approvedThere: true }, run);
    if (answer === 'no') return this.#guard.refuse(invocation, 'declined at the client');
    const met = await this.#guard.preflight(invocation);
    return met.kind === 'denied' ? met : this.#unanswered(invocation, met.kind === 'pending' ? met.pending : undefined);
  }

  async #unanswered(invocation: ToolInvocation<McpContext>, pending: PendingApproval | undefined): Promise<ToolDenied> {
    const why = 'the question about it was not answered';
    return pending === undefined ? this.#guard.deny(invocation, why) : this.#guard.withdraw(invocation, pending, why);
  }

  /** Asks the person at the client where the answer can count; else the tool runs in the background, once others approved. */
  async #ask(
    invocation: ToolInvocation<McpContext>,
    request: McpRequest,
    outcome: ToolOutcome<unknown>,
    run: (own: never) => unknown,
  ): Promise<Outcome> {
    if (outcome.kind !== 'pending') return outcome;
    const { pending } = outcome;
    const question = (await this.#guard.mayAnswer(invocation, pending)) ? await this.#question(pending) : undefined;
    if (question === undefined) return this.#guard.call({ ...invocation, onApproval: 'pending' }, run);
    if (request.rounds !== undefined) return { kind: 'asks', result: await this.#round(invocation, request, pending, question) };
    const { waitMs = ELICITATION_MS } = this.#options;
    // a client that fails to answer has not answered
    const answer = await elicit(this.#server, question, request, waitMs).catch(() => undefined);
    if (answer === undefined) return this.#unanswered(invocation, pending);
    const taken = await this.#take({ ...invocation, shownDecision: pending.decisionId }, answer, run);
    return taken.kind === 'pending' ? this.#guard.call({ ...invocation, onApproval: 'pending' }, run) : taken;
  }

  async #round(
    { callId = '', name: toolName }: ToolInvocation,
    { context }: McpRequest,
    { decisionId }: PendingApproval,
    question: string,
  ): Promise<object> {
    const sealed = this.#state.seal({ callId, toolName, decisionId });
    try {
      return inputRequired(question, (await this.#options.requestState?.mint(sealed, context as never)) ?? sealed);
    } catch (error) {
      throw callbackFailed('mcp', error);
    }
  }

  async #question({ decisionId }: PendingApproval): Promise<string | undefined> {
    const record = await (this.#options.module as AegisModule).approvals.get(decisionId);
    return record && questionOf(record);
  }

  #waysFor(request: McpRequest): OnApproval {
    if (this.#onApproval !== 'native' || canElicit(this.#server, request)) return this.#onApproval;
    return this.#options.onApproval === 'native' ? 'deny' : 'pending';
  }

  /** Request ids begin at 1 on each connection: alone they would let one client use what was approved for another. */
  #callId({ id }: McpRequest): string | undefined {
    const { transport } = this.#server;
    let connection = transport && this.#connections.get(transport);
    if (connection === undefined) {
      connection = randomUUID();
      if (transport !== undefined) this.#connections.set(transport, connection);
    }
    return `${connection}:${JSON.stringify(id)}`;
  }
}

type Outcome = ToolOutcome<unknown> | { readonly kind: 'asks'; readonly result: object };
