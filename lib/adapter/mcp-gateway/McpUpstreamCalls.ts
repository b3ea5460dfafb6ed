import { randomUUID } from 'node:crypto';
import type { McpMessage, McpTransport } from './McpTransport.js';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The server's own error of the protocol, which the client is given as it is. */
export class AnsweredError extends Error {
  readonly error: unknown;

  constructor(error: unknown) {
    super('The server answered with an error.');
    this.error = error;
  }
}

/** Makes calls of tools under ids of our own: one that was approved after its client was answered has none of its own any more. */
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
   * Resolves to the server's result. An abort is told to the server.
   *
   * @param signal the client's, where it still waits: without it nothing is sent that belongs to its request
   */
  make({ params = {}, ...message }: McpMessage, own: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const id = `${this.#prefix}${++this.#made}`;
    const { _meta, ...rest } = params;
    const request = { ...message, id, params: { ...rest, arguments: own, ...(signal !== undefined && _meta !== undefined && { _meta }) } };
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
      this.#upstream.send(request as never).catch(reject);
    });
  }

  /** Whether that was the answer to one of them. */
  settle({ id, result, error }: McpMessage): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new AnsweredError(error));
    return true;
  }

  /** The server is gone, or will be: nothing answers any more. */
  end(error: Error): void {
    this.#gone = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
