import { expect } from 'chai';
import { Hono } from 'hono';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { RemoteDecisionService } from '../../lib/decision/remote/RemoteDecisionService.js';
import type { DecisionRequest } from '../../lib/model/Decision.js';
import { remoteRequest } from '../support/remoteRequest.js';
import { ConfigError } from '../../lib/model/errors/SetupErrors.js';
import { StoreError } from '../../lib/model/errors/ServiceErrors.js';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlaneOptions } from '../../lib/server/DataPlaneOptions.js';
import { MemoryStateStore } from '../../lib/store/memory/MemoryStateStore.js';
import type { ServerStore } from '../../lib/store/StateStore.js';
import type { AnsweredRequest } from '../../lib/server/dispatch/AnswerBatch.js';
import type { Logger } from '../../lib/common/Logger.js';
import { silentLogger } from '../../lib/common/Logger.js';

const TEXT = `@id("all") permit (principal, action, resource);
@id("no") @reason("never") forbid (principal, action == Aegis::Action::"drop", resource);
@id("ask") @effect("approval_needed") @reason("a person looks") forbid (principal, action == Aegis::Action::"refund", resource);`;
const POLICIES = { text: TEXT };
const STATE_KEY = 'state-key-for-specs-0123456789abcdef';

const open: DataPlane[] = [];
afterEach(async () => {
  for (const plane of open.splice(0)) await plane.close({ idleMs: 0, graceMs: 1_000 });
});

function make(options: DataPlaneOptions): DataPlane {
  const plane = createDataPlane(options);
  open.push(plane);
  return plane;
}

const call = (tool: string): string => JSON.stringify({ agent_id: 'bot', tool: { name: tool, params: { a: 1 } }, session: null });

interface Decided {
  readonly decision_id: string;
  readonly tenant_id: string;
  readonly final_decision: { readonly effect: string };
}

async function decide(url: string, key: string, tool: string): Promise<Decided> {
  const answer = await fetch(`${url}/v1/decision`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: call(tool),
  });
  expect(answer.status).to.equal(200);
  return (await answer.json()) as Decided;
}

const effect = async (url: string, key: string, tool: string): Promise<string> => (await decide(url, key, tool)).final_decision.effect;

async function keyFor(plane: DataPlane, tenantId?: string): Promise<string> {
  return (await plane.createKey({ name: 'spec', scopes: ['decide', 'metrics:read'] }, tenantId)).key.reveal();
}

