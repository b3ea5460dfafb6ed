import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import type { SecretString } from '../../common/SecretString.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import { personId } from '../../model/personId.js';
import type { Caller } from './Caller.js';
import { SCOPES } from './KeyBody.js';

/** The header of a request of the host's operator. */
export const HOST_HEADER = 'x-aegis-host';

/** What a signature covers. */
export interface SignedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Host and port as the client sends them: the same signature opens nothing at another server. */
  readonly host: string;
  readonly body: string;
}

/** Who signs. */
export interface HostOperator {
  readonly tenantId: string;
  /** The name of the operating system's user. */
  readonly user: string;
}

/** How far the clocks of both sides may differ, in milliseconds; they are one machine's. */
const WINDOW_MS = 30_000;
const MAX_NONCES = 10_000;
/** How much earlier than this process a signature may be, in milliseconds: clocks are read at different moments. */
const BEFORE_MS = 1_000;
type SignatureParts = readonly [all: string, user: string, tenantId: string, time: string, nonce: string, mac: string];
const SHAPE = /^v1\.([\w-]{1,1400})\.([\w-]{1,400})\.(\d{1,15})\.([\w-]{22})\.([\w-]{43})$/;

/** Signs a request with the state key, as the operator of the host. */
export function signHostRequest(key: SecretString, request: SignedRequest, { user, tenantId }: HostOperator, nowMs: number): string {
  const signed = `v1.${encoded(user)}.${encoded(tenantId)}.${Math.trunc(nowMs)}.${randomBytes(16).toString('base64url')}`;
  return `${signed}.${macOf(key, signed, request)}`;
}

/** The host's operator as a caller: who has the state key decides everything but calls. */
export function hostCaller({ user, tenantId }: HostOperator): Caller {
  const scopes = new Set(SCOPES.filter((scope) => scope !== 'decide'));
  return { kind: 'host', tenantId, id: `host:${user}`, scopes, agents: undefined, sessionTrusted: false };
}

/** Verifies requests of the host's operator. Each signature works once, from this machine only. */
export class HostSignature {
  readonly #key: SecretString;
  readonly #clock: SteadyClock;
  /** The nonces of the last minute, with the time that was signed with them. */
  readonly #nonces = new Map<string, number>();
  /** What was signed before may have been used at the process before this one. */
  readonly #sinceMs: number;

  /** @param key made of the state key for this purpose */
  constructor(key: SecretString, clock: SteadyClock = new SteadyClock()) {
    this.#key = key;
    this.#clock = clock;
    this.#sinceMs = clock.now() - BEFORE_MS;
  }

  /**
   * Whether a signature may be valid, as far as that can be said without the body: others have no body read.
   *
   * @param address of the socket, never what a header says
   * @param isForwarded whether a proxy has passed it on
   */
  mayBeValid(header: string, address: string | undefined, isForwarded: boolean): boolean {
    const [, , , time] = SHAPE.exec(header) ?? [];
    if (time === undefined || isForwarded || address === undefined || !isLoopbackHost(address.replace(/^::ffff:/i, ''))) return false;
    return Number(time) >= this.#sinceMs && Math.abs(this.#clock.now() - Number(time)) <= WINDOW_MS;
  }

  /**
   * @param address of the socket, never what a header says
   * @param isForwarded whether a proxy has passed it on
   * @returns `undefined` for anything but a request of this machine that was signed now and not seen before
   */
  verify(header: string, request: SignedRequest, address: string | undefined, isForwarded: boolean): Caller | undefined {
    if (!this.mayBeValid(header, address, isForwarded)) return undefined;
    const [, user, tenantId, time, nonce, mac] = SHAPE.exec(header) as unknown as SignatureParts;
    const expected = macOf(this.#key, header.slice(0, -mac.length - 1), request);
    if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return undefined;
    this.#dropOld(this.#clock.now());
    if (this.#nonces.has(nonce) || this.#nonces.size >= MAX_NONCES) return undefined;
    this.#nonces.set(nonce, Number(time));
    const name = decoded(user);
    return personId(name) === name ? hostCaller({ user: name, tenantId: decoded(tenantId) }) : undefined;
  }

  /** A nonce is dropped once its time is out of the window: this clock never goes back. */
  #dropOld(nowMs: number): void {
    for (const [nonce, signedAtMs] of this.#nonces) if (nowMs - signedAtMs > WINDOW_MS) this.#nonces.delete(nonce);
  }
}

function macOf(key: SecretString, signed: string, { method, path, host, body }: SignedRequest): string {
  const digest = createHash('sha256').update(body).digest('hex');
  return createHmac('sha256', key.reveal())
    .update(JSON.stringify([signed, method, path, host, digest]))
    .digest('base64url');
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64url').toString();
}
