import { expect } from 'chai';
import sinon from 'sinon';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { readDecideRequest, writeDryRunRequest } from '../../../lib/decision/wire/decideRequest.js';
import { writeDecisionAnswer } from '../../../lib/decision/wire/decisionAnswer.js';
import { readDecisionAnswer } from '../../../lib/decision/wire/readDecisionAnswer.js';
import { writeJsonHeader } from '../../../lib/decision/wire/jsonHeader.js';
import { CAPABILITIES } from '../../../lib/model/Capability.js';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { remoteRequest } from '../../support/remoteRequest.js';
import { POLICIES, sender, tenantOf } from '../tenantSetup.js';
import type { TestRequest } from '../tenantSetup.js';

const BINDING = 'b'.repeat(64);
/** A client that can do all that the server can. */
const NEW = {
  'X-AEGIS-CAPABILITIES': PLAIN_CLIENT.join(', '),
  'X-AEGIS-BINDING': BINDING,
  'X-AEGIS-TYPES': writeJsonHeader('X-AEGIS-TYPES', {}),
};

const call = (name: string, params: object = {}, session: object | null = null): object => ({
  agent_id: 'bot',
  tool: { name, params },
  session,
});

describe('POST /v1/decision', () => {
  it('allows, denies, sanitizes and asks, in the words of the protocol', async () => {
    const { ask } = setup();
    const allowed = await ask('decide', { body: call('read', { id: 1 }) });
    expect(allowed.json).to.deep.include({ request_id: 'req-1', tenant_id: 'default', agent_id: 'bot', tool: 'read' });
    expect(allowed.json.final_decision).to.deep.equal({
      effect: 'allow',
      reason: null,
      sanitize: null,
      violations: null,
      approval_id: null,
    });
    expect(allowed.json['latency_ms']).to.be.a('number').and.satisfy(Number.isInteger);
    expect(allowed.json).to.not.have.any.keys('policy_evaluations', 'aegis');
    const denied = await ask('decide', { body: call('drop') });
    expect(denied.json.final_decision).to.deep.include({ effect: 'deny', reason: 'never drop' });
    expect(denied.json.final_decision['violations']).to.deep.equal([
      { type: 'policy', message: 'never drop', field: null, condition: null, limit_type: null },
    ]);
    const changed = await ask('decide', { body: call('mail', { body: 'to ann@x.org', to: 'bob' }) });
    expect(changed.json.final_decision).to.deep.include({
      effect: 'sanitize',
      sanitize: { message: 'no addresses', params: { body: 'to [email]' } },
    });
    const asking = await ask('decide', { body: call('refund', { amount: 1 }) });
    expect(asking.json.final_decision).to.deep.include({ effect: 'approval_needed', reason: 'a person looks at refunds' });
    expect(asking.json.final_decision['approval_id']).to.equal(asking.json['decision_id']);
  });

  it('has ids of 128 random bits at their end', async () => {
    const { ask } = setup();
    const ids = new Set<unknown>();
    for (const tool of ['read', 'drop', 'mail', 'refund', 'refund', 'lookup'])
      for (const params of [{}, { ssn: '1' }, { x: null }])
        ids.add((await ask('decide', { body: call(tool, params) })).json['decision_id']);
    expect(ids.size).to.equal(18);
    for (const id of ids) expect(id).to.match(/^dec_[A-Za-z0-9_-]{22}$/);
  });

  /** What each of four answers is for a client that says what it can do, and for one that says nothing, as the Python SDK. */
  const table = [
    ['sanitize', call('mail', { body: 'ann@x.org' }), 'sanitize', 'sanitize'],
    ['sanitize with a removal that the guard allows', call('lookup', { ssn: '1', name: 'ann' }), 'sanitize', 'deny'],
    ['approval', call('refund', { amount: 1 }), 'approval_needed', 'approval_needed'],
    ['approval with sanitize', call('refund', { amount: 1, note: 'secret' }), 'approval_needed', 'deny'],
  ] as const;
  for (const [what, body, forNew, forOld] of table) {
    it(`answers ${what} to a client with effective-digest by ${forNew}, to one without by ${forOld}`, async () => {
      const { ask, tenant } = setup();
      const headers = { ...NEW, 'X-AEGIS-REMOVABLE': writeJsonHeader('', ['ssn']) };
      const now = (await ask('decide', { body, headers })).json.final_decision;
      expect(now['effect']).to.equal(forNew);
      if (what !== 'approval') expect(now['sanitize']).to.have.property('effective_digest').with.length(64);
      const pending = (await tenant.desk.list()).length;
      expect((await ask('decide', { body })).json.final_decision['effect']).to.equal(forOld);
      // nobody is asked about what the client could not run
      expect((await tenant.desk.list()).length - pending).to.equal(forOld === 'approval_needed' ? 1 : 0);
    });
  }

  it('denies a removal that the guard does not allow', async () => {
    const { ask } = setup();
    const { json } = await ask('decide', { body: call('lookup', { ssn: '1' }), headers: NEW });
    expect(json.final_decision['effect']).to.equal('deny');
  });

  it('says what the server can do, and until when an approval is open, to a client that says what it can do', async () => {
    const { ask } = setup();
    const asked = await ask('decide', { body: call('refund', { amount: 1 }), headers: NEW });
    const aegis = asked.json['aegis'] as Record<string, unknown>;
    expect(aegis).to.deep.include({ capabilities: CAPABILITIES, consumable: true });
    expect(Date.parse(String(aegis['expires_at']))).to.be.above(Date.now());
    expect((await ask('decide', { body: call('read'), headers: NEW })).json['aegis']).to.deep.equal({ capabilities: CAPABILITIES });
    const old = await ask('decide', { body: call('refund'), headers: { 'X-AEGIS-CAPABILITIES': 'effective-digest' } });
    expect(old.json['aegis']).to.deep.include({ consumable: false });
  });

  it('does not say that it knows the types of a call where it was not told them, as behind a proxy that drops a header', async () => {
    const { ask } = setup();
    const { 'X-AEGIS-TYPES': _none, ...headers } = NEW;
    const { json } = await ask('decide', { body: call('read'), headers });
    expect(json['aegis']).to.deep.equal({ capabilities: CAPABILITIES.filter((name) => name !== 'types') });
  });

  it('says nothing of the end of an approval that has none', () => {
    const wire = readDecideRequest(new Headers(NEW), JSON.stringify(call('refund')));
    const server = { capabilities: CAPABILITIES, consumable: true };
    const { body } = writeDecisionAnswer({ effect: 'approval_needed', decisionId: 'd' }, wire, { requestId: 'r', latencyMs: 1, server });
    expect(JSON.parse(body)).to.have.property('aegis').that.deep.equals(server);
  });

  it('decides on the values that the client has: the rule on 7 matches 7n, and a date is shown as one', async () => {
    const { ask, tenant } = setup();
    const headers = { ...NEW, 'X-AEGIS-TYPES': writeJsonHeader('', { '/params/n': 'bigint' }) };
    expect((await ask('decide', { body: call('count', { n: '7' }), headers })).json.final_decision).to.include({
      reason: 'seven is refused',
    });
    expect((await ask('decide', { body: call('count', { n: '8' }), headers })).json.final_decision).to.include({ effect: 'allow' });
    const at = '2026-01-31T12:00:00.000Z';
    const types = writeJsonHeader('', { '/params/at': 'date', '/session/since': 'date' });
    await ask('decide', { body: call('refund', { at }, { since: at }), headers: { ...NEW, 'X-AEGIS-TYPES': types } });
    const [record] = await tenant.desk.list();
    expect(record).to.deep.include({ params: { at: new Date(at) }, session: { since: new Date(at) } });
    expect(record?.digest).to.equal(canonicalDigest({ at: new Date(at) }));
  });

  it('names the types of the values in params that a policy changes, so that both ends have the same', async () => {
    const text = `@id("all") permit (principal, action, resource);
      @id("s") @effect("sanitize") @sanitize("redact /o/note") forbid (principal, action, resource) when { context.input.o.note != "[redacted]" };`;
    const { ask } = setup({ policies: { text } });
    const o = { at: '2026-01-31T12:00:00.000Z', n: '7', note: 'x' };
    const headers = { ...NEW, 'X-AEGIS-TYPES': writeJsonHeader('', { '/params/o/at': 'date', '/params/o/n': 'bigint' }) };
    const { json, text: body } = await ask('decide', { body: call('read', { o }), headers });
    expect(json.final_decision['sanitize']).to.deep.include({
      params: { o: { ...o, note: '[redacted]' } },
      types: { '/o/at': 'date', '/o/n': 'bigint' },
    });
    const params = { o: { at: new Date(o.at), n: 7n, note: 'x' } };
    const decision = readDecisionAnswer(body).decisionFor(remoteRequest({ agentId: 'bot', toolName: 'read', params }));
    expect(decision).to.deep.include({ params: { o: { ...params.o, note: '[redacted]' } } });
    const plain = await ask('decide', { body: call('read', { o }), headers: NEW });
    expect(plain.json.final_decision['sanitize']).to.not.have.property('types');
  });

  it('refuses params of another digest than the client has', async () => {
    const { ask } = setup();
    const digest = canonicalDigest({ n: 7n });
    const headers = { ...NEW, 'X-AEGIS-PARAMS-DIGEST': digest };
    const wrong = await ask('decide', { body: call('count', { n: '7' }), headers });
    expect(wrong).to.deep.include({ status: 400 });
    expect(wrong.json).to.include({ error: 'params_digest_mismatch' });
    const typed = { ...headers, 'X-AEGIS-TYPES': writeJsonHeader('', { '/params/n': 'bigint' }), 'X-AEGIS-NONCE': 'n1' };
    const right = await ask('decide', { body: call('count', { n: '7' }), headers: typed });
    expect(right.status).to.equal(200);
    expect(right.headers).to.deep.equal({ 'X-AEGIS-NONCE': 'n1', 'X-AEGIS-PARAMS-DIGEST': digest });
  });

  it('refuses a client that uses approvals up but does not say of which call', async () => {
    const { ask } = setup();
    const { status, json } = await ask('decide', { body: call('read'), headers: { 'X-AEGIS-CAPABILITIES': 'consume' } });
    expect(status).to.equal(400);
    expect(json['message']).to.contain('X-AEGIS-BINDING');
  });

  it('refuses an agent that the key does not speak for, before it looks at the call', async () => {
    const { ask } = setup();
    const { status, json } = await ask('decide', { body: call('read'), caller: { agents: ['other'] } });
    expect(status).to.equal(403);
    expect(json).to.include({ error: 'agent_not_covered' });
    expect((await ask('decide', { body: call('read'), caller: { agents: ['other', 'bot'] } })).status).to.equal(200);
  });

  it('believes who the user is only of a key that says so, and compares with approvers in any case', async () => {
    const { ask, tenant } = setup();
    await ask('decide', { body: call('refund', { a: 1 }, { user_id: 'ann' }) });
    await ask('decide', { body: call('refund', { a: 2 }, { user_id: 'ann' }), caller: { sessionTrusted: true } });
    const records = await tenant.desk.list();
    expect(records.map(({ requester, requesterKnown }) => [requester, requesterKnown])).to.deep.equal([
      ['ann', false],
      ['ann', true],
    ]);
    for (const { decisionId } of records) expect(await tenant.desk.mayDecide(decisionId, 'ann')).to.equal(false);
  });

  it('keeps an approval as long as the client waits, at most 100 years, and a day where it does not say', async () => {
    const { ask, tenant } = setup();
    for (const [headers, ms] of [
      [{}, 86_400_000],
      [{ 'X-AEGIS-APPROVAL-TIMEOUT-S': '90' }, 90_000],
      [{ 'X-AEGIS-APPROVAL-TIMEOUT-S': '9999999999' }, 3_153_600_000_000],
    ] as const) {
      await ask('decide', { body: call('refund', { ms }), headers });
      const record = (await tenant.desk.list()).at(-1);
      expect((record?.expiresAtMs as number) - (record?.createdAtMs as number)).to.equal(ms);
    }
  });

  it('gives the tools of its configuration their groups: a caller cannot claim them', async () => {
    const text = '@id("g") permit (principal, action in Aegis::Action::"safe", resource);';
    const { ask } = setup({ policies: { text }, tools: { look: { groups: ['safe'] } } });
    expect((await ask('decide', { body: call('look') })).json.final_decision['effect']).to.equal('allow');
    expect((await ask('decide', { body: call('leap') })).json.final_decision['effect']).to.equal('deny');
  });

  describe('with a null', () => {
    const nulls: readonly (readonly [params: object, nullable: readonly string[], denied: string | undefined])[] = [
      [{ limit: null }, [], '/limit'],
      [{ limit: null }, ['/limit'], undefined],
      [{ limit: null, other: null }, ['/limit'], '/other'],
      [{ to: ['a@x', null] }, [], '/to/1'],
      [{ to: ['a@x', null] }, ['/to'], '/to/1'],
      [{ to: ['a@x', null] }, ['/to/1'], undefined],
      [{ o: { 'a/b': null } }, ['/o/a~1b'], undefined],
      [{ o: { 'a/b': null } }, ['/o'], '/o/a~1b'],
      [{ o: null }, ['/o/x'], '/o'],
      [{ items: [{ note: null }, { note: 'x' }, { note: null }] }, ['/items/*/note'], undefined],
      [{ items: [{ note: null, id: null }] }, ['/items/*/note'], '/items/0/id'],
      [{ items: ['x', null] }, ['/items/*'], undefined],
      [{ items: [['x', [null]]] }, ['/items/*/1/*'], undefined],
      [{ items: [['x', [null]]] }, ['/items/*/*'], '/items/0/1/0'],
      [{ items: [null] }, ['/items/*/note'], '/items/0'],
      [{ items: { a: { note: null } } }, ['/items/*/note'], '/items/a/note'],
      [{ items: { '*': null } }, ['/items/*'], undefined],
      [{ a: null }, ['/*'], '/a'],
    ];
    for (const [params, nullable, at] of nulls) {
      it(`in ${JSON.stringify(params)}, where ${JSON.stringify(nullable)} may be null, is ${at === undefined ? 'allowed' : `denied at ${at}`}`, async () => {
        const { ask } = setup({ tools: { read: { nullable } } });
        const { status, json } = await ask('decide', { body: call('read', params) });
        expect(status).to.equal(200);
        const final = json.final_decision;
        expect(final['effect']).to.equal(at === undefined ? 'allow' : 'deny');
        if (at !== undefined) expect(final['reason']).to.contain(`at ${at} is null`);
      });
    }

    it('that a policy reads is denied, although the tool allows it', async () => {
      const { ask } = setup({ tools: { list: { nullable: ['/limit'] } } });
      const final = (await ask('decide', { body: call('list', { limit: null }) })).json.final_decision;
      expect(final).to.include({ effect: 'deny' });
      expect(final['reason']).to.contain('a policy depends on it');
    });

    it('that a facts hook reads is denied', async () => {
      const facts = ({ params }: { params: Readonly<Record<string, unknown>> }) => ({ over: Number(params['x']) > 1 });
      const { ask } = setup({ tools: { read: { nullable: ['/x', '/y'] } }, facts });
      expect((await ask('decide', { body: call('read', { x: null }) })).json.final_decision['effect']).to.equal('deny');
      expect((await ask('decide', { body: call('read', { x: 1, y: null }) })).json.final_decision['effect']).to.equal('allow');
    });

    it('at a long pointer is denied without its place', async () => {
      const { ask } = setup();
      const final = (await ask('decide', { body: call('read', { ['k'.repeat(300)]: null }) })).json.final_decision;
      expect(final['reason']).to.match(/^A parameter is null/);
    });
  });

  it('answers a malformed request by the place and what was expected', async () => {
    const { ask } = setup();
    for (const body of [
      '',
      '[]',
      call('a b'),
      { ...call('read'), more: 1 },
      '{"agent_id":"a","tool":{"name":"x","params":{"a":NaN}},"session":null}',
    ]) {
      const { status, json } = await ask('decide', { body });
      expect(status).to.equal(400);
      expect(json).to.include({ error: 'invalid_request', request_id: 'req-1' });
    }
  });
});

