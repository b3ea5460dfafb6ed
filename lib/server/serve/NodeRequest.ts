import type { IncomingMessage, ServerResponse } from 'node:http';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { RequestError } from '../front/RequestError.js';
import type { IncomingRequest } from '../dispatch/IncomingRequest.js';
import { readUtf8 } from './readUtf8.js';

/** A request of node:http. */
export class NodeRequest implements IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly target: string | undefined;
  readonly address: string | undefined;
  readonly isSecure: boolean;
  readonly isAmbiguous: boolean;
  readonly hasBody: boolean;
  readonly bodyBytes: number;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  #aborting: AbortController | undefined;

  /**
   * @param target path and query below the base path
   * @param maxBytes what a body without a length may have
   */
  constructor(incoming: IncomingMessage, outgoing: ServerResponse, url: string, target: string | undefined, maxBytes: number) {
    const { headers, method, socket } = incoming;
    // node:http always sets it on a request
    this.method = method as string;
    this.url = url;
    this.target = target;
    this.address = socket.remoteAddress;
    this.isSecure = 'encrypted' in socket;
    this.isAmbiguous = incoming.httpVersionMajor === 0 || hasTwoHosts(incoming.rawHeaders);
    const length = headers['content-length'];
    this.hasBody = headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
    this.bodyBytes = this.hasBody ? Math.min(Number(length ?? maxBytes), maxBytes) : 0;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  get headers(): Pick<Headers, 'get'> {
    return this;
  }

  /** A header. */
  get(name: string): string | null {
    const value = this.#incoming.headers[name.toLowerCase()];
    // several values are only kept of Set-Cookie, which is no header of a request
    return typeof value === 'string' ? value : null;
  }

  get signal(): AbortSignal {
    if (this.#aborting === undefined) {
      const aborting = new AbortController();
      this.#aborting = aborting;
      if (this.#outgoing.destroyed) aborting.abort();
      // also after the answer, when no one listens any longer
      else this.#outgoing.once('close', () => aborting.abort());
    }
    return this.#aborting.signal;
  }

  readBody(maxBytes: number): Promise<string> {
    const incoming = this.#incoming;
    if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes));
    if (incoming.readableDidRead || incoming.readableEnded)
      return Promise.reject(
        new RequestError(
          500,
          'body_already_read',
          'The body of the request was read before it came here. Mount the Data Plane before anything that parses bodies.',
        ),
      );
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const onData = (chunk: Buffer): void => {
        bytes += chunk.length;
        if (bytes <= maxBytes) return void chunks.push(chunk);
        chunks.length = 0;
        incoming.off('data', onData);
        incoming.pause();
        reject(tooLarge(maxBytes));
      };
      incoming.on('data', onData);
      const onEarlyEnd = (): void => reject(new BadRequestError('The body ended before its length.'));
      incoming.on('end', () => {
        // it closes after a good end too, where an error with its stack would cost every request a twentieth
        incoming.off('close', onEarlyEnd);
        try {
          resolve(readUtf8(chunks));
        } catch (error) {
          reject(error as BadRequestError);
        }
      });
      // each comes once at most; once() would make an object for each of them
      incoming.on('error', onEarlyEnd);
      incoming.on('close', onEarlyEnd);
    });
  }
}

/** node:http drops the second one. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

/** The answer to a body that is too large. */
export function tooLarge(maxBytes: number): RequestError {
  return new RequestError(413, 'content_too_large', `The body may have ${maxBytes} bytes. Send less.`);
}
