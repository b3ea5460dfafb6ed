import { randomUUID } from 'node:crypto';
import { isPlainObject } from '../../common/data/plainObject.js';
import type { AdapterOptions } from '../tool/AdapterOptions.js';
import type { McpContext } from '../mcp/context.js';
import { beatWhile } from '../mcp/heartbeat.js';
import { refusedResult } from '../mcp/result.js';
import { AnsweredError, McpUpstreamCalls } from './McpUpstreamCalls.js';
import { CALL_NAMES, isMisspelt, MESSAGE_NAMES } from './spelling.js';
import type { McpMessage, McpTransport } from './McpTransport.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import { withoutNulls } from './withoutNulls.js';

/** How calls are guarded that go to another server. */
export interface McpRelayOptions extends Omit<AdapterOptions<McpContext>, 'onApproval' | 'verdictBy'> {
  /** Default `wait`: nobody but the client would read the result of a tool that ran in the background. */
  readonly onApproval?: 'pending' | 'wait' | 'deny' | undefined;
  /** How often a client that asked for progress is told that its call waits, in milliseconds. Default 10,000. */
  readonly heartbeatMs?: number | undefined;
  /**
   * What arguments do that are `null`, which policies cannot see: `refuse` the call, or `drop` them from the objects they are in, before the decision and for the
   * tool. Default `refuse`.
   */
  readonly nulls?: 'refuse' | 'drop' | undefined;
}

/** The two sides of a gateway: the client, and the server that is guarded. */
export interface McpSides {
  readonly client: McpTransport;
  readonly upstream: McpTransport;
}

type Id = string | number;

/**
 * Hands every message on, both ways, as it is, but for `tools/call`: that is decided first, and only what was decided is sent. It knows nothing else
 * of the protocol, so that prompts, resources, sampling, elicitation and notifications pass.
 */
export class McpRelay {
  readonly #client: McpTransport;
  readonly #upstream: McpTransport;
  readonly #options: McpRelayOptions;
  readonly #guard: ToolGuard<McpContext>;
  readonly #nonce = randomUUID();
  /** Calls that are decided or run, by the client's id. */
  readonly #calls = new Map<Id, AbortController>();
  /** Requests that were handed on, and their methods. */
  readonly #open = new Map<Id, string>();
  readonly #made: McpUpstreamCalls;
  /** Which request a progress token stands for: what belongs to a request travels with its answer. */
  readonly #progress = new Map<unknown, Id>();
  #closed = false;
  /** Called once, when either side is gone. */
  onclose: (() => void) | undefined;

  /** @throws ConfigError */
  constructor({ client, upstream }: McpSides, options: McpRelayOptions) {
    this.#client = client;
    this.#upstream = upstream;
    this.#options = options;
    this.#made = new McpUpstreamCalls(upstream);
    this.#guard = new ToolGuard('mcp-gateway', { ...options, onApproval: options.onApproval ?? 'wait' }, false);
  }

  /** Rejects where a side cannot be reached. */
  async start(): Promise<void> {
    this.#upstream.onmessage = (message: McpMessage) => this.#fromUpstream(message);
    this.#client.onmessage = (message: McpMessage, extra?: object) => this.#fromClient(message, extra ?? {});
    this.#upstream.onclose = () => void this.close();
    this.#client.onclose = () => void this.close();
    await this.#upstream.start();
    await this.#client.start();
  }

  /** Ends both sides. What waits for a person is cancelled, what runs is not known any more. */
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
    const { method, id, params } = message;
    // a list of messages, or a method that is no text, could be a call that another reads in it
    if (!isPlainObject(message) || isMisspelt(message, MESSAGE_NAMES) || (method !== undefined && typeof method !== 'string')) return;
    if (method === 'tools/call') {
      // without an id it is no request, and whatever a server makes of it was not decided
      if (id !== undefined) void this.#call(id, message, extra);
      return;
    }
    if (method === 'notifications/cancelled') {
      const controller = this.#calls.get(params?.['requestId'] as Id);
      if (controller !== undefined) return controller.abort(new Error('The client cancelled the call.'));
    }
    if (method !== undefined && id !== undefined) this.#track(id, method, params);
    this.#send(this.#upstream, message);
  }

  #fromUpstream(message: McpMessage): void {
    const { method, id, params } = message;
    if (method !== undefined) {
      const sole = this.#running.length === 1 ? this.#running[0] : undefined;
      const related = method === 'notifications/progress' ? this.#progress.get(params?.['progressToken']) : sole;
      return this.#send(this.#client, message, related);
    }
    if (this.#made.settle(message)) return;
    // what nobody asked, and what was decided here, the server does not answer
    if (id === undefined || !this.#open.has(id)) return;
    const { result } = message;
    if (this.#open.get(id) === 'initialize' && isPlainObject(result))
      this.#upstream.setProtocolVersion?.(String(result['protocolVersion']));
    this.#untrack(id);
    this.#send(this.#client, message);
  }

  async #call(id: Id, message: McpMessage, extra: object): Promise<void> {
    const { params = {} } = message;
    const { name, arguments: input = {}, _meta } = params;
    if (typeof name !== 'string' || isMisspelt(params, CALL_NAMES) || this.#calls.has(id) || this.#open.has(id)) {
      const error = { code: -32602, message: 'A tools/call needs the name of a tool, and an id of its own.' };
      return this.#send(this.#client, { jsonrpc: '2.0', id, error });
    }
    const controller = new AbortController();
    const { signal } = controller;
    this.#calls.set(id, controller);
    const progressToken = isPlainObject(_meta) ? (_meta['progressToken'] as Id | undefined) : undefined;
    if (progressToken !== undefined) this.#progress.set(progressToken, id);
    const notify = async (notification: object): Promise<void> =>
      this.#send(this.#client, { jsonrpc: '2.0', ...notification } as McpMessage, id);
    const context = extra as McpContext;
    const stop = beatWhile(
      { context, id, signal, progressToken, notify, rounds: undefined, taskStore: undefined },
      this.#options.heartbeatMs ?? 10_000,
    );
    let answer: Partial<McpMessage> | undefined;
    let waits = true;
    try {
      const given = this.#options.nulls === 'drop' ? withoutNulls(input) : input;
      const outcome = await this.#guard.call(
        { name, input: given, context, callId: `${this.#nonce}:${JSON.stringify(id)}`, signal },
        (own) => {
          stop();
          return this.#made.make(message, own, waits ? signal : undefined);
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
    // who cancelled a call hears nothing of it any more
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

  /** A side that cannot be written to says so by closing. */
  #send(side: McpTransport, message: McpMessage, relatedRequestId?: Id): void {
    side.send(message as never, { relatedRequestId } as never).catch((error: unknown) => side.onerror?.(error as Error));
  }
}

function failedResult(tool: string): object {
  return refusedResult(JSON.stringify({ aegis: 'failed', tool, reason: 'the call could not be made', retry: false }));
}