describe('POST /v1/decision with an Idempotency-Key', () => {
  let time: sinon.SinonFakeTimers;
  beforeEach(() => {
    time = sinon.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  });
  afterEach(() => time.restore());

  const keyed = (body: object, over: Partial<TestRequest> = {}): TestRequest => ({
    body,
    ...over,
    headers: { ...NEW, 'Idempotency-Key': 'k1', ...over.headers },
  });

  for (const [tool, params] of [
    ['read', {}],
    ['drop', {}],
    ['mail', { body: 'ann@x.org' }],
    ['refund', {}],
  ] as const) {
    it(`gives the same answer to the same request: ${tool}`, async () => {
      const { ask, tenant } = setup();
      const first = await ask('decide', keyed(call(tool, params)));
      time.tick(30_000);
      const second = await ask('decide', keyed(call(tool, params)));
      expect(second.json['decision_id']).to.equal(first.json['decision_id']);
      expect(second.json.final_decision).to.deep.equal(first.json.final_decision);
      expect(await tenant.desk.list()).to.have.length(tool === 'refund' ? 1 : 0);
    });
  }

  it('counts a call that limits allow each time that it is told that it may run', async () => {
    const cap = '@id("cap") @effect("limit") @limit("2/366d") forbid (principal, action, resource);';
    const tenant = tenantOf({ policies: { text: POLICIES + cap } });
    const ask = sender(tenant, decisionRoutes());
    const effects: unknown[] = [];
    for (let i = 0; i < 4; i++) effects.push((await ask('decide', keyed(call('read')))).json.final_decision['effect']);
    expect(effects).to.deep.equal(['allow', 'allow', 'deny', 'deny']);
  });

  it('counts it also where it is asked about again while it is decided', async () => {
    const cap = '@id("cap") @effect("limit") @limit("2/366d") forbid (principal, action, resource);';
    const tenant = tenantOf({ policies: { text: POLICIES + cap }, facts: () => Promise.resolve({}) });
    const ask = sender(tenant, decisionRoutes());
    const answers = await Promise.all([1, 2, 3, 4].map(async () => ask('decide', keyed(call('read')))));
    const allowed = answers.filter(({ json }) => json.final_decision['effect'] === 'allow');
    expect(new Set(allowed.map(({ json }) => json['decision_id'])).size).to.equal(2);
    expect(allowed).to.have.length(2);
  });

  it('decides anew after 30 seconds', async () => {
    const { ask } = setup();
    const first = await ask('decide', keyed(call('read')));
    time.tick(30_001);
    const second = await ask('decide', keyed(call('read')));
    expect(second.json.final_decision['effect']).to.equal('allow');
    expect(second.json['decision_id']).to.not.equal(first.json['decision_id']);
  });

  it('decides anew under other policies: what was allowed is denied', async () => {
    const first = setup();
    const routes = first.routes;
    expect((await first.ask('decide', keyed(call('read')))).json.final_decision['effect']).to.equal('allow');
    const strict = tenantOf({ policies: { text: '@id("no") forbid (principal, action, resource);' } });
    expect((await sender(strict, routes)('decide', keyed(call('read')))).json.final_decision['effect']).to.equal('deny');
  });

  const others: readonly (readonly [what: string, request: TestRequest])[] = [
    ['another tool', keyed(call('drop', { a: '1' }))],
    ['other params', keyed(call('read', { a: '2' }))],
    [
      'params of another type',
      keyed(call('read', { a: '1' }), { headers: { 'X-AEGIS-TYPES': writeJsonHeader('', { '/params/a': 'bigint' }) } }),
    ],
    ['another session', keyed(call('read', { a: '1' }, { user_id: 'ann' }))],
    ['another agent', keyed({ ...call('read', { a: '1' }), agent_id: 'bot2' })],
    ['another guard', keyed(call('read', { a: '1' }), { headers: { 'X-AEGIS-GUARD-KEY': writeJsonHeader('', 'g2') } })],
    ['other removable params', keyed(call('read', { a: '1' }), { headers: { 'X-AEGIS-REMOVABLE': writeJsonHeader('', ['a']) } })],
    ['other opaque params', keyed(call('read', { a: '1' }), { headers: { 'X-AEGIS-OPAQUE': writeJsonHeader('', ['f']) } })],
    ['other capabilities', keyed(call('read', { a: '1' }), { headers: { 'X-AEGIS-CAPABILITIES': 'effective-digest' } })],
    ['another binding', keyed(call('read', { a: '1' }), { headers: { 'X-AEGIS-BINDING': 'c'.repeat(64) } })],
    ['another timeout', keyed(call('read', { a: '1' }), { headers: { 'X-AEGIS-APPROVAL-TIMEOUT-S': '60' } })],
  ];
  for (const [what, request] of others) {
    it(`refuses the key for ${what}`, async () => {
      const { ask } = setup();
      await ask('decide', keyed(call('read', { a: '1' })));
      const { status, json } = await ask('decide', request);
      expect(status).to.equal(422);
      expect(json).to.include({ error: 'idempotency_mismatch', field: 'Idempotency-Key' });
    });
  }

  const watching = (until: string): string =>
    `@id("all") permit (principal, action, resource); @id("w") @effect("approval_needed") @observe("true") @observe_until("${until}") forbid (principal, action == Aegis::Action::"read", resource);`;

  it('decides a call anew beside which a policy is watched, because its end may have come', async () => {
    // sooner than a decision that is given again is forgotten
    const until = new Date(Date.now() + 10_000).toISOString();
    const { ask, tenant } = setup({ policies: { text: watching(until) } });
    const first = await ask('decide', keyed(call('read')));
    time.tick(10_000);
    const second = await ask('decide', keyed(call('read')));
    expect(first.json.final_decision['effect']).to.equal('allow');
    expect(second.json.final_decision['effect']).to.equal('approval_needed');
    expect((await ask('decide', keyed(call('other')))).status).to.equal(422);
    tenant.policies.close();
  });

  it('tells a client of watched policies only where the tenant shows its policies', async () => {
    const text = watching(new Date(Date.now() + 60_000).toISOString());
    for (const exposePolicies of [false, true]) {
      const { ask, tenant } = setup({ policies: { text }, exposePolicies });
      for (const headers of [{}, NEW]) {
        const answer = await ask('decide', { body: call('read'), headers });
        expect(answer.json.final_decision['effect']).to.equal('allow');
        const [told] = (answer.json['policy_evaluations'] ?? []) as readonly Record<string, unknown>[];
        if (exposePolicies) expect(told).to.include({ id: 'w', effect: 'observed' });
        else expect(answer.text).to.not.contain('"w"').and.not.contain('observed');
      }
      tenant.policies.close();
    }
  });

  it('keeps the keys of each caller and tenant apart', async () => {
    const { ask, routes } = setup();
    const first = await ask('decide', keyed(call('read')));
    expect((await ask('decide', keyed(call('drop'), { caller: { id: 'key-2' } }))).status).to.equal(200);
    const other = await sender(tenantOf({}, 'two'), routes)('decide', keyed(call('read')));
    expect(other.json['decision_id']).to.not.equal(first.json['decision_id']);
  });

  it('lets a second one that comes while the first is decided wait for its answer', async () => {
    let computed = 0;
    const facts = async (): Promise<object> => {
      computed += 1;
      await Promise.resolve();
      return {};
    };
    const { ask } = setup({ facts });
    const answers = await Promise.all([1, 2, 3].map(async () => ask('decide', keyed(call('read')))));
    expect(new Set(answers.map(({ json }) => json['decision_id'])).size).to.equal(1);
    expect(computed).to.equal(1);
    expect((await ask('decide', keyed(call('read')))).json['decision_id']).to.equal(answers[0]?.json['decision_id']);
  });

  it('asks anew where the first one failed', async () => {
    let failing = true;
    const { ask, tenant } = setup();
    const insert = tenant.store.insert.bind(tenant.store);
    tenant.store.insert = (record) => {
      if (failing) throw new Error('the disk is full');
      return insert(record);
    };
    expect((await ask('decide', keyed(call('refund')))).status).to.equal(500);
    failing = false;
    expect((await ask('decide', keyed(call('refund')))).json.final_decision['effect']).to.equal('approval_needed');
  });
});

