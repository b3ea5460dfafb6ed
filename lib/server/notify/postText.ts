import { lookup as resolveName } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { DeliveryError } from './Channel.js';
import { isPublicAddress } from './isPublicAddress.js';

/** What a receiver answered. */
export interface PostAnswer {
  readonly status: number;
  /** At most 64 KiB of its body. */
  readonly body: string;
}

/** A request to a receiver. */
export interface PostRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Allows addresses that are not on the Internet, and plain http. */
  readonly allowPrivate: boolean;
  /** How long the whole of it may take, in milliseconds. @defaultValue 10,000 */
  readonly timeoutMs?: number | undefined;
  /** How names become addresses. @defaultValue that of the system */
  readonly resolve?: typeof resolveName | undefined;
}

const MAX_ANSWER = 65_536;

/**
 * Posts a text. The address that was checked is the one that is connected to, so that a name cannot lead elsewhere in between, and redirects are not followed.
 *
 * @throws DeliveryError where nothing was answered, or the address is not allowed
 */
export async function postText(
  given: string,
  { headers, body, allowPrivate, timeoutMs = 10_000, resolve = resolveName }: PostRequest,
): Promise<PostAnswer> {
  const url = new URL(given);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && (url.protocol !== 'https:' || (isIP(host) !== 0 && !isPublicAddress(host)))) throw refused();
  const lookup: LookupFunction = (name, options, done) => {
    resolve(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, '');
      // one that is not allowed among several is a trap, not a choice
      if (addresses.length === 0 || (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))))
        return done(refused(), '');
      if (options.all === true) return done(null, [...addresses]);
      const [{ address, family }] = addresses as [{ address: string; family: number }];
      return done(null, address, family);
    });
  };
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((answered, failed) => {
    const fail = (error: unknown): void =>
      failed(error instanceof DeliveryError ? error : new DeliveryError('The receiver could not be reached.', { cause: error }));
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      lookup,
      signal,
      agent: false,
    });
    request.on('error', fail);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_ANSWER) response.destroy(new DeliveryError('The receiver answered too much.'));
      });
      response.on('error', fail);
      response.on('end', () => answered({ status: response.statusCode ?? 0, body: text }));
    });
    request.end(body);
  });
}

function refused(): DeliveryError {
  return new DeliveryError('The receiver is not on the Internet. Set `allowPrivate: true` where it should be reached.', { isFinal: true });
}
