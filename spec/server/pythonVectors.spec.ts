import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { approvalUseRoutes } from '../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../lib/server/route/decisions.js';
import { callerWith, serve } from '../support/serve.js';
import type { Served } from '../support/serve.js';
import { tenantOf } from './tenantSetup.js';
import type { TestTenant } from './tenantSetup.js';

interface Vector {
  readonly what: string;
  readonly request: RawRequest;
  readonly expect: { readonly status: number; readonly effect?: string; readonly error?: string; readonly params?: object };
}

interface RawRequest {
  readonly head: string;
  readonly body: string;
}

interface Rule {
  readonly field: string;
  readonly kind: string;
  readonly optional?: boolean;
  readonly nullable?: boolean;
  readonly matches?: string;
  readonly one_of?: readonly string[];
  readonly items?: Readonly<Record<string, string>>;
}

type Fixture<T> = T & { readonly about: string };
const fixture = <T>(name: string): Fixture<T> =>
  JSON.parse(readFileSync(new URL(`../../../spec/fixtures/python-sdk/${name}.json`, import.meta.url), 'utf8')) as Fixture<T>;
const vectors = fixture<{ readonly status: RawRequest; readonly decisions: readonly Vector[] }>('requests');
const rules = fixture<Readonly<Record<'decision' | 'status' | 'error', readonly Rule[]>>>('rules');

interface RawAnswer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

