import { randomBytes } from 'node:crypto';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import type { Halt } from '../../model/halt/Halt.js';
import { RequestError } from './RequestError.js';

/** How a browser sees this server, for pages, cookies and links. */
export interface Site {
  /** Scheme, host and port, such as `https://aegis.example.com`. */
  readonly origin: string;
  /** What stands before every path of this server, without a slash at its end; empty at the root. */
  readonly base: string;
  /** What scripts of this page carry, so that no others run. Another one for each request. */
  readonly nonce: string;
  /** What is halted, for the banner of pages. */
  readonly halted?: readonly Halt[] | undefined;
}

/** What of a request says how its browser sees this server. */
export interface SiteRequest {
  /** Path and query as the client sent them. */
  readonly url: string;
  /** Path and query below the base path. */
  readonly target: string | undefined;
  /** The `Host` header. */
  readonly host: string | null;
  /** Whether it came over TLS to this process. */
  readonly isSecure: boolean;
}

/**
 * Says how the browser that sends a request sees this server: as its public URL says, or by a name of this machine.
 *
 * @throws RequestError 421 `public_url_missing` where a browser asks from elsewhere and the server does not know its name
 */
export function siteOf({ url, target, host, isSecure }: SiteRequest, publicUrl: URL | undefined): Site {
  const nonce = randomBytes(16).toString('base64');
  if (publicUrl !== undefined) {
    const path = publicUrl.pathname.replace(/\/+$/, '');
    return { origin: publicUrl.origin, base: path === '' ? baseOf(url, target) : path, nonce };
  }
  const origin = `${isSecure ? 'https' : 'http'}://${host ?? ''}`;
  if (host === null || !URL.canParse(origin) || !isLoopbackHost(new URL(origin).hostname))
    throw new RequestError(
      421,
      'public_url_missing',
      'The server does not know under which name browsers reach it. Give it `publicUrl`, such as https://aegis.example.com.',
    );
  return { origin: new URL(origin).origin, base: baseOf(url, target), nonce };
}

/** What the program that mounts the server, or its base path, has put before its own paths. */
function baseOf(url: string, target: string | undefined): string {
  return target !== undefined && url.endsWith(target) ? url.slice(0, url.length - target.length) : '';
}
