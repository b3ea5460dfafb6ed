import { randomUUID } from 'node:crypto';
import { isPlainObject } from '../../common/data/plainObject.js';
import { ADAPTER_OPTIONS } from '../tool/AdapterOptions.js';
import type { AdapterOptions } from '../tool/AdapterOptions.js';
import { refusedResult } from '../mcp/context.js';
import type { McpContext } from '../mcp/context.js';
import { startHeartbeat } from '../mcp/heartbeat.js';
import { AnsweredError, McpUpstreamCalls } from './McpUpstreamCalls.js';
import { CALL_NAMES, hasOnly, isAnswer, isLookAlike, isTooDeep, JSON_RPC_NAMES, MAX_NESTING, withoutNulls } from './jsonRpc.js';
import type { McpMessage, McpTransport } from './McpTransport.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** The options for guarding calls that go to another server. */
export interface McpRelayOptions extends Omit<AdapterOptions<McpContext>, 'approval' | 'verdictBy'> {
  /**
   * How a call that needs a person is handled.
   *
   * @defaultValue `wait`, because the client would not get the result of a tool that ran in the background
   */
  readonly approval?: 'defer' | 'wait' | 'deny' | undefined;
  /**
   * The time between two progress notifications to a client that asked for progress, while its call waits, in milliseconds.
   *
   * @defaultValue 10,000
   */
  readonly heartbeatMs?: number | undefined;
  /**
   * How arguments that are `null` are handled, which policies cannot see: `refuse` the call, or `drop` them from their objects, both for the decision and for the
   * tool.
   *
   * @defaultValue `refuse`
   */
  readonly nulls?: 'refuse' | 'drop' | undefined;
}

const { verdictBy: _never, ...SHARED } = ADAPTER_OPTIONS;
/** The kinds of these options. */
export const RELAY_OPTIONS: OptionKinds<McpRelayOptions> = { ...SHARED, heartbeatMs: 'ms', nulls: "'refuse'|'drop'" };

/** The two sides of a gateway: the client, and the server that is guarded. */
export interface McpSides {
  readonly client: McpTransport;
  readonly upstream: McpTransport;
}

type Id = string | number;

/**
 * Relays all messages between a client and a server unchanged, except `tools/call`: that is decided first, and only what was decided is sent. The relay knows
 * nothing else of the protocol, so prompts, resources, sampling, elicitation and notifications pass through.
 */
export class McpRelay {
  readonly #client: McpTransport;
  readonly #upstream: McpTransport;
  readonly #options: McpRelayOptions;
  readonly #guard: ToolGuard<McpContext>;
  readonly #nonce = randomUUID();
  /** The calls that are being decided or run, by the client's id. */
  readonly #calls = new Map<Id, AbortController>();
  /** The methods of the requests that were relayed and are not answered yet, by id. */
  readonly #open = new Map<Id, string>();
  readonly #made: McpUpstreamCalls;
  /** The request of each progress token: messages that belong to a request travel with its answer. */
  readonly #progress = new Map<unknown, Id>();
  #closed = false;
  /** Called once, when either side has closed. */
  onclose: (() => void) | undefined;

  /** @param kinds the kinds of all options, where the caller has more @throws ConfigError */
  constructor({ client, upstream }: McpSides, given: McpRelayOptions, kinds: OptionKinds<McpRelayOptions> = RELAY_OPTIONS) {
    const options = checkedOptions('mcp-gateway', given, kinds);
    this.#client = client;
    this.#upstream = upstream;
    this.#options = options;
    this.#made = new McpUpstreamCalls(upstream);
    this.#guard = new ToolGuard('mcp-gateway', { ...options, approval: options.approval ?? 'wait' }, false, { ...kinds, verdictBy: 'any' });
  }

