import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import { isRecord } from '../../common/data/plainObject.js';
import type { SecretString } from '../../common/SecretString.js';
import { signHostRequest } from '../../server/access/HostSignature.js';
import type { HostOperator } from '../../server/access/HostSignature.js';
import { hostRequestKey } from '../../server/access/serverAccess.js';
import { CliError, jsonable } from '../CliIo.js';

const TIMEOUT_MS = 10_000;

/** Asks a server of this machine as its host's operator: each request is signed with the state key, which itself is never sent. */
export class HostClient {
  readonly #url: string;
  readonly #key: SecretString;
  /** As whom it asks. */
  readonly operator: HostOperator;

  constructor(url: string, stateKey: SecretString, operator: HostOperator) {
    this.#url = url;
    this.#key = hostRequestKey(stateKey);
    this.operator = operator;
  }

  /** Whether anything answers there. */
  async isThere(): Promise<boolean> {
    try {
      const answer = await fetch(new URL('/healthz', this.#url), { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'manual' });
      await answer.body?.cancel();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Sends a request.
   *
   * @param absent statuses that mean that there is no such thing
   * @returns the body of the answer; `undefined` where it is absent
   * @throws CliError with what the server said, or that it does not answer
   */
  async ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, absent: readonly number[] = []): Promise<unknown> {
    const text = body === undefined ? '' : JSON.stringify(body, jsonable);
    const url = new URL(path, this.#url);
    const signed = { method, path: `${url.pathname}${url.search}`, host: url.host, body: text };
    const headers = {
      accept: 'application/json',
      'x-aegis-host': signHostRequest(this.#key, signed, this.operator, Date.now()),
      ...(text !== '' && { 'content-type': 'application/json' }),
    };
    let answer: Response;
    let answered: string;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      answer = await fetch(url, { method, headers, signal, redirect: 'error', ...(text !== '' && { body: text }) });
      answered = await answer.text();
    } catch {
      throw new CliError(`${this.#url}: the server does not answer; start it with npx aegis serve`);
    }
    const value = parsed(answered);
    if (answer.ok) return value;
    if (absent.includes(answer.status)) return undefined;
    const message = isRecord(value) && typeof value['message'] === 'string' ? value['message'] : 'no message';
    throw new CliError(`${this.#url}: the server answered ${answer.status}: ${message}`);
  }
}

function parsed(text: string): unknown {
  try {
    return parseJsonStrictly(text);
  } catch {
    return undefined;
  }
}
