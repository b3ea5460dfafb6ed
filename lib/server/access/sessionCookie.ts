import type { Site } from '../front/Site.js';

/** How long browsers keep the cookie of a session, in seconds: the longest life of a session. */
const SESSION_S = 24 * 3_600;

/** What a cookie is for. */
export type CookieUse = 'session' | 'sso';

/**
 * The name of our cookie. Over https it has the prefix with which browsers let no other host, and no page without TLS, set it. On loopback without TLS
 * there is no such protection: programs on other ports see it, too.
 */
export function cookieName({ origin }: Pick<Site, 'origin'>, use: CookieUse = 'session'): string {
  const suffix = use === 'session' ? '' : `-${use}`;
  return isSecure({ origin }) ? `__Host-aegis${suffix}` : `aegis-local${suffix}`;
}

/** The value of our cookie. `undefined` also where there are two of the name: then someone else has set one of them. */
export function readCookie(header: string | null, site: Pick<Site, 'origin'>, use?: CookieUse): string | undefined {
  const name = cookieName(site, use);
  const values = (header ?? '').split(';').flatMap((pair) => {
    const mark = pair.indexOf('=');
    return mark > 0 && pair.slice(0, mark).trim() === name ? [pair.slice(mark + 1).trim()] : [];
  });
  return values.length === 1 && values[0] !== '' ? values[0] : undefined;
}

/** The `Set-Cookie` of a session: no script reads it, and no other site's page sends it. */
export function sessionCookie(site: Pick<Site, 'origin'>, value: string): string {
  return cookieText(site, 'session', value, `Max-Age=${SESSION_S}; SameSite=Strict`);
}

/** The `Set-Cookie` of what the way back from an issuer of identities needs: that way begins on another site. */
export function ssoCookie(site: Pick<Site, 'origin'>, value: string, maxAgeS: number): string {
  return cookieText(site, 'sso', value, `Max-Age=${maxAgeS}; SameSite=Lax`);
}

/** The `Set-Cookie` that takes a cookie away. */
export function endedCookie(site: Pick<Site, 'origin'>, use: CookieUse = 'session'): string {
  return cookieText(site, use, '', 'Max-Age=0; SameSite=Strict');
}

/** Whether no program but the browser and this server sees what is sent. */
export function isSecure({ origin }: Pick<Site, 'origin'>): boolean {
  return origin.startsWith('https:');
}

function cookieText(site: Pick<Site, 'origin'>, use: CookieUse, value: string, more: string): string {
  return `${cookieName(site, use)}=${value}; Path=/; HttpOnly; ${more}${isSecure(site) ? '; Secure' : ''}`;
}
