import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { REQUEST_LIMITS } from '../front/requestLimits.js';
import { belowBase } from './basePath.js';
import type { Dispatcher } from '../dispatch/Dispatcher.js';
import type { IncomingRequest } from '../dispatch/IncomingRequest.js';
import { tooLarge } from './NodeRequest.js';
import { readUtf8 } from './readUtf8.js';

/** Answers a request as `fetch` would: for Hono, Next and every other server on web standards. */
export type FetchHandler = (request: Request) => Promise<Response>;

/** What the front for fetch needs. */
export interface FetchFrontOptions {
  readonly dispatcher: Dispatcher;
  /** Without a slash at its end. */
  readonly base: string;
  /** The address of a request's client, as the host knows it. */
  readonly clientAddress: ((request: Request) => string | undefined) | undefined;
}

/** The front for web standards. */
export function fetchFront({ dispatcher, base, clientAddress }: FetchFrontOptions): FetchHandler {
  return async (request) => {
    const { status, headers: named, cookies, body } = await dispatcher.answer(new FetchRequest(request, base, clientAddress?.(request)));
    const headers = new Headers(named);
    for (const cookie of cookies) headers.append('set-cookie', cookie);
    if (request.method === 'HEAD' || body === undefined) {
      // no one will read it
      if (typeof body === 'object') await body[Symbol.asyncIterator]().return?.();
      return new Response(null, { status, headers });
    }
    return new Response(typeof body === 'string' ? body : streamOf(body), { status, headers });
  };
}

class FetchRequest implements IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly target: string | undefined;
  readonly headers: Pick<Headers, 'get'>;
  readonly address: string | undefined;
  readonly isSecure: boolean;
  readonly isAmbiguous: boolean = false;
  readonly hasBody: boolean;
  readonly bodyBytes: number;
  readonly #request: Request;

  constructor(request: Request, base: string, address: string | undefined) {
    const { pathname, search, protocol } = new URL(request.url);
    this.method = request.method;
    this.url = `${pathname}${search}`;
    this.target = belowBase(base, this.url);
    this.headers = request.headers;
    this.address = address;
    this.isSecure = protocol === 'https:';
    const length = request.headers.get('content-length');
    this.hasBody = request.body !== null && length !== '0';
    // not every server has checked it
    const bytes = length !== null && /^\d+$/.test(length) ? Number(length) : Infinity;
    this.bodyBytes = this.hasBody ? Math.min(bytes, REQUEST_LIMITS.bodyBytes) : 0;
    this.#request = request;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  async readBody(maxBytes: number): Promise<string> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      // only a request with a body is read
      for await (const chunk of this.#request.body as NonNullable<Request['body']>) {
        bytes += (chunk as Uint8Array).length;
        if (bytes > maxBytes) break;
        chunks.push(chunk as Uint8Array);
      }
    } catch (error) {
      throw new BadRequestError('The body could not be read to its end. It may have been read before it came here.', { cause: error });
    }
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    return readUtf8(chunks);
  }
}

function streamOf(body: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
