import { expect } from 'chai';
import * as v from 'valibot';
import { AuthError } from '../../../lib/model/errors/ServiceErrors.js';
import type { AccessRequest } from '../../../lib/server/access/Authenticator.js';
import type { Caller } from '../../../lib/server/access/Caller.js';
import type { Role } from '../../../lib/server/people/Person.js';
import { readCookie, sessionCookie } from '../../../lib/server/access/sessionCookie.js';
import { RequestError } from '../../../lib/server/front/RequestError.js';
import { html } from '../../../lib/server/page/html.js';
import { pageAnswer } from '../../../lib/server/page/layout.js';
import { assetRoutes } from '../../../lib/server/route/assets.js';
import type { CallerInput, Route } from '../../../lib/server/route/Route.js';
import { counted } from '../../support/assurance.js';
import { serve } from '../../support/serve.js';
import type { Served, ServedAnswer, ServeOptions } from '../../support/serve.js';
import { tenantNamed } from '../serve/testRoutes.js';

const TOKEN = 'token-of-the-session-of-ann';

function person(roles: readonly Role[] = ['viewer']): Caller {
  return {
    kind: 'person',
    tenantId: 'default',
    id: 'ann',
    scopes: new Set(['approvals:read']),
    agents: undefined,
    sessionTrusted: false,
    signedIn: { personId: 'ann', name: 'Ann <b>', roles: new Set(roles), groups: [], method: 'passkey', sessionId: 's1', formToken: TOKEN },
  };
}

/** Page routes, and what was changed by them. */
function pages(changed: string[]): readonly Route[] {
  return [
    ...assetRoutes(),
    {
      method: 'GET',
      path: '/a/:id',
      name: 'approval',
      summary: 'One.',
      scope: 'person',
      page: true,
      query: { all: 'All of it.' },
      answers: { 200: 'text/html' },
      handle: ({ params, site, caller }) => pageAnswer(html`<p>${params['id']}</p>`, { title: 'One', site, signedIn: caller.signedIn }),
    },
    {
      method: 'POST',
      path: '/a/:id',
      name: 'change',
      summary: 'Changes.',
      scope: 'person',
      page: true,
      roles: ['approver'],
      form: { reason: 10, code: 4 },
      answers: { 303: undefined },
      handle({ form, site }) {
        changed.push(JSON.stringify(form));
        if (form?.['code'] === 'bad') throw new RequestError(422, 'code_wrong', 'The code is another one.');
        return { status: 303, headers: { location: `${site.base}/a/1` }, cookies: ['one=1', 'two=2'] };
      },
    },
    {
      method: 'POST',
      path: '/v1/both',
      name: 'both',
      summary: 'JSON or a form.',
      scope: 'verdict',
      request: v.looseObject({}),
      form: { reason: 10 },
      answers: { 200: v.looseObject({}) },
      handle({ form, body }: CallerInput) {
        changed.push(form === undefined ? body : 'form');
        return { status: 200, body: '{}' };
      },
    },
    {
      method: 'POST',
      path: '/enter',
      name: 'enter',
      summary: 'Lets in.',
      scope: 'none',
      page: true,
      form: { secret: 43 },
      answers: { 303: undefined },
      handle({ form, site }) {
        changed.push(form?.['secret'] ?? '');
        if (form?.['secret'] !== 'right') throw new AuthError('No.', { code: 'link_used', status: 401 });
        return { status: 303, headers: { location: `${site.base}/` }, cookies: [sessionCookie(site, 'x')] };
      },
    },
    {
      method: 'POST',
      path: '/v1/keys-only',
      name: 'keysOnly',
      summary: 'For programs.',
      scope: 'decide',
      request: v.looseObject({}),
      answers: { 200: v.looseObject({}) },
      handle: () => ({ status: 200, body: '{}' }),
    },
  ];
}

