import { randomUUID } from 'node:crypto';
import type { AegisModule } from '../../guard/module/AegisModule.js';
import { AegisError } from '../../model/AegisError.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import { ADAPTER_OPTIONS } from '../tool/AdapterOptions.js';
import type { AdapterApproval, AdapterOptions } from '../tool/AdapterOptions.js';
import { refusedResult, requestOf } from './context.js';
import type { McpContext, McpRequest } from './context.js';
import { answered, canElicit, elicit, inputRequired, questionOf } from './elicit.js';
import type { McpAnswer, McpProtocolServer } from './elicit.js';
import { startHeartbeat } from './heartbeat.js';
import { McpRequestState } from './McpRequestState.js';
import { callbackFailed } from '../tool/toolCall.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import type { ToolDenied, ToolInvocation, ToolOutcome } from '../tool/ToolInvocation.js';
import { toolSchema } from '../tool/toolSchema.js';
import { deniedText } from '../tool/text.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** The options of `guardServer()`. */
export interface McpOptions extends AdapterOptions<McpContext> {
  /**
   * How a call that needs a person is handled. `native` is an elicitation; set explicitly, it refuses the calls of clients that cannot show one.
   *
   * @defaultValue `native` where `verdictBy` is given and the client can show an elicitation, else `defer`
   */
  readonly approval?: AdapterApproval | undefined;
  /**
   * The time between two progress notifications to a client that asked for progress, while its call waits, in milliseconds.
   *
   * @defaultValue 10,000
   */
  readonly heartbeatMs?: number | undefined;
  /**
   * Signs the state that travels through the client between the two rounds of an elicitation (version 2). It needs at least 32 characters, and must be the same in all
   * processes that can get the second round.
   *
   * @defaultValue a random key of this process
   */
  readonly stateKey?: string | undefined;
  /** The codec whose `verify` the server uses as its `requestState`, if it uses one (version 2). The state of the approval is wrapped in it. */
  readonly requestState?: { mint(payload: string, context: never): string | Promise<string> } | undefined;
}

/** One call of a tool of a server. */
export interface McpToolCall {
  readonly name: string;
  readonly input: unknown;
  /** The last argument of the tool's callback. */
  readonly extra: unknown;
  readonly inputSchema: unknown;
  /** Runs the tool. */
  readonly enter: (input: unknown) => unknown;
}

const OPTIONS: OptionKinds<McpOptions> = { ...ADAPTER_OPTIONS, heartbeatMs: 'any', stateKey: 'string', requestState: 'object' };
const ELICITATION_MS = 600_000;

/** Guards the tool calls that clients make to one server. */
export class McpToolCalls {
  readonly #server: McpProtocolServer;
  readonly #options: McpOptions;
  readonly #guard: ToolGuard<McpContext>;
  readonly #approval: AdapterApproval;
  readonly #state: McpRequestState;
  readonly #connections = new WeakMap<object, string>();

  /** @throws ConfigError */
  constructor(server: McpProtocolServer, given: McpOptions) {
    const options = checkedOptions('mcp', given, OPTIONS);
    const { verdictBy, approval, stateKey, heartbeatMs = 1 } = options;
    const issue = (where: string, message: string): ConfigError => new ConfigError([{ where: `mcp: ${where}`, message }]);
    if (approval === 'native' && verdictBy === undefined)
      throw issue('approval', "'native' needs `verdictBy`: a yes from the client counts only if your host knows who gave it.");
    if (stateKey !== undefined && stateKey.length < 32) throw issue('stateKey', 'must have at least 32 characters.');
    if (!(Number.isFinite(heartbeatMs) && heartbeatMs > 0)) throw issue('heartbeatMs', 'must be a number of milliseconds above 0.');
    this.#server = server;
    this.#options = options;
    this.#guard = new ToolGuard('mcp', options, verdictBy !== undefined, OPTIONS);
    this.#approval = approval ?? (verdictBy === undefined ? 'defer' : 'native');
    this.#state = new McpRequestState(stateKey);
  }

