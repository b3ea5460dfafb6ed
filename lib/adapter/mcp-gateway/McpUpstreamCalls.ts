import { randomUUID } from 'node:crypto';
import type { McpMessage, McpTransport } from './McpTransport.js';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The server's own protocol error, which the client gets unchanged. */
export class AnsweredError extends Error {
  readonly error: unknown;

  constructor(error: unknown) {
    super('The MCP server answered with a protocol error.');
    this.error = error;
  }
}

/** Sends tool calls under ids of the gateway's own: a deferred call runs after its client was answered, when the client's id is no longer in use. */
export class McpUpstreamCalls {
  readonly #upstream: McpTransport;
  readonly #prefix = `aegis-${randomUUID()}-`;
  readonly #waiting = new Map<unknown, Waiting>();
  #made = 0;
  #gone: Error | undefined;

  constructor(upstream: McpTransport) {
    this.#upstream = upstream;
  }

  /**
   * Sends a call and resolves to the server's result. An abort sends the server a cancellation.
   *
   * @param signal the client's, while the client still waits: without it the client's `_meta`, such as its progress token, is not sent
   */
  make(params: Readonly<Record<string, unknown>>, own: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const id = `${this.#prefix}${++this.#made}`;
    const { _meta, ...rest } = params;
    const sent = { ...rest, arguments: own, ...(signal !== undefined && _meta !== undefined && { _meta }) };
    const request = { jsonrpc: '2.0', id, method: 'tools/call', params: sent };
    return new Promise<unknown>((resolve, reject) => {
      if (this.#gone !== undefined) throw this.#gone;
      signal?.throwIfAborted();
      this.#waiting.set(id, { resolve, reject });
      const cancel = (): void => {
        if (!this.#waiting.delete(id)) return;
        const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } };
        this.#upstream.send(cancelled as never).catch(() => {});
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#upstream.send(request as never).catch((error: unknown) => {
        this.#waiting.delete(id);
        reject(error);
      });
    });
  }

  /** Takes a message that answers one of these calls. Returns whether it does. */
  settle({ id, result, error }: McpMessage): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new AnsweredError(error));
    return true;
  }

  /** Rejects all calls, because the server is gone or about to go. */
  end(error: Error): void {
    this.#gone = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
