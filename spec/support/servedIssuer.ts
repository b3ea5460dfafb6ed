import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
// @ts-expect-error it has no declarations
import { Provider } from 'oidc-provider';
import type { PageClient } from './PageClient.js';

/** What the issuer gave the server of the specs. */
export const CLIENT_SECRET = 'a secret of the client that is long enough';

/** A browser at the issuer: it stays signed in there. */
export type IssuerCookies = Map<string, string>;

/** A real issuer of identities on loopback. */
export interface ServedIssuer {
  readonly url: string;
  /** Begins to answer, once it is known where the server is that people come back to. */
  serve(origin: string): Promise<void>;
  /** Signs in as a person does there, and resolves to where it sends the browser back to, below the origin of the server. */
  signIn(start: string, login: string, cookies?: IssuerCookies): Promise<string>;
  /** Where a page of the server sends its browser, or that page where it sends it nowhere. */
  sent(client: PageClient, path: string): Promise<string>;
  close(): Promise<void>;
}

/** Starts one. The issuer has to know where the server listens, and that one where the issuer is. */
export async function servedIssuer(): Promise<ServedIssuer> {
  const server: Server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  let origin = '';
  return {
    url: issuer,
    async serve(at) {
      origin = at;
      // it advises operators of real issuers
      const { info, warn } = console;
      console.info = console.warn = () => {};
      const provider = new Provider(issuer, {
        clients: [{ client_id: 'aegis', client_secret: CLIENT_SECRET, redirect_uris: [`${origin}/signin/callback`] }],
        claims: { openid: ['sub'], profile: ['name', 'groups'], email: ['email', 'email_verified'] },
        conformIdTokenClaims: false,
        findAccount: (_: unknown, id: string) => ({
          accountId: id,
          claims: () => ({
            sub: id,
            name: `Name of ${id}`,
            email: `${id}@acme.example`,
            email_verified: id !== 'eve',
            groups: ['finance', 7],
          }),
        }),
        cookies: { keys: ['a key of the specs'] },
        ttl: { Interaction: 600, Session: 6_000, Grant: 6_000, AccessToken: 600, IdToken: 600 },
      });
      server.on('request', provider.callback() as RequestListener);
      await fetch(issuer).catch(() => undefined);
      Object.assign(console, { info, warn });
    },
    async signIn(start, login, cookies = new Map<string, string>()) {
      const go = async (url: string, body?: string): Promise<string> => {
        const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
        const answer = await fetch(url, {
          redirect: 'manual',
          headers: { cookie, connection: 'close', ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }) },
          ...(body !== undefined && { method: 'POST', body }),
        });
        for (const line of answer.headers.getSetCookie()) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          cookies.set(name, value);
        }
        const text = await answer.text();
        const location = answer.headers.get('location');
        if (location?.startsWith(`${origin}/`) === true) return location.slice(origin.length);
        if (location !== null) return go(new URL(location, url).href);
        const [, action = ''] = /action="([^"]+)"/.exec(text) ?? [];
        if (action === '') throw new Error(`The issuer answered ${answer.status}: ${text.slice(0, 300)}`);
        return go(new URL(action, url).href, text.includes('name="login"') ? `prompt=login&login=${login}&password=x` : 'prompt=consent');
      };
      return go(start);
    },
    async sent(client, path) {
      const page = await client.open(path);
      return page.headers.get('location') ?? page.path;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