  /** Starts both sides. Rejects if one cannot be reached. */
  async start(): Promise<void> {
    this.#upstream.onmessage = (message: McpMessage) => this.#fromUpstream(message);
    this.#client.onmessage = (message: McpMessage, extra?: object) => this.#fromClient(message, extra ?? {});
    this.#upstream.onclose = () => void this.close();
    this.#client.onclose = () => void this.close();
    await this.#upstream.start();
    await this.#client.start();
  }

  /** Closes both sides. Cancels calls that wait for a person; the outcome of running calls is lost. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const gone = new Error('The connection was closed.');
    for (const controller of this.#calls.values()) controller.abort(gone);
    this.#made.end(gone);
    await Promise.allSettled([this.#upstream.close(), this.#client.close()]);
    this.onclose?.();
  }

  #fromClient(message: McpMessage, extra: object): void {
    // a batch, or a key that is unknown here, could be read as a call by another decoder
    if (!isPlainObject(message) || !hasOnly(message, JSON_RPC_NAMES)) return this.#refuse(null, -32600, NOT_ONE_MESSAGE);
    const { method, id, params } = message;
    if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return this.#refuse(null, -32600, NO_ID);
    const tooDeep = isTooDeep(message);
    if (method === undefined && !isAnswer(message)) return this.#refuse(null, -32600, NOT_ONE_MESSAGE);
    // an answer to the server, which waits for one
    if (method === undefined) return tooDeep ? this.#answerFor(this.#upstream, message) : this.#send(this.#upstream, message);
    if (tooDeep) return this.#refuse(id, -32600, TOO_DEEP);
    if (typeof method !== 'string' || isLookAlike(method)) return this.#refuse(id, -32601, NO_METHOD);
    if (id !== undefined && (this.#calls.has(id) || this.#open.has(id))) return this.#refuse(id, -32600, ID_IN_USE);
    if (method === 'tools/call') {
      // without an id it is not a request; a server might still run it, so it is not relayed
      if (id !== undefined) void this.#call(id, params, extra);
      return;
    }
    if (method === 'notifications/cancelled') {
      const controller = this.#calls.get(params?.['requestId'] as Id);
      if (controller !== undefined) return controller.abort(new Error('The client cancelled the call.'));
    }
    if (id !== undefined) this.#track(id, method, params);
    this.#send(this.#upstream, message);
  }

  /** Answers what is not relayed; a notification gets no answer. */
  #refuse(id: Id | null | undefined, code: number, message: string): void {
    if (id !== undefined) this.#send(this.#client, { jsonrpc: '2.0', id, error: { code, message } });
  }

  #fromUpstream(message: McpMessage): void {
    const { method, id, params } = message;
    if (method !== undefined) {
      const sole = this.#running.length === 1 ? this.#running[0] : undefined;
      const related = method === 'notifications/progress' ? this.#progress.get(params?.['progressToken']) : sole;
      return this.#send(this.#client, message, related);
    }
    if (this.#made.settle(message)) return;
    // drops answers to requests that the client did not send, and to calls that the gateway handles
    if (id === undefined || id === null || !this.#open.has(id)) return;
    const { result } = message;
    if (this.#open.get(id) === 'initialize' && isPlainObject(result))
      this.#upstream.setProtocolVersion?.(String(result['protocolVersion']));
    this.#untrack(id);
    this.#send(this.#client, message);
  }

  async #call(id: Id, params: unknown, extra: object): Promise<void> {
    if (!isPlainObject(params) || !hasOnly(params, CALL_NAMES)) return this.#refuse(id, -32602, NOT_A_CALL);
    const { name, arguments: input = {}, _meta } = params;
    if (typeof name !== 'string' || !isPlainObject(input)) return this.#refuse(id, -32602, NOT_A_CALL);
    const controller = new AbortController();
    const { signal } = controller;
    this.#calls.set(id, controller);
    const progressToken = isPlainObject(_meta) ? (_meta['progressToken'] as Id | undefined) : undefined;
    if (progressToken !== undefined) this.#progress.set(progressToken, id);
    const notify = async (notification: object): Promise<void> =>
      this.#send(this.#client, { jsonrpc: '2.0', ...notification } as McpMessage, id);
    const context = extra as McpContext;
    const stop = startHeartbeat(
      { context, id, signal, progressToken, notify, rounds: undefined, taskStore: undefined },
      this.#options.heartbeatMs ?? 10_000,
    );
    let answer: Partial<McpMessage> | undefined;
    let waits = true;
    try {
      const given = this.#options.nulls === 'drop' ? withoutNulls(input) : input;
      const outcome = await this.#guard.call(
        { name, input: given, context, callId: JSON.stringify(id), connection: this.#nonce, signal },
        (own) => {
          stop();
          return this.#made.make(params, own, waits ? signal : undefined);
        },
      );
      answer = { result: outcome.kind === 'ran' ? outcome.value : refusedResult(outcome.text) };
    } catch (error) {
      if (error instanceof AnsweredError) answer = { error: error.error };
      else if (!signal.aborted) answer = { result: failedResult(name) };
    } finally {
      waits = false;
      stop();
      this.#calls.delete(id);
      this.#progress.delete(progressToken);
    }
    // a client that cancelled a call gets no answer
    if (answer !== undefined && !signal.aborted) this.#send(this.#client, { jsonrpc: '2.0', id, ...answer });
  }

  get #running(): readonly Id[] {
    return [...this.#open.keys(), ...this.#calls.keys()];
  }

  #track(id: Id, method: string, params: McpMessage['params']): void {
    this.#open.set(id, method);
    const meta = params?.['_meta'];
    if (isPlainObject(meta) && meta['progressToken'] !== undefined) this.#progress.set(meta['progressToken'], id);
  }

  #untrack(id: Id): void {
    this.#open.delete(id);
    for (const [token, request] of this.#progress) if (request === id) this.#progress.delete(token);
  }

  /** Sends a message. A side that cannot be written to reports that by closing; what cannot be written is answered, so that no one waits for it. */
  #send(side: McpTransport, message: McpMessage, relatedRequestId?: Id): void {
    side.send(message as never, { relatedRequestId } as never).catch((error: unknown) => {
      side.onerror?.(error as Error);
      this.#answerFor(side, message);
    });
  }

  #answerFor(side: McpTransport, { id, method, error }: McpMessage): void {
    if (id === undefined || this.#closed) return;
    const failed: McpMessage = { jsonrpc: '2.0', id, error: { code: -32603, message: NOT_DELIVERED } };
    // an answer, in the place of which this one goes
    if (method === undefined)
      return (error as { readonly message?: unknown } | undefined)?.message === NOT_DELIVERED ? undefined : this.#send(side, failed);
    if (side === this.#client) return this.#send(this.#upstream, failed);
    if (!this.#open.has(id as Id)) return;
    this.#untrack(id as Id);
    this.#send(this.#client, failed);
  }
}

const NOT_ONE_MESSAGE =
  'This is not one message of JSON-RPC with the keys jsonrpc, id, method, params, result and error; send each message by itself.';
const NO_ID = 'The id of a request must be a text or a number.';
const ID_IN_USE = 'A request with this id is not answered yet; give each request an id of its own.';
const NO_METHOD =
  'The gateway does not relay this method: spelled like this, a server could take it for another one. Use the exact names of MCP.';
const TOO_DEEP = `The message is nested too deeply; at most ${MAX_NESTING} levels are relayed.`;
const NOT_DELIVERED = 'The message could not be delivered.';
const NOT_A_CALL = `The params of tools/call must be an object with the \`name\` of a tool, its \`arguments\` as an object, and nothing but ${CALL_NAMES.join(', ')}. Put extensions into \`_meta\`.`;

function failedResult(tool: string): object {
  return refusedResult(JSON.stringify({ aegis: 'failed', tool, reason: 'the call could not be made', retry: false }));
}