describe('createDataPlane', () => {
  it('decides over HTTP, for the keys that it made', async () => {
    const plane = make({ policies: POLICIES });
    const { url, host, port } = await plane.listen({ port: 0 });
    expect(url).to.equal(`http://${host}:${port}`);
    const key = await keyFor(plane);
    expect(await effect(url, key, 'pay')).to.equal('allow');
    expect(await effect(url, key, 'drop')).to.equal('deny');
    const asked = await decide(url, key, 'refund');
    expect(asked).to.include({ tenant_id: 'default' }).and.nested.include({ 'final_decision.effect': 'approval_needed' });
    const status = await fetch(`${url}/v1/decision/${asked.decision_id}/status`, { headers: { 'x-api-key': key } });
    expect(await status.json()).to.include({ status: 'PENDING', effect: 'approval_needed' });
    expect((await fetch(`${url}/v1/decision`, { method: 'POST', headers: { 'x-api-key': `${key}x` }, body: '{}' })).status).to.equal(401);
  });

  it('says that it is there, that it is ready, what it is, and what it answers', async () => {
    const plane = make({ policies: POLICIES });
    const { url } = await plane.listen({ port: 0 });
    await plane.ready();
    const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
    expect(await get('/healthz')).to.deep.equal({ status: 'ok' });
    expect(await get('/readyz')).to.deep.equal({ status: 'ready' });
    expect(await get('/.well-known/aegis')).to.deep.include({ server: 'aegis' });
    expect(await get('/openapi.json')).to.have.nested.property('paths./v1/decision.post.operationId', 'decide');
  });

  it('counts what it does', async () => {
    const plane = make({ policies: POLICIES, beforeAnswer: () => {} });
    const { url } = await plane.listen({ port: 0 });
    const key = await keyFor(plane);
    for (const tool of ['pay', 'pay', 'drop', 'refund']) await decide(url, key, tool);
    await fetch(`${url}/v1/nothing`);
    const text = await (await fetch(`${url}/metrics`, { headers: { 'x-api-key': key } })).text();
    expect(text.split('\n')).to.include.members([
      'aegis_decisions_total{tenant="default",effect="allow"} 2',
      'aegis_decisions_total{tenant="default",effect="deny"} 1',
      'aegis_decisions_total{tenant="default",effect="approval_needed"} 1',
      'aegis_http_requests_total{route="decide",code="200"} 4',
      'aegis_http_requests_total{route="none",code="404"} 1',
      'aegis_approvals_pending{tenant="default"} 1',
    ]);
    expect(text).to.match(/aegis_audit_sync_seconds_count [1-4]\n/);
    expect(text).to.not.include('bot').and.not.include('pay').and.not.include(key);
  });

  it('keeps tenants apart: the tenant is that of the key', async () => {
    const plane = make({
      tenants: { shop: { policies: POLICIES }, lab: { policies: { text: '@id("none") forbid (principal, action, resource);' } } },
    });
    const { url } = await plane.listen({ port: 0 });
    const [shop, lab] = [await keyFor(plane, 'shop'), await keyFor(plane, 'lab')];
    expect(await decide(url, shop, 'pay'))
      .to.include({ tenant_id: 'shop' })
      .and.nested.include({ 'final_decision.effect': 'allow' });
    expect(await decide(url, lab, 'pay'))
      .to.include({ tenant_id: 'lab' })
      .and.nested.include({ 'final_decision.effect': 'deny' });
    const { decision_id: id } = await decide(url, shop, 'refund');
    const foreign = await fetch(`${url}/v1/decision/${id}/status`, { headers: { 'x-api-key': lab, 'x-request-id': 'r' } });
    const unknown = await fetch(`${url}/v1/decision/dec_unknown/status`, { headers: { 'x-api-key': lab, 'x-request-id': 'r' } });
    expect([foreign.status, await foreign.text()]).to.deep.equal([unknown.status, await unknown.text()]);
    expect(foreign.status).to.equal(404);
  });

  it('serves the decisions and approvals of a module, and leaves the module open', async () => {
    const store = new MemoryStateStore();
    const module = AegisModule.create({ policies: POLICIES, store, agentId: 'bot' });
    const plane = make({ module, store, tools: { refund: { nullable: ['/a'] } } });
    const { url } = await plane.listen({ port: 0 });
    const key = await keyFor(plane);
    const { decision_id: id } = await decide(url, key, 'refund');
    expect((await module.approvals.list({ status: 'pending' })).map(({ decisionId }) => decisionId)).to.deep.equal([id]);
    await plane.close({ idleMs: 0 });
    expect(await module.decisionStatus(id)).to.include({ state: 'pending' });
    await module.close();
  });

  describe('mounted', () => {
    let server: ReturnType<typeof createServer> | undefined;
    afterEach(() => new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))));
    async function serving(handler: (incoming: IncomingMessage, outgoing: ServerResponse) => void): Promise<string> {
      const made = createServer(handler);
      server = made;
      await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', () => resolve()));
      return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
    }

    it('in node:http under a base path, beside other routes', async () => {
      const plane = make({ policies: POLICIES, basePath: '/aegis/' });
      const url = await serving((incoming, outgoing) => plane.node(incoming, outgoing, () => outgoing.end('other')));
      const key = await keyFor(plane);
      expect(await effect(`${url}/aegis`, key, 'pay')).to.equal('allow');
      for (const path of ['/', '/aegisx/healthz', '/v1/decision', '/aegis'])
        expect(await (await fetch(url + path)).text()).to.equal('other');
      const missing = await fetch(`${url}/aegis/nothing`);
      expect([missing.status, missing.headers.get('cache-control')]).to.deep.equal([404, 'no-store']);
      server?.closeAllConnections();
    });

    it('in node:http alone, where other paths are not found', async () => {
      const plane = make({ policies: POLICIES, basePath: '/aegis' });
      const url = await serving(plane.node);
      expect((await fetch(`${url}/healthz`)).status).to.equal(404);
      expect((await fetch(`${url}/aegis/healthz`)).status).to.equal(200);
      server?.closeAllConnections();
    });

    it('in Express, which takes its prefix off', async () => {
      const plane = make({ policies: POLICIES, basePath: '/aegis' });
      const url = await serving((incoming, outgoing) => {
        const whole = incoming.url as string;
        Object.assign(incoming, { originalUrl: whole, url: whole.slice('/aegis'.length) });
        plane.node(incoming, outgoing, () => outgoing.end('other'));
      });
      expect(await effect(`${url}/aegis`, await keyFor(plane), 'drop')).to.equal('deny');
      server?.closeAllConnections();
    });

    it('after a parser of bodies it says what is wrong', async () => {
      const plane = make({ policies: POLICIES });
      const url = await serving((incoming, outgoing) => {
        incoming.resume();
        incoming.on('end', () => plane.node(incoming, outgoing));
      });
      const key = await keyFor(plane);
      const answer = await fetch(`${url}/v1/decision`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: call('pay'),
      });
      expect([answer.status, await answer.json()]).to.deep.include(500);
      server?.closeAllConnections();
    });

    for (const basePath of ['/aegis', undefined])
      it(`in Hono, ${basePath === undefined ? 'which takes its prefix off' : 'under a base path'}`, async () => {
        const plane = make({ policies: POLICIES, basePath });
        const key = await keyFor(plane);
        const app = new Hono();
        if (basePath === undefined) app.mount('/aegis', plane.fetch);
        else app.all('/aegis/*', (context) => plane.fetch(context.req.raw));
        app.get('/', (context) => context.text('own'));
        expect(await (await app.request('http://app.example/')).text()).to.equal('own');
        const answer = await app.request('http://app.example/aegis/v1/decision', {
          method: 'POST',
          headers: { 'x-api-key': key, 'content-type': 'application/json' },
          body: call('pay'),
        });
        expect(answer.status).to.equal(200);
        expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
        expect(((await answer.json()) as Decided).final_decision.effect).to.equal('allow');
        const head = await app.request('http://app.example/aegis/healthz', { method: 'HEAD' });
        expect([head.status, await head.text()]).to.deep.equal([200, '']);
      });

    it('by fetch refuses what it refuses over node:http', async () => {
      const plane = make({ policies: POLICIES, clientAddress: () => '192.0.2.1' });
      const key = await keyFor(plane);
      const ask = async (body: string | Uint8Array | ReadableStream | null, headers: Record<string, string> = {}): Promise<number> =>
        (
          await plane.fetch(
            new Request('http://localhost/v1/decision', {
              method: 'POST',
              headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
              body,
              ...({ duplex: 'half' } as object),
            }),
          )
        ).status;
      const chunks = (size: number, count: number): ReadableStream =>
        ReadableStream.from(Array.from({ length: count }, () => new Uint8Array(size).fill(0x20)));
      expect(await ask(call('pay'))).to.equal(200);
      expect(await ask(null)).to.equal(400);
      expect(await ask(new Uint8Array([0xff]))).to.equal(400);
      expect(await ask(chunks(100_000, 4))).to.equal(413);
      expect(await ask(call('pay'), { 'content-length': '999999' })).to.equal(200);
      expect(
        await ask(
          new ReadableStream({
            pull() {
              throw new Error('gone');
            },
          }),
        ),
      ).to.equal(400);
    });

    it('by fetch streams events until they are no longer read', async () => {
      const plane = make({ policies: POLICIES });
      const key = await keyFor(plane);
      const answer = await plane.fetch(new Request('http://localhost/v1/events', { headers: { 'x-api-key': key } }));
      expect(answer.headers.get('content-type')).to.equal('text/event-stream');
      const reader = (answer.body as NonNullable<Response['body']>).getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).to.include('retry:');
      await reader.cancel();
      const more = await plane.fetch(new Request('http://localhost/v1/events', { headers: { 'x-api-key': key } }));
      const ending = more.text();
      await plane.close({ idleMs: 0 });
      expect(await ending).to.include('event: bye');
    });
  });

  it('by fetch opens no stream for HEAD: 20 of them take no place from those that listen', async () => {
    const plane = make({ policies: POLICIES });
    const key = (await plane.createKey({ name: 'k', scopes: ['decide'] })).key.reveal();
    const ask = (method: string) => plane.fetch(new Request('http://localhost/v1/events', { method, headers: { 'x-api-key': key } }));
    for (let i = 0; i < 20; i++) expect((await ask('HEAD')).status).to.equal(200);
    const listening = await ask('GET');
    expect(listening.status).to.equal(200);
    await listening.body?.cancel();
  });

  it('by fetch counts a body without a length that can be believed as a large one, and gives its bytes back', async () => {
    const plane = make({ policies: POLICIES });
    const key = (await plane.createKey({ name: 'k', scopes: ['decide'] })).key.reveal();
    const ask = (length: string | undefined) =>
      plane.fetch(
        new Request('http://localhost/v1/decision', {
          method: 'POST',
          headers: { 'x-api-key': key, 'content-type': 'application/json', ...(length !== undefined && { 'content-length': length }) },
          body: call('read'),
        }),
      );
    // 64,000,000 bytes of a tenant may be on their way, and a body has at most 300,000
    const flood = (length: string | undefined) => Promise.all(Array.from({ length: 250 }, async () => (await ask(length)).status));
    for (const length of ['abc', '-300000', '1e9', undefined]) {
      const statuses = new Set(await flood(length));
      expect([...statuses], String(length)).to.include(503);
      expect((await ask(undefined)).status).to.equal(200);
    }
  });

  it('says of a dry run what it would decide on the values that the client has, not on their texts', async () => {
    const text = `@id("all") permit (principal, action, resource);
      @id("p") forbid (principal, action, resource) when { context.input has n && context.input.n == 7 };
      @id("s") forbid (principal, action, resource) when { context.session has n && context.session.n == 7 };`;
    const plane = make({ policies: { text } });
    const { url: baseUrl } = await plane.listen({ port: 0 });
    const apiKey = (await plane.createKey({ name: 'k', scopes: ['decide'] })).key.reveal();
    const service = new RemoteDecisionService({ apiKey, baseUrl });
    const effect = async (fields: Partial<DecisionRequest>): Promise<string> => (await service.dryRun(remoteRequest(fields))).effect;
    expect(await effect({ params: { n: 7n } })).to.equal('deny');
    expect(await effect({ params: { n: 8n } })).to.equal('allow');
    expect(await effect({ params: {}, session: { n: 7n } })).to.equal('deny');
    expect(await effect({ params: { n: 7n }, wireTypes: 'string' })).to.equal('allow');
    await service.close();
  });

  it('serves only its own host names where it is reached by a name of its own', async () => {
    const plane = make({ policies: POLICIES, publicUrl: 'https://aegis.example.com/' });
    const key = await keyFor(plane);
    const statusFor = async (host: string): Promise<number> =>
      (await plane.fetch(new Request('http://x/v1/decision/d/status', { headers: { 'x-api-key': key, host } }))).status;
    expect(await statusFor('aegis.example.com')).to.equal(404);
    expect(await statusFor('AEGIS.example.com:443')).to.equal(404);
    expect(await statusFor('localhost:4180')).to.equal(404);
    for (const host of ['evil.example', 'aegis.example.com.evil.example', 'localhost.evil.example', ''])
      expect(await statusFor(host)).to.equal(421);
    const any = make({ policies: POLICIES });
    const other = await keyFor(any);
    const asked = await any.fetch(new Request('http://x/v1/decision/d/status', { headers: { 'x-api-key': other, host: 'any.example' } }));
    expect(asked.status).to.equal(404);
  });

  it('tells its listeners goodbye when it stops, and is not ready from then on', async () => {
    const plane = make({ policies: POLICIES });
    const { url } = await plane.listen({ port: 0 });
    const key = await keyFor(plane);
    const stream = fetch(`${url}/v1/events`, { headers: { 'x-api-key': key } });
    const text = (await stream).text();
    const closing = plane.close({ idleMs: 200, graceMs: 1_000 });
    const ready = await plane.fetch(new Request('http://localhost/readyz'));
    expect([ready.status, ((await ready.json()) as { error: string }).error]).to.deep.equal([503, 'draining']);
    expect(await text).to.include('event: bye');
    expect(await closing).to.equal(true);
  });

  describe('where something fails', () => {
    const failing = (over: Partial<ServerStore>): ServerStore => {
      const store = new MemoryStateStore();
      return {
        tasks: store.tasks,
        approvals: store.approvals,
        open: () => store.open(),
        close: () => store.close(),
        forTenant: (id, options) => store.forTenant(id, options),
        ...over,
      };
    };
    const codeOf = async (answer: Response): Promise<readonly [number, string]> => [
      answer.status,
      ((await answer.json()) as { error: string }).error,
    ];
    const logged: object[] = [];
    const logger: Logger = { ...silentLogger, error: (fields, message) => logged.push({ ...fields, message }) };
    beforeEach(() => logged.splice(0));

    it('to open answers 503 and is not ready, and says so once in its log, without the text of the database', async () => {
      const store = failing({
        open() {
          throw new StoreError('canary-7', { cause: new Error('canary-7') });
        },
      });
      const plane = make({ policies: POLICIES, store, stateKey: STATE_KEY, logger });
      let failed: unknown;
      await plane.ready().catch((error: unknown) => (failed = error));
      expect(failed).to.be.instanceOf(StoreError);
      expect(await codeOf(await plane.fetch(new Request('http://x/readyz')))).to.deep.equal([503, 'not_ready']);
      const asked = await plane.fetch(new Request('http://x/v1/events', { headers: { 'x-api-key': 'k' } }));
      expect(await codeOf(asked)).to.deep.equal([503, 'not_ready']);
      expect(JSON.stringify(logged)).to.include('could not be opened').and.not.include('canary-7');
    });

    it('before it is open it is not ready', async () => {
      let opened: (() => void) | undefined;
      const store = failing({ open: () => new Promise<void>((resolve) => (opened = resolve)) });
      const plane = make({ policies: POLICIES, store, stateKey: STATE_KEY });
      expect(await codeOf(await plane.fetch(new Request('http://x/readyz')))).to.deep.equal([503, 'not_ready']);
      const ready = plane.ready();
      opened?.();
      await ready;
      expect((await plane.fetch(new Request('http://x/readyz'))).status).to.equal(200);
    });

    it('to read the store it is not ready', async () => {
      const store = new MemoryStateStore();
      let isDown = false;
      const plane = make({
        policies: POLICIES,
        stateKey: STATE_KEY,
        store: failing({
          forTenant(id, options) {
            const { approvals, records } = store.forTenant(id, options);
            const get: typeof records.get = (kind, recordId) => {
              if (isDown) throw new StoreError('gone');
              return records.get(kind, recordId);
            };
            return { approvals, records: new Proxy(records, { get: (of, name) => (name === 'get' ? get : bound(of, name)) }) };
          },
        }),
      });
      await plane.ready();
      expect((await plane.fetch(new Request('http://x/readyz'))).status).to.equal(200);
      isDown = true;
      expect(await codeOf(await plane.fetch(new Request('http://x/readyz')))).to.deep.equal([503, 'not_ready']);
    });

    it('to record an answer nothing is allowed, and it is not ready until it can', async () => {
      let fails = false;
      const batches: (readonly AnsweredRequest[])[] = [];
      const plane = make({
        policies: POLICIES,
        logger,
        beforeAnswer(batch) {
          if (fails) throw new Error('canary-8');
          batches.push(batch);
        },
      });
      const { url } = await plane.listen({ port: 0 });
      const key = await keyFor(plane);
      expect(await effect(url, key, 'pay')).to.equal('allow');
      expect(batches.flat()).to.have.length(1);
      expect(batches.flat()[0]).to.include({ tenantId: 'default', route: 'decide', status: 200, request: call('pay') });
      expect(batches.flat()[0]?.answer).to.include('"allow"');
      fails = true;
      const refused = await fetch(`${url}/v1/decision`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: call('pay'),
      });
      const text = await refused.text();
      expect(refused.status).to.equal(503);
      expect(text).to.include('audit_unavailable').and.not.include('allow').and.not.include('canary-8');
      expect(JSON.stringify(logged)).to.not.include('canary-8');
      expect(await codeOf(await fetch(`${url}/readyz`))).to.deep.equal([503, 'not_ready']);
      fails = false;
      expect(await effect(url, key, 'pay')).to.equal('allow');
      expect((await fetch(`${url}/readyz`)).status).to.equal(200);
    });
  });

  describe('refuses', () => {
    const cases: readonly (readonly [string, unknown, RegExp])[] = [
      ['no options', undefined, /plain object/],
      ['nothing that decides', {}, /exactly one of `policies`, `tenants` and `module` \(got none\)/],
      ['two things that decide', { policies: POLICIES, tenants: {} }, /got policies and tenants/],
      ['no tenant', { tenants: {} }, /at least one tenant/],
      ['an option of a tenant beside tenants', { tenants: { a: { policies: POLICIES } }, agents: {} }, /Move it into each tenant/],
      ['a misspelt option', { polices: POLICIES }, /did you mean 'policies'/i],
      ['policies that do not parse', { policies: { text: 'permit (' } }, /./],
      ['policies that are not there', { policies: '/nowhere/at/all' }, /./],
      ['a store of tasks alone', { policies: POLICIES, store: { tasks: {} } }, /store: must have the rows of many tenants/],
      ['a store that lasts, and no state key', { policies: POLICIES, store: lastingStore() }, /stateKey: is missing/],
      ['a short state key', { policies: POLICIES, stateKey: 'canary-short' }, /stateKey: must be a string of 32 characters/],
      ['a state key that is no text', { policies: POLICIES, stateKey: {} }, /stateKey: must be/],
      ['a short state key before', { policies: POLICIES, previousStateKey: 'canary-short' }, /previousStateKey: must be/],
      ['a base path without a slash', { policies: POLICIES, basePath: 'aegis' }, /basePath: must be a path/],
      ['a base path with a pattern', { policies: POLICIES, basePath: '/a/:b' }, /basePath: must be a path/],
      ['a public URL that is none', { policies: POLICIES, publicUrl: 'canary-url' }, /publicUrl: must be an http or https URL/],
      ['a public URL of another scheme', { policies: POLICIES, publicUrl: 'ftp://a' }, /publicUrl: must be/],
      ['a module that is none', { module: {}, store: new MemoryStateStore() }, /module: must be what AegisModule/],
      [
        'a module without its store',
        { module: AegisModule.create({ policies: POLICIES }) },
        /store: is missing: give the store that the module/,
      ],
      [
        'an option that the module has',
        { module: AegisModule.create({ policies: POLICIES }), store: new MemoryStateStore(), agents: {} },
        /agents: has no effect beside `module`/,
      ],
    ];
    for (const [what, options, message] of cases)
      it(what, () => {
        let thrown: unknown;
        try {
          make(options as DataPlaneOptions);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).to.be.instanceOf(ConfigError);
        expect((thrown as ConfigError).message)
          .to.match(message)
          .and.not.match(/canary/);
      });

    it('a port that is in use, an address of another machine, and a certificate that is none', async () => {
      const plane = make({ policies: POLICIES });
      const { port } = await plane.listen({ port: 0 });
      const refused = async (options: Parameters<DataPlane['listen']>[0]): Promise<string> => {
        try {
          await plane.listen(options);
        } catch (error) {
          expect(error).to.be.instanceOf(ConfigError);
          return (error as ConfigError).message;
        }
        return 'nothing was refused';
      };
      expect(await refused({ port })).to.match(/is in use/);
      expect(await refused({ port: 0, host: '192.0.2.1' })).to.match(/is not an address of this machine/);
      expect(await refused({ port: 0, host: 'no-such-host.invalid' })).to.match(/cannot be listened at/);
      expect(await refused({ port: 0, tls: { cert: 'canary', key: 'canary' } })).to.match(/tls: certificate and key cannot be used/);
      expect(await refused({ prt: 0 } as object)).to.match(/did you mean 'port'/i);
      expect(await refused({ port: 70_000 })).to.match(/port/);
    });

    it('a key for a tenant that is not there, and a close with a misspelt option', async () => {
      const plane = make({ policies: POLICIES });
      const failure = async (work: () => Promise<unknown>): Promise<string> => {
        try {
          await work();
          return '';
        } catch (error) {
          return (error as Error).name;
        }
      };
      expect(await failure(() => plane.createKey({ name: 'a', scopes: ['decide'] }, 'other'))).to.equal('NotFoundError');
      expect(await failure(() => plane.close({ graceS: 1 } as object))).to.equal('ConfigError');
    });
  });
});

function bound(of: object, name: PropertyKey): unknown {
  const value = (of as Record<PropertyKey, unknown>)[name];
  return typeof value === 'function' ? (value.bind(of) as unknown) : value;
}

/** A store of which no one knows that it is in memory. */
function lastingStore(): ServerStore {
  const store = new MemoryStateStore();
  return { tasks: store.tasks, approvals: store.approvals, open() {}, close() {}, forTenant: (id) => store.forTenant(id) };
}
