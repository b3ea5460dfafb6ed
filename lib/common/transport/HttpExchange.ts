import type { KyInstance } from 'ky';
import type { Deadline } from './Deadline.js';
import { HttpTransportError } from './HttpTransportError.js';
import { BodyError, readCapped } from './readCapped.js';

/** One HTTP request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** Appended to the base URL; starts with `/`. */
  readonly path: string;
  /** Sent in addition to the headers of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
}

/** An answer, read to its end. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Empty where the body of an answer other than 200 could not be read: its status says enough. */
  readonly body: string;
}

/** Where requests go, and what every one of them carries. */
export interface HttpTarget {
  /** Without a trailing `/`. */
  readonly baseUrl: string;
  /** The largest body of an answer, in bytes after decompression. */
  readonly maxBodyBytes: number;
  /** The headers of every request. Called for each one, so that secrets need not be kept in a plain object. */
  readonly headers: () => Readonly<Record<string, string>>;
}

type Response = globalThis.Response;

/**
 * Makes single HTTP requests. ky does no more than send them (no retries, redirects, deadline or errors of its own); it is loaded for the first
 * request, because loading it takes 20 ms.
 */
export class HttpExchange {
  readonly #target: HttpTarget;
  #ky: Promise<KyInstance> | undefined;

  constructor(target: HttpTarget) {
    this.#target = target;
  }

  /**
   * Sends a request and reads its answer.
   *
   * @throws HttpTransportError `unreachable`, `redirect`, or one of the problems of a body
   */
  async exchange(request: HttpRequest, deadline: Deadline): Promise<HttpResponse> {
    try {
      const response = await this.#send(request, deadline.signal);
      if (isRedirect(response)) {
        void response.body?.cancel().catch(() => undefined);
        throw new HttpTransportError('redirect');
      }
      const body = await this.#read(response, deadline);
      return { status: response.status, headers: response.headers, body };
    } catch (error) {
      if (error instanceof HttpTransportError) throw error;
      throw new HttpTransportError('unreachable', { systemCode: systemCode(error) });
    }
  }

  async #send(request: HttpRequest, signal: AbortSignal): Promise<Response> {
    const ky = await this.#load();
    const headers = { ...this.#target.headers(), ...request.headers };
    return ky(this.#target.baseUrl + request.path, {
      method: request.method,
      ...(request.body === undefined ? {} : { body: request.body }),
      // given to fetch, not to ky: ky joins the signal with one of its own and copies headers twice, a tenth of the cost of the whole request
      fetch: (input, init) => fetch(input, { ...init, headers, signal }),
    });
  }

  #load(): Promise<KyInstance> {
    this.#ky ??= import('ky').then(
      ({ default: ky }) => ky.create({ retry: 0, redirect: 'manual', throwHttpErrors: false, timeout: false }),
      (error: unknown) => {
        this.#ky = undefined;
        throw error;
      },
    );
    return this.#ky;
  }

  async #read(response: Response, deadline: Deadline): Promise<string> {
    try {
      return await readCapped(response.body, { maxBytes: this.#target.maxBodyBytes, deadline });
    } catch (error) {
      if (response.status !== 200) return '';
      if (error instanceof BodyError) throw new HttpTransportError(error.problem);
      if (systemCode(error)?.startsWith('Z_') === true) throw new HttpTransportError('undecodable');
      throw error;
    }
  }
}

/** Some runtimes hide a redirect behind status 0. */
function isRedirect(response: Response): boolean {
  return (response.status >= 300 && response.status < 400) || response.type === 'opaqueredirect';
}

/** `ECONNREFUSED` and the like, from the error or one of its causes. */
function systemCode(error: unknown): string | undefined {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
    at = cause;
  }
  return undefined;
}