describe('POST /v1/decision/{id}/reevaluate', () => {
  it('counts the verdicts on the approval, and asks again under a new id where they do not cover the call', async () => {
    const { ask, tenant } = setup();
    const headers = NEW;
    const body = call('refund', { amount: 1 });
    const id = String((await ask('decide', { body, headers })).json['decision_id']);
    const again = await ask('reevaluate', { id, body, headers });
    expect(again.json.final_decision['effect']).to.equal('approval_needed');
    expect(again.json['decision_id']).to.not.equal(id);
    const digest = canonicalDigest({ amount: 1 });
    await tenant.desk.approve(id, { by: 'ann', digest });
    const covered = await ask('reevaluate', { id, body, headers });
    expect(covered.json).to.include({ decision_id: id });
    expect(covered.json.final_decision['effect']).to.equal('allow');
    const other = await ask('reevaluate', { id, body: call('refund', { amount: 2 }), headers });
    expect(other.json.final_decision['effect']).to.equal('approval_needed');
  });

  it('is the 404 of an unknown id for an agent that the key does not speak for', async () => {
    const { ask } = setup();
    const body = call('refund', { amount: 1 });
    const id = String((await ask('decide', { body, headers: NEW })).json['decision_id']);
    const foreign = await ask('reevaluate', { id, body, headers: NEW, caller: { agents: ['other'] } });
    const unknown = await ask('reevaluate', { id: 'dec_x', body, headers: NEW });
    expect(foreign.status).to.equal(404);
    expect(foreign.text).to.equal(unknown.text);
  });
});