  /** Resolves to the tool's result, or to one that says why the tool did not run. Rejects with the tool's own error. */
  async answer(call: McpToolCall): Promise<unknown> {
    const request = requestOf(call.extra);
    const stop = startHeartbeat(request, this.#options.heartbeatMs ?? 10_000);
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
    const approval = this.#approvalFor(request);
    const invocation: ToolInvocation<McpContext> = {
      name: call.name,
      input: call.input,
      context: request.context,
      callId: request.id === undefined ? undefined : JSON.stringify(request.id),
      connection: this.#connection(),
      signal: request.signal,
      schema: toolSchema(call.inputSchema),
      approval,
    };
    if (approval !== 'native') return this.#guard.call(invocation, run);
    const second = answered(request);
    if (second === undefined) return this.#ask(invocation, request, await this.#guard.call(invocation, run), run);
    const asked = this.#state.open(request.rounds?.requestState);
    if (asked?.toolName !== call.name) return this.#guard.deny(invocation, 'the answer does not belong to a question about this call');
    const { callId, connection, decisionId: shownDecision } = asked;
    const known = { ...invocation, callId, connection, shownDecision };
    return this.#ask(known, request, await this.#take(known, second.answer, run), run);
  }

  /** Runs the call after a yes that counts; any other answer ends it. */
  async #take(invocation: ToolInvocation<McpContext>, answer: McpAnswer, run: (own: never) => unknown): Promise<ToolOutcome<unknown>> {
    if (answer === 'yes') return this.#guard.call({ ...invocation, approvedThere: true }, run);
    if (answer === 'no') return this.#guard.refuse(invocation, 'declined at the client');
    const preflight = await this.#guard.preflight(invocation);
    if (preflight.kind === 'denied') return preflight;
    return this.#unanswered(invocation, preflight.kind === 'pending' ? preflight.pending : undefined);
  }

  async #unanswered(invocation: ToolInvocation<McpContext>, pending: PendingApproval | undefined): Promise<ToolDenied> {
    const why = 'the question about it was not answered';
    return pending === undefined ? this.#guard.deny(invocation, why) : this.#guard.withdraw(invocation, pending, why);
  }

  /** Asks the person at the client if the answer can count; else the tool runs in the background once others have approved it. */
  async #ask(
    invocation: ToolInvocation<McpContext>,
    request: McpRequest,
    outcome: ToolOutcome<unknown>,
    run: (own: never) => unknown,
  ): Promise<Outcome> {
    if (outcome.kind !== 'pending') return outcome;
    const { pending } = outcome;
    const question = (await this.#guard.mayAnswer(invocation, pending)) ? await this.#question(pending) : undefined;
    if (question === undefined) return this.#guard.call({ ...invocation, approval: 'defer' }, run);
    if (request.rounds !== undefined) return { kind: 'asks', result: await this.#round(invocation, request, pending, question) };
    const { waitMs = ELICITATION_MS } = this.#options;
    // an error of the client is not an answer
    const answer = await elicit(this.#server, question, request, waitMs).catch(() => undefined);
    if (answer === undefined) return this.#unanswered(invocation, pending);
    const taken = await this.#take({ ...invocation, shownDecision: pending.decisionId }, answer, run);
    return taken.kind === 'pending' ? this.#guard.call({ ...invocation, approval: 'defer' }, run) : taken;
  }

  async #round(
    { callId, connection, name: toolName }: ToolInvocation,
    { context }: McpRequest,
    { decisionId }: PendingApproval,
    question: string,
  ): Promise<object> {
    const sealed = this.#state.seal({ callId, connection, toolName, decisionId });
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

  #approvalFor(request: McpRequest): AdapterApproval {
    if (this.#approval !== 'native' || canElicit(this.#server, request)) return this.#approval;
    return this.#options.approval === 'native' ? 'deny' : 'defer';
  }

  /** Names the connection: else one client could use an approval given to another. */
  #connection(): string {
    const { transport } = this.#server;
    let connection = transport && this.#connections.get(transport);
    if (connection === undefined) {
      connection = randomUUID();
      if (transport !== undefined) this.#connections.set(transport, connection);
    }
    return connection;
  }
}

type Outcome = ToolOutcome<unknown> | { readonly kind: 'asks'; readonly result: object };