describe('Pages', () => {
  let changed: string[];
  let served: Served;
  const roles = ['approver', 'viewer'] as const;
  const options = (): ServeOptions => ({
    routes: pages(changed),
    tenants: [tenantNamed('default')],
    authenticate({ headers, site }: AccessRequest) {
      if (headers.get('x-api-key') === 'agent') return { ...person(), kind: 'key', scopes: new Set(['decide']), signedIn: undefined };
      if (readCookie(headers.get('cookie'), site()) === 'session') return person(roles);
      if (readCookie(headers.get('cookie'), site()) === 'looking') return person();
      throw new AuthError('No key.', { code: 'invalid_api_key', status: 401 });
    },
  });
  beforeEach(async () => {
    changed = [];
    served = await serve(options());
  });
  afterEach(async () => served.close());

  const SESSION = { cookie: 'aegis-local=session' };
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
  const SAME = { 'sec-fetch-site': 'same-origin' };
  /** Without following redirects, which fetch does otherwise. */
  const ask = async (method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<ServedAnswer> => {
    const answer = await fetch(`${served.url}${path}`, { method, headers, redirect: 'manual', ...(body !== undefined && { body }) });
    return { status: answer.status, headers: answer.headers, text: await answer.text(), json: undefined };
  };

  it('have headers with which nothing runs in them but our scripts, each time with another nonce', async () => {
    const nonces = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const { headers, text } = await served.ask('GET', '/a/1', { headers: SESSION });
      const [, nonce = ''] = /'nonce-([^']+)'/.exec(headers.get('content-security-policy') ?? '') ?? [];
      nonces.add(nonce);
      expect(
        text
          .match(/<script [^>]*>/g)
          ?.every((tag) => tag.includes(`nonce="${nonce.replaceAll('+', '&#43;')}"`) || tag.includes(`nonce="${nonce}"`)),
      ).to.equal(true);
      expect(text).to.not.match(/<script(?![^>]*src=)|style=|onclick/);
      expect(text).to.include('Ann &lt;b&gt;');
    }
    expect(nonces.size).to.equal(3);
  });

  it('load their files by names that change with them, to be kept for ever', async () => {
    const { text } = await served.ask('GET', '/a/1', { headers: SESSION });
    const paths = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
    expect(paths).to.have.length(3);
    for (const path of paths) {
      const answer = await ask('GET', path);
      expect([answer.status, answer.headers.get('cache-control')]).to.deep.equal([200, 'public, max-age=31536000, immutable']);
      expect(answer.headers.get('content-type')).to.match(/^text\/(css|javascript); charset=utf-8$/);
      expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
    }
    expect((await ask('GET', '/assets/aegis.css')).status).to.equal(404);
    expect((await ask('GET', '/assets/..%2findex.js')).status).to.equal(404);
  });

  it('send who is signed out to the sign-in page, and back to where they wanted to go', async () => {
    const answer = await ask('GET', '/a/b%2Fc?all=1');
    expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/signin?next=%2Fa%2Fb%252Fc%3Fall%3D1']);
    const head = await ask('HEAD', '/a/1');
    expect(head.status).to.equal(303);
    // a form is not lost without a word
    const sent = await ask('POST', '/a/1', { ...FORM, ...SAME }, 'reason=x');
    expect([sent.status, sent.headers.get('content-type')]).to.deep.equal([401, 'text/html; charset=utf-8']);
    expect(sent.text).to.include('You are signed out');
    for (let i = 0; i < 40; i++) await ask('GET', '/a/1');
    expect((await ask('GET', '/a/1')).status, 'looking is no guessing').to.equal(303);
  });

  it('load themselves once more where a link of another site led here without the cookie', async () => {
    const { status, text } = await ask('GET', '/a/1?all=1', { 'sec-fetch-site': 'cross-site' });
    expect(status).to.equal(200);
    expect(text).to.include('<meta http-equiv="refresh" content="0; url=/a/1?all=1">');
    expect((await ask('GET', '/a/1', { 'sec-fetch-site': 'same-origin' })).status).to.equal(303);
    expect((await served.ask('GET', '/a/1', { headers: { ...SESSION, 'sec-fetch-site': 'cross-site' } })).text).to.include('<p>1</p>');
  });

  it('say errors as pages, and say to programs what they said before', async () => {
    const accept = { accept: 'text/html,*/*' };
    const wrong: readonly (readonly [number, string, string, Record<string, string>, string?])[] = [
      [404, 'GET', '/nothing', accept],
      [405, 'PUT', '/a/1', accept],
      [400, 'GET', '/a/1?unknown=1', SESSION],
      [403, 'POST', '/a/1', { cookie: 'aegis-local=looking', ...SAME, ...FORM }, `csrf=${TOKEN}`],
      [422, 'POST', '/a/1', { ...SESSION, ...SAME, ...FORM }, `csrf=${TOKEN}&code=bad`],
      [413, 'POST', '/a/1', { ...SESSION, ...SAME, ...FORM }, `csrf=${TOKEN}&code=12345`],
      [413, 'POST', '/a/1', { ...SESSION, ...SAME, ...FORM }, `csrf=${TOKEN}&reason=${'x'.repeat(5_000)}`],
      [415, 'POST', '/a/1', { ...SESSION, ...SAME, 'content-type': 'application/json' }, '{}'],
      [400, 'POST', '/a/1', { ...SESSION, ...SAME, ...FORM }, `csrf=${TOKEN}&reason=a&reason=b`],
      [400, 'POST', '/a/1', { ...SESSION, ...SAME, ...FORM }, `csrf=${TOKEN}&raeson=a`],
      [400, 'POST', '/a/1', { ...SESSION, ...SAME, ...FORM }, `csrf=${TOKEN}&__proto__=a`],
      [403, 'GET', '/a/1', { 'x-api-key': 'agent' }],
    ];
    for (const [status, method, path, headers, body] of wrong) {
      const answer = await ask(method, path, headers, body);
      const what = `${method} ${path} ${body?.slice(0, 80) ?? ''}`;
      expect(answer.status, what).to.equal(status);
      expect(answer.headers.get('content-type'), what).to.equal('text/html; charset=utf-8');
      expect(answer.headers.get('content-security-policy'), what).to.include("default-src 'none'");
      expect(answer.text, what).to.match(/<h1>[A-Z]/);
    }
    expect(changed).to.deep.equal([JSON.stringify({ csrf: TOKEN, code: 'bad' })]);
    expect((await ask('GET', '/nothing')).headers.get('content-type')).to.equal('application/json');
    expect((await ask('PUT', '/a/1', accept)).headers.get('allow')).to.equal('GET, HEAD, POST');
  });

  it('send several cookies', async () => {
    const answer = await ask('POST', '/a/1', { ...SESSION, ...SAME, ...FORM }, `csrf=${TOKEN}&reason=line%0D%0Aline`);
    expect(answer.status).to.equal(303);
    expect(answer.headers.getSetCookie()).to.deep.equal(['one=1', 'two=2']);
    expect(JSON.parse(changed[0] as string)).to.include({ reason: 'line\nline' });
    const { headers } = await served.server.fetch(
      new Request(`${served.url}/a/1`, {
        method: 'POST',
        headers: { host: new URL(served.url).host, ...SESSION, ...SAME, ...FORM },
        body: `csrf=${TOKEN}`,
      }),
    );
    expect(headers.getSetCookie()).to.deep.equal(['one=1', 'two=2']);
  });

  it('are changed by nothing that another site sends', async () => {
    const { port } = new URL(served.url);
    const own = `http://127.0.0.1:${port}`;
    const foreign: readonly Record<string, string>[] = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'cross-site', origin: own },
      { 'sec-fetch-site': 'same-site', origin: own },
      { origin: 'null' },
      { origin: 'https://evil.example' },
      { origin: `http://127.0.0.1:${Number(port) + 1}` },
      { origin: `http://localhost:${port}` },
      { origin: `https://127.0.0.1:${port}` },
      { origin: `${own}.evil.example` },
      { origin: `http://sub.127.0.0.1:${port}` },
      { origin: `${own}, ${own}` },
      { referer: `${own}/a/1` },
    ];
    const bodies: readonly (readonly [Record<string, string>, string | undefined])[] = [
      [FORM, `csrf=${TOKEN}&reason=x`],
      [{ 'content-type': 'application/json' }, '{"verdict":"approve"}'],
      [{ 'content-type': 'text/plain' }, `csrf=${TOKEN}`],
      [
        { 'content-type': 'multipart/form-data; boundary=x' },
        `--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n${TOKEN}\r\n--x--\r\n`,
      ],
      [{}, undefined],
    ];
    let tried = 0;
    for (const path of ['/a/1', '/v1/both', '/enter'])
      for (const from of foreign)
        for (const [type, body] of bodies) {
          const { status } = await ask('POST', path, { ...SESSION, ...from, ...type }, body);
          tried += 1;
          expect(status, `${path} ${JSON.stringify({ ...from, ...type })}`).to.equal(403);
        }
    // from the right place, but without the token of the session, or with another one's
    for (const body of ['reason=x', 'csrf=', 'csrf=x', `csrf=${TOKEN}x`, `csrf=${TOKEN.slice(0, -1)}`, `csrf=${TOKEN.toUpperCase()}`])
      for (const path of ['/a/1', '/v1/both']) {
        tried += 1;
        expect((await ask('POST', path, { ...SESSION, ...SAME, ...FORM }, body)).status, body).to.equal(403);
      }
    expect(changed).to.deep.equal([]);
    counted({ what: 'forged requests, and none changed anything', cases: tried, wrong: 0 });
    for (const from of [SAME, { origin: own }, { ...SAME, origin: 'null' }])
      expect((await ask('POST', '/a/1', { ...SESSION, ...from, ...FORM }, `csrf=${TOKEN}`)).status).to.equal(303);
    // what a person sends as JSON needs no token: no other site's page can send it, and ours could read it anyway
    expect((await ask('POST', '/v1/both', { ...SESSION, ...SAME, 'content-type': 'application/json' }, '{}')).status).to.equal(200);
    expect(changed).to.have.length(4);
  });

  it('take a cookie that was set twice for none', async () => {
    for (const cookie of [
      'aegis-local=session; aegis-local=session',
      'aegis-local=other; aegis-local=session',
      'aegis-local=',
      '__Host-aegis=session',
      'aegis-local2=session',
      ' aegis-Local=session',
    ])
      expect((await ask('GET', '/a/1', { cookie })).status, cookie).to.equal(303);
    expect((await ask('GET', '/a/1', { cookie: 'theme=dark;  aegis-local=session ; x' })).status).to.equal(200);
  });

  it('slow down an address that tries links', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 25; i++) statuses.push((await ask('POST', '/enter', { ...SAME, ...FORM }, `secret=wrong${i}`)).status);
    expect(statuses.slice(0, 20)).to.deep.equal(Array(20).fill(401));
    expect(statuses.slice(20)).to.deep.equal(Array(5).fill(429));
  });

  it('see keys refused where people are wanted, and people where keys are', async () => {
    expect((await ask('POST', '/v1/keys-only', { ...SESSION, ...SAME, 'content-type': 'application/json' }, '{}')).status).to.equal(403);
    expect((await ask('POST', '/v1/both', { 'x-api-key': 'agent', 'content-type': 'application/json' }, '{}')).status).to.equal(403);
  });

  describe('of a server that has a public URL', () => {
    const at = async (publicUrl: string, path: string, headers: Record<string, string>, init: RequestInit = {}): Promise<Response> => {
      const one = await serve({ ...options(), publicUrl: new URL(publicUrl) });
      const answer = await one.server.fetch(
        new Request(`http://internal${path}`, { headers: { host: new URL(publicUrl).host, ...headers }, ...init }),
      );
      await one.close();
      return answer;
    };

    it('are at that origin and path, whatever the proxy before it calls them', async () => {
      const answer = await at('https://aegis.example.com/inbox/', '/a/1', { cookie: '__Host-aegis=session' });
      expect(answer.status).to.equal(200);
      expect(await answer.text())
        .to.include('data-base="/inbox"')
        .and.include('src="/inbox/assets/');
      expect((await at('https://aegis.example.com', '/a/1', { cookie: 'aegis-local=session' })).status, 'another cookie').to.equal(303);
    });

    it('take forms of that origin only, with its port', async () => {
      const send = async (publicUrl: string, origin: string): Promise<number> =>
        (await at(publicUrl, '/a/1', { cookie: '__Host-aegis=session', origin, ...FORM }, { method: 'POST', body: `csrf=${TOKEN}` }))
          .status;
      expect(await send('https://aegis.example.com', 'https://aegis.example.com')).to.equal(303);
      for (const origin of [
        'http://aegis.example.com',
        'https://aegis.example.com:8443',
        'https://example.com',
        'https://a.aegis.example.com',
        'http://internal',
      ])
        expect(await send('https://aegis.example.com', origin), origin).to.equal(403);
      expect(await send('https://aegis.example.com:8443', 'https://aegis.example.com:8443')).to.equal(303);
    });
  });

  it('are refused by a server that is asked from elsewhere and has no public URL', async () => {
    const { server } = await serve(options());
    const { fetch: ask } = server;
    for (const host of ['aegis.example.com', '127.0.0.1.evil.example', 'localhost.evil.example', 'localhost:x', ''])
      expect((await ask(new Request(`http://x/a/1`, { headers: { host, cookie: 'aegis-local=session' } }))).status, host).to.equal(421);
    await server.close({ idleMs: 0 });
  });

  it('are found below the path at which a program mounts them', async () => {
    const one = await serve({ ...options(), base: '/aegis' });
    const answer = await fetch(`${one.url}/aegis/a/1`, { headers: SESSION });
    expect(await answer.text())
      .to.include('data-base="/aegis"')
      .and.include('href="/aegis/assets/');
    const away = await fetch(`${one.url}/aegis/a/1`, { redirect: 'manual' });
    expect(away.headers.get('location')).to.equal('/aegis/signin?next=%2Fa%2F1');
    await one.close();
  });
});

describe('The cookie of a session', () => {
  it('is read by no script and sent by no other site, and over https only the server itself can set it', () => {
    expect(sessionCookie({ origin: 'https://a.example' }, 'x')).to.equal(
      '__Host-aegis=x; Path=/; HttpOnly; Max-Age=86400; SameSite=Strict; Secure',
    );
    expect(sessionCookie({ origin: 'http://localhost:4180' }, 'x')).to.equal(
      'aegis-local=x; Path=/; HttpOnly; Max-Age=86400; SameSite=Strict',
    );
  });
});