describe('The Python SDK 0.1.4, byte by byte, at a Data Plane', () => {
  let served: Served;
  let tenant: TestTenant;
  let socket: Socket;
  let received = '';

  before(async () => {
    tenant = tenantOf();
    const routes = [...decisionRoutes(), ...approvalUseRoutes()];
    served = await serve({ routes, callers: { aeg_test: callerWith(['decide']) }, tenants: [tenant] });
    const { port } = new URL(served.url);
    // one connection for everything, as httpx keeps it
    socket = connect(Number(port), '127.0.0.1');
    socket.setNoDelay(true);
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  });
  after(async () => {
    socket.destroy();
    await served.close();
  });

  async function send({ head, body }: RawRequest, id = ''): Promise<RawAnswer> {
    const { host } = new URL(served.url);
    received = '';
    socket.write(head.replace('{host}', host).replace('{key}', 'aeg_test').replace('{decision_id}', id));
    if (body !== '') {
      // a packet of its own
      await new Promise((resolve) => setImmediate(resolve));
      socket.write(body);
    }
    for (;;) {
      const answer = wholeAnswer(received);
      if (answer !== undefined) return answer;
      await new Promise((resolve) => socket.once('data', resolve));
    }
  }

  it('sends what its fixture says: the lengths are those of the bodies', () => {
    expect(vectors.decisions).to.have.length.above(20);
    for (const { request } of vectors.decisions)
      expect(request.head)
        .to.contain(`Content-Length: ${Buffer.byteLength(request.body)}\r\n`)
        .and.to.match(/\r\n\r\n$/);
  });

  for (const { what, request, expect: expected } of vectors.decisions) {
    it(`gets an answer that it can read for ${what}: ${expected.effect ?? expected.error}`, async () => {
      const { status, json } = await send(request);
      expect(status).to.equal(expected.status);
      expect(broken(json, status === 200 ? rules.decision : rules.error)).to.deep.equal([]);
      if (expected.error !== undefined) expect(json).to.include({ error: expected.error });
      else expect(json['final_decision']).to.include({ effect: expected.effect });
      if (expected.params !== undefined)
        expect(json).to.have.nested.property('final_decision.sanitize.params').that.deep.equals(expected.params);
      // nothing that the hosted protocol does not have
      expect(json).to.not.have.property('aegis');
    });
  }

  it('finds what became of its approval by the id as it is, and is told of a yes once and for five minutes', async () => {
    const id = await ask();
    const pending = await send(vectors.status, id);
    expect(broken(pending.json, rules.status)).to.deep.equal([]);
    expect(pending.json).to.include({ status: 'PENDING', effect: 'approval_needed', decision_id: id });
    await tenant.desk.approve(id, { by: 'rita', digest: canonicalDigest({ amount: 1 }) });
    for (let i = 0; i < 2; i++) {
      const { status, json } = await send(vectors.status, id);
      expect(status).to.equal(200);
      expect(broken(json, rules.status)).to.deep.equal([]);
      expect(json).to.include({ status: 'OK', effect: 'allow' });
    }
    expect((await tenant.desk.get(id))?.consumed).to.not.equal(undefined);
  });

  for (const [what, end] of [
    ['denied', (id: string) => tenant.desk.deny(id, { by: 'rita' })],
    ['withdrawn', (id: string) => tenant.desk.end(id, 'withdrawn')],
    ['expired', (id: string) => tenant.desk.end(id, 'expired')],
  ] as const) {
    it(`is told of one that is ${what} in the words that it has for a no`, async () => {
      const id = await ask(what);
      await end(id);
      const { status, json } = await send(vectors.status, id);
      expect(status).to.equal(200);
      expect(broken(json, rules.status)).to.deep.equal([]);
      expect(json).to.include({ status: 'OK', effect: 'deny', outcome: what });
    });
  }

  it('is told of an id that there is not by a message', async () => {
    const { status, json } = await send(vectors.status, 'dec_unknown');
    expect(status).to.equal(404);
    expect(broken(json, rules.error)).to.deep.equal([]);
  });

  async function ask(agent?: string): Promise<string> {
    const vector = vectors.decisions.find(({ what }) => what === 'an approval (compact)') as Vector;
    // of another agent, so that it is another call
    const body = vector.request.body.replace('ops-agent', agent ?? 'ops-agent');
    const head = vector.request.head.replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(body)}`);
    const { json } = await send({ head, body });
    expect(json['final_decision']).to.include({ effect: 'approval_needed' });
    return String(json['decision_id']);
  }
});

/** The answer in what was received, once all of it is there. */
function wholeAnswer(text: string): RawAnswer | undefined {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  const body = rest.join('\r\n\r\n');
  if (length === undefined || body.length < Number(length)) return undefined;
  const json = JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as Record<string, unknown>;
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), json };
}

/** The rules that an answer breaks. */
function broken(answer: unknown, all: readonly Rule[]): readonly string[] {
  return all.filter((rule) => !keeps(rule, answer)).map(({ field }) => field);
}

function keeps({ field, kind, optional, nullable, matches, one_of, items }: Rule, answer: unknown): boolean {
  let value: unknown = answer;
  for (const name of field.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return optional === true;
    value = (value as Record<string, unknown>)[name];
  }
  if (value === null) return nullable === true;
  if (!isKind(value, kind)) return false;
  if (matches !== undefined && !(typeof value === 'string' && new RegExp(matches).test(value))) return false;
  if (one_of !== undefined && !(typeof value === 'string' && one_of.includes(value))) return false;
  if (items === undefined) return true;
  return (value as readonly unknown[]).every(
    (item) => isKind(item, 'object') && Object.entries(items).every(([name, of]) => isKind((item as Record<string, unknown>)[name], of)),
  );
}

function isKind(value: unknown, kind: string): boolean {
  if (kind === 'integer') return Number.isInteger(value);
  if (kind === 'array') return Array.isArray(value);
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === kind;
}

describe('The rules of the Python SDK', () => {
  const good = {
    request_id: 'r',
    agent_id: 'a',
    decision_id: 'dec_1',
    tool: 't',
    tenant_id: null,
    final_decision: { effect: 'allow', reason: null, sanitize: null, violations: [{ type: 'a', message: 'b' }], approval_id: null },
    latency_ms: 1,
  };
  const final = (over: object): object => ({ ...good, final_decision: { ...good.final_decision, ...over } });
  const wrong: readonly (readonly [field: string, answer: object])[] = [
    ['request_id', { ...good, request_id: undefined }],
    ['decision_id', { ...good, decision_id: 'a/b' }],
    ['tool', { ...good, tool: {} }],
    ['tenant_id', { ...good, tenant_id: 1 }],
    ['policy_evaluations', { ...good, policy_evaluations: null }],
    ['policy_evaluations', { ...good, policy_evaluations: ['x'] }],
    ['latency_ms', { ...good, latency_ms: 1.5 }],
    ['final_decision.effect', final({ effect: 'maybe' })],
    ['final_decision.sanitize', final({ sanitize: [] })],
    ['final_decision.violations', final({ violations: [{ type: 'a' }] })],
  ];
  it('let a good answer through', () => {
    expect(broken(JSON.parse(JSON.stringify(good)), rules.decision)).to.deep.equal([]);
  });
  for (const [field, answer] of wrong) {
    it(`find what is wrong with ${field} in ${JSON.stringify(answer).slice(0, 60)}`, () => {
      expect(broken(JSON.parse(JSON.stringify(answer)), rules.decision)).to.deep.equal([field]);
    });
  }
});