describe('POST /v1/decisions/dry-run', () => {
  it('says how calls would be decided, in their order, and opens nothing', async () => {
    const { ask, tenant } = setup();
    const spent: number[] = [];
    const calls = [
      remoteRequest({ toolName: 'read', params: {} }),
      remoteRequest({ toolName: 'count', params: { n: 7n } }),
      remoteRequest({ toolName: 'lookup', params: { ssn: '1' }, removable: ['ssn'] }),
      remoteRequest({ toolName: 'refund', params: { at: new Date(0) }, session: { since: new Date(0) } }),
      remoteRequest({ toolName: 'refund', params: { x: null } }),
    ];
    const { status, json } = await ask('dryRun', { body: writeDryRunRequest(calls), headers: NEW, spent });
    expect(status).to.equal(200);
    const decisions = json['decisions'] as readonly { final_decision: { effect: string }; tool: string }[];
    expect(decisions.map(({ tool, final_decision: { effect } }) => `${tool} ${effect}`)).to.deep.equal([
      'read allow',
      'count deny',
      'lookup sanitize',
      'refund approval_needed',
      'refund deny',
    ]);
    expect(await tenant.desk.list()).to.deep.equal([]);
    expect(spent).to.deep.equal([4]);
  });

  it('says that a call would be denied which a person has lately refused', async () => {
    const { ask, tenant } = setup();
    const id = String((await ask('decide', { body: call('refund', { amount: 1 }) })).json['decision_id']);
    await tenant.desk.deny(id, { by: 'rita', reason: 'too much' });
    const { json } = await ask('dryRun', { body: { calls: [call('refund', { amount: 1 }), call('refund', { amount: 2 })] } });
    const decisions = json['decisions'] as readonly { final_decision: { effect: string; reason: string } }[];
    expect(decisions.map((one) => one.final_decision.effect)).to.deep.equal(['deny', 'approval_needed']);
    expect(decisions[0]?.final_decision.reason).to.contain('too much');
  });

  it('takes calls as those of the protocol, from none to 200', async () => {
    const { ask } = setup();
    for (const count of [0, 1, 200]) {
      const { json } = await ask('dryRun', { body: { calls: Array.from({ length: count }, () => call('read')) } });
      expect(json['decisions']).to.have.length(count);
    }
    expect((await ask('dryRun', { body: { calls: Array.from({ length: 201 }, () => call('read')) } })).status).to.equal(400);
  });

  const wrong: readonly (readonly [what: string, over: object, place: string])[] = [
    ['a malformed call', { agent_id: '' }, 'calls.1.agent_id'],
    ['a reserved key', { session: { __extn: 1 } }, 'calls.1.session/__extn'],
    ['an opaque param that is there', { opaque: ['a'] }, 'calls.1.tool.params'],
    ['an empty guard_key', { guard_key: '' }, 'calls.1.guard_key'],
    ['names that are not a list', { removable: 'a' }, 'calls.1.removable'],
    ['types of another kind', { types: { '/params/a': 'number' } }, 'calls.1.types'],
    ['a type that does not fit', { types: { '/params/a': 'date' } }, 'X-AEGIS-TYPES'],
    ['a field too many', { nonce: 'x' }, 'calls.1.nonce'],
  ];
  for (const [what, over, place] of wrong) {
    it(`refuses ${what}, naming its place`, async () => {
      const { ask } = setup();
      const { status, json } = await ask('dryRun', { body: { calls: [call('read'), { ...call('read', { a: '1' }), ...over }] } });
      expect(status).to.equal(400);
      expect(json['message']).to.contain(place);
    });
  }

  it('refuses all of it for one agent that the key does not speak for', async () => {
    const { ask } = setup();
    const body = { calls: [call('read'), { ...call('read'), agent_id: 'other' }] };
    expect((await ask('dryRun', { body, caller: { agents: ['bot'] } })).status).to.equal(403);
  });
});

function setup(options: Parameters<typeof tenantOf>[0] = {}) {
  const tenant = tenantOf(options);
  const routes = decisionRoutes();
  return { tenant, routes, ask: sender(tenant, routes) };
}
