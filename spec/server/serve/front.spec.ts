import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { request as askTls } from 'node:https';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import sinon from 'sinon';
import type { Answer, CallerInput } from '../../../lib/server/route/Route.js';
import { namesOf } from '../../../lib/server/front/namesOf.js';
import { HttpListener } from '../../../lib/server/serve/HttpListener.js';
import { writeStream } from '../../../lib/server/serve/writeStream.js';
import { callerWith, serve } from '../../support/serve.js';
import type { Served, ServeOptions } from '../../support/serve.js';
import { tenantNamed, testRoutes } from './testRoutes.js';

const callers = { agent: callerWith(['decide']), other: callerWith(['decide'], { id: 'k2' }) };
const OK: Answer = { status: 200, body: '{"query":{},"body":"","caller":"k1","tenant":"default"}' };
type Handlers = Parameters<typeof testRoutes>[0];
const open = (over: Handlers = {}, more: Partial<ServeOptions> = {}): Promise<Served> =>
  serve({ routes: testRoutes(over), callers, tenants: [tenantNamed('default')], ...more });

describe('The front of a server', () => {
  it('limits the rate of each key, and says when to come back', async () => {
    let now = 1_000;
    const served = await open(
      {
        decide(input: CallerInput) {
          input.spend(Number(input.body));
          return OK;
        },
      },
      { rate: { perSecond: 1, burst: 3 }, now: () => now },
    );
    const ask = (key: string, tokens: number) => served.ask('POST', '/v1/decision', { key, body: tokens });
    expect((await ask('agent', 2)).status).to.equal(200);
    const refused = await ask('agent', 0);
    expect([refused.status, refused.json.error]).to.deep.equal([429, 'rate_limited']);
    expect(['retry-after', 'ratelimit', 'ratelimit-policy'].map((name) => refused.headers.get(name))).to.deep.equal([
      '1',
      '"key";r=0;t=1',
      '"key";q=3;w=3',
    ]);
    expect((await ask('other', 0)).status).to.equal(200);
    // more than can ever be saved up
    expect((await ask('other', 9)).headers.get('retry-after')).to.equal('60');
    now += 1_000;
    expect((await ask('agent', 0)).status).to.equal(200);
    await served.close();
  });

  it('slows down an address that sends wrong keys, and no right key from it', async () => {
    const served = await open({}, { failureRate: { perSecond: 0.1, burst: 3 }, now: () => 5 });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await served.ask('POST', '/v1/decision', { key: `wrong${i}`, body: {} })).status);
    expect(statuses).to.deep.equal([401, 401, 401, 429, 429]);
    const refused = await served.ask('POST', '/v1/decision', { body: {} });
    expect([refused.status, refused.headers.get('retry-after')]).to.deep.equal([429, '10']);
    expect((await served.ask('POST', '/v1/decision', { key: 'agent', body: {} })).status).to.equal(200);
    await served.close();
  });

  it('says who may be asked for with 401, and passes on another failure of the check', async () => {
    const served = await open({}, { authenticate: () => Promise.reject(new TypeError('canary')) });
    const answer = await served.ask('POST', '/v1/decision', { key: 'agent', body: {} });
    expect([answer.status, answer.json.error]).to.deep.equal([500, 'policy_eval_failed']);
    expect(answer.text).to.not.include('canary');
    await served.close();
    const other = await open();
    expect((await other.ask('POST', '/v1/decision', { body: {} })).headers.get('www-authenticate')).to.equal('Bearer realm="aegis"');
    await other.close();
  });

  it('refuses what is in flight beyond the share of a tenant, and gives places back', async () => {
    const waiting: (() => void)[] = [];
    const shed: string[] = [];
    const served = await open(
      { decide: () => new Promise<Answer>((resolve) => waiting.push(() => resolve(OK))) },
      { load: { inFlightPerTenant: 2 }, onShed: (reason) => shed.push(reason) },
    );
    const ask = () => served.ask('POST', '/v1/decision', { key: 'agent', body: {} });
    const first = [ask(), ask()];
    while (waiting.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = await ask();
    expect([refused.status, refused.json.error, refused.headers.get('retry-after')]).to.deep.equal([503, 'overloaded', '1']);
    for (const release of waiting.splice(0)) release();
    expect((await Promise.all(first)).map(({ status }) => status)).to.deep.equal([200, 200]);
    const again = ask();
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    waiting[0]?.();
    expect((await again).status).to.equal(200);
    expect(shed).to.deep.equal(['tenant']);
    await served.close();
  });

  it('sheds new decisions when its event loop is late, and answers the rest', async () => {
    let now = 0;
    const served = await open({}, { now: () => now, loopDelay: { percentile: () => 300e6, reset() {} } });
    const status = async (): Promise<number> => (await served.ask('POST', '/v1/decision', { key: 'agent', body: {} })).status;
    expect(await status()).to.equal(200);
    now = 1_500;
    expect(await status()).to.equal(200);
    now = 3_500;
    expect(await status()).to.equal(503);
    expect((await served.ask('GET', '/v1/decision/d/status', { key: 'agent' })).status).to.equal(200);
    await served.close();
  });

  it('tells a route that its client has gone, also one that asks too late', async () => {
    const told: boolean[] = [];
    let started: (() => void) | undefined;
    let late: Promise<void> | undefined;
    const served = await open({
      async decide(input: CallerInput) {
        started?.();
        if (input.body === '"early"') await new Promise((resolve) => input.signal.addEventListener('abort', resolve));
        else await late;
        told.push(input.signal.aborted);
        return OK;
      },
    });
    for (const when of ['early', 'late']) {
      let gone: (() => void) | undefined;
      late = new Promise((resolve) => (gone = resolve));
      const begun = new Promise<void>((resolve) => (started = resolve));
      const client = connect(served.listener.port, '127.0.0.1');
      client.on('error', () => {});
      const body = JSON.stringify(when);
      client.write(
        `POST /v1/decision HTTP/1.1\r\nhost: localhost\r\nx-api-key: agent\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      await begun;
      client.destroy();
      while (served.listener.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      gone?.();
      while (told.length < (when === 'early' ? 1 : 2)) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(told).to.deep.equal([true, true]);
    await served.close();
  });

  it('serves https, and IPv6 where there is some', async () => {
    const [cert, key] = ['cert', 'key'].map((name) => readFileSync(`spec/fixtures/tls/${name}.pem`, 'utf8')) as [string, string];
    const listener = await HttpListener.open((_request, response) => response.end('secure'), { port: 0, tls: { cert, key } });
    expect(listener.url).to.equal(`https://127.0.0.1:${listener.port}`);
    const text = await new Promise<string>((resolve, reject) => {
      askTls({ port: listener.port, host: '127.0.0.1', ca: cert, servername: 'localhost' }, (answer) => {
        let got = '';
        answer.on('data', (data: Buffer) => (got += data.toString()));
        answer.on('end', () => resolve(got));
      })
        .on('error', reject)
        .end();
    });
    expect(text).to.equal('secure');
    // one that never begins its handshake does not hold the server up
    const silent = connect(listener.port, '127.0.0.1');
    silent.on('error', () => {});
    await new Promise((resolve) => silent.once('connect', resolve));
    await listener.stop({ idleMs: 0, graceMs: 0 });
    const six = await HttpListener.open((_request, response) => response.end(), { port: 0, host: '::1' }).catch(() => undefined);
    if (six !== undefined) expect(six.url).to.equal(`http://[::1]:${six.port}`);
    await six?.stop({ idleMs: 0, graceMs: 0 });
  });
});

describe('An answer that goes on', () => {
  async function* pieces(count: number, size: number): AsyncGenerator<string> {
    for (let i = 0; i < count; i++) yield 'x'.repeat(size);
  }

  it('is written to its end', async () => {
    const out = new PassThrough();
    out.resume();
    await writeStream(pieces(3, 10), out);
    expect(out.writableEnded).to.equal(true);
  });

  it('is cut where its client does not read', async () => {
    const out = new PassThrough();
    await writeStream(pieces(1_000, 1_000), out);
    expect([out.destroyed, out.writableEnded]).to.deep.equal([true, false]);
  });

  it('waits for a client that is behind, where it is paced, and has little in memory meanwhile', async () => {
    const out = new PassThrough();
    let most = 0;
    let got = 0;
    const written = writeStream(pieces(1_000, 1_000), out, true);
    for (let i = 0; got < 1_000_000 && i < 10_000; i++) {
      await new Promise(setImmediate);
      most = Math.max(most, out.writableLength);
      got += (out.read() as Buffer | null)?.length ?? 0;
    }
    await written;
    expect([got, out.writableEnded]).to.deep.equal([1_000_000, true]);
    expect(most).to.be.below(100_000);
  });

  it('is cut where it is paced and its client takes nothing for 30 seconds, and where that client goes', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stalled = new PassThrough();
    const written = writeStream(pieces(1_000, 1_000), stalled, true);
    await clock.tickAsync(29_999);
    expect(stalled.destroyed).to.equal(false);
    await clock.tickAsync(1);
    clock.restore();
    await written;
    expect([stalled.destroyed, stalled.writableEnded]).to.deep.equal([true, false]);
    const gone = new PassThrough();
    const ended = writeStream(pieces(1_000, 1_000), gone, true);
    await new Promise(setImmediate);
    gone.destroy();
    await ended;
    expect(gone.writableEnded).to.equal(false);
  });

  it('ends where its client is gone, and where it fails, without looking whole', async () => {
    const gone = new PassThrough();
    gone.destroy();
    await writeStream(pieces(2, 10), gone);
    expect(gone.writableEnded).to.equal(false);
    const failed = new PassThrough();
    await writeStream(
      (async function* () {
        yield 'a';
        throw new Error('it broke');
      })(),
      failed,
    );
    expect([failed.destroyed, failed.writableEnded]).to.deep.equal([true, false]);
  });
});

describe('What a log has of an error', () => {
  it('is its name and code, never its text', () => {
    expect(namesOf(Object.assign(new TypeError('canary'), { code: 'ENOSPC' }))).to.deep.equal({ error: 'TypeError', code: 'ENOSPC' });
    expect(namesOf(new Error('canary'))).to.deep.equal({ error: 'Error' });
    expect(namesOf('canary')).to.deep.equal({ error: 'NonError' });
  });
});
