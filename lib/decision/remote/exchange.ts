import type { KyInstance } from 'ky';
import type { Deadline } from '../../common/transport/Deadline.js';
import { BodyError, readCapped } from '../../common/transport/readCapped.js';
import { parseRetryAfter } from '../../common/transport/resilience.js';
import type { Outcome } from '../../common/transport/resilience.js';
import { DecisionUnavailableError, TransportError } from '../../model/errors/ServiceErrors.js';
import { serviceFailure } from './serviceError.js';
import type { RemoteSettings } from './remoteSettings.js';

/** One question to the service. */
export interface RemoteQuestion {
  readonly method: 'GET' | 'POST';
  /** From `/v1` on. */
  readonly path: string;
  /** Beside those that every request carries. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** Whom and what it is about, for errors. */
  readonly agentId?: string | undefined;
  readonly toolName?: string | undefined;
}

/** An answer with status 200. */
export interface RemoteAnswer {
  readonly body: string;
  readonly headers: Headers;
}

type Response = globalThis.Response;

/**
 * Makes single attempts over HTTP. ky is the transport and nothing more (no retries, redirects, deadline or errors of its own); it is loaded at
 * the first attempt, because that costs 20 ms.
 */
export class RemoteExchange {
  readonly #settings: RemoteSettings;
  #ky: Promise<KyInstance> | undefined;

  constructor(settings: RemoteSettings) {
    this.#settings = settings;
  }

  /**
   * Asks once.
   *
   * @throws the errors no other attempt would change: error answers, redirects, bodies that cannot be believed
   */
  async ask(question: RemoteQuestion, deadline: Deadline): Promise<Outcome<RemoteAnswer>> {
    let response: Response;
    let body: string;
    try {
      response = await this.#send(question, deadline.signal);
      if (isRedirect(response)) {
        void response.body?.cancel().catch(() => undefined);
        throw new DecisionUnavailableError('redirect', 'The decision service answered with a redirect, which is never followed.');
      }
      body = await this.#read(response, deadline);
    } catch (error) {
      if (error instanceof DecisionUnavailableError) throw error;
      return { kind: 'unreachable', error: new TransportError(unreachable(error)) };
    }
    return this.#outcome(question, response, body);
  }

  async #send(question: RemoteQuestion, signal: AbortSignal): Promise<Response> {
    const { apiKey, baseUrl, userAgent } = this.#settings;
    const ky = await this.#load();
    const headers = {
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'User-Agent': userAgent,
      'X-API-KEY': apiKey.reveal(),
      'X-DECISION-SOURCE': 'typescript_client',
      ...question.headers,
    };
    return ky(baseUrl + question.path, {
      method: question.method,
      ...(question.body === undefined ? {} : { body: question.body }),
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
      return await readCapped(response.body, { maxBytes: this.#settings.maxBodyBytes, deadline });
    } catch (error) {
      // the status of an error says enough without its body
      if (response.status !== 200) return '';
      if (error instanceof BodyError) {
        throw new DecisionUnavailableError(
          error.problem === 'too_large' ? 'too_large' : 'malformed',
          `The decision service's answer is ${error.message}.`,
        );
      }
      if (systemCode(error)?.startsWith('Z_') === true) {
        throw new DecisionUnavailableError('malformed', "The decision service's answer cannot be decompressed.");
      }
      throw error;
    }
  }

  #outcome(question: RemoteQuestion, response: Response, body: string): Outcome<RemoteAnswer> {
    const { status, headers } = response;
    if (status === 200) return { kind: 'answered', value: { body, headers } };
    if (status < 400) throw new DecisionUnavailableError('malformed', `The decision service answered HTTP ${status}, which is no answer.`);
    const { error, retry } = serviceFailure(status, body, { ...question, apiKey: this.#settings.apiKey });
    if (retry === undefined) throw error;
    return { kind: retry, error, retryAfterMs: parseRetryAfter(headers.get('retry-after'), headers.get('date')) };
  }
}

/** Some runtimes hide a redirect behind status 0. */
function isRedirect(response: Response): boolean {
  return (response.status >= 300 && response.status < 400) || response.type === 'opaqueredirect';
}

/** Neither ky's nor fetch's errors are shown or kept: they hold the request, with the key and the params. */
function unreachable(error: unknown): string {
  const code = systemCode(error);
  return `The decision service could not be reached${code === undefined ? '' : ` (${code})`}.`;
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
