import { expect } from 'chai';
import sinon from 'sinon';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { bindingDigest } from '../../../lib/decision/desk/use/bindingDigest.js';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { POLICIES, sender, tenantOf } from '../tenantSetup.js';
import type { TestAnswer, TestRequest } from '../tenantSetup.js';

const BASE = 'b'.repeat(64);
const NEW = { 'X-AEGIS-CAPABILITIES': PLAIN_CLIENT.join(','), 'X-AEGIS-BINDING': BASE };
const PARAMS = { amount: 1 };
const DIGEST = canonicalDigest(PARAMS);
const MINUTE = 60_000;

describe('The routes of the use of approvals', () => {
  let time: sinon.SinonFakeTimers;
  beforeEach(() => {
    time = sinon.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  });
  afterEach(() => time.restore());

  describe('The status of an approval', () => {
    it('is that of the protocol, and says what became of it, until when, and why it was asked for: never who decided, or their words', async () => {
      const { ask, open, tenant } = setup();
      const ids = [await open(1), await open(2), await open(3), await open(4), await open(5)] as const;
      const [, approved, denied, withdrawn, used] = ids;
      await tenant.desk.approve(approved, { by: 'rita', digest: canonicalDigest({ amount: 2 }), reason: 'canary-reason' });
      await tenant.desk.deny(denied, { by: 'rita', reason: 'canary-reason' });
      await ask('withdraw', { id: withdrawn });
      await tenant.desk.approve(used, { by: 'rita', digest: canonicalDigest({ amount: 5 }) });
      await ask('consume', { id: used, body: { digest: canonicalDigest({ amount: 5 }), bindingBase: BASE, token: 't' } });
      const seen: unknown[] = [];
      for (const id of ids) {
        const { status, json, text } = await ask('status', { id });
        expect(status).to.equal(200);
        expect(text).to.not.match(/rita|canary/);
        expect(json).to.include({ decision_id: id, request_id: 'req-1', reason: 'a person looks at refunds' });
        expect(json['expires_at']).to.equal(new Date(1_700_000_000_000 + 86_400_000).toISOString());
        seen.push([json['status'], json['effect'], json['outcome'], json['consumed']].join(' '));
      }
      expect(seen).to.deep.equal([
        'PENDING approval_needed pending false',
        'OK allow approved false',
        'OK deny denied false',
        'OK deny withdrawn false',
        'OK allow approved true',
      ]);
      time.tick(86_400_000);
      expect((await ask('status', { id: ids[0] })).json).to.include({ status: 'OK', effect: 'deny', outcome: 'expired' });
    });

    it('comes for many at once, in the order of their ids, as not_found for those that there are not', async () => {
      const { ask, open, tenant } = setup();
      const [a, b] = [await open(1), await open(2)];
      await tenant.desk.deny(b, { by: 'rita' });
      const spent: number[] = [];
      const { json } = await ask('statuses', { body: { ids: [b, 'dec_unknown', a, b] }, spent });
      const statuses = json['statuses'] as readonly Record<string, unknown>[];
      expect(statuses.map(({ decision_id, outcome, effect }) => [decision_id, outcome, effect])).to.deep.equal([
        [b, 'denied', 'deny'],
        ['dec_unknown', 'not_found', 'deny'],
        [a, 'pending', 'approval_needed'],
        [b, 'denied', 'deny'],
      ]);
      expect(spent).to.deep.equal([3]);
      const foreign = await ask('statuses', { body: { ids: [a] }, caller: { agents: ['other'] }, spent });
      expect(foreign.json['statuses']).to.deep.equal([
        { decision_id: a, status: 'OK', effect: 'deny', outcome: 'not_found', consumed: false },
      ]);
      expect(spent).to.deep.equal([3]);
    });

    it('is refused for more than 1,000 ids, and for what is not an id', async () => {
      const { ask } = setup();
      expect((await ask('statuses', { body: { ids: Array.from({ length: 1_001 }, () => 'x') } })).status).to.equal(400);
      for (const ids of [[''], ['..'], [1], 'x', ['\ud800']]) expect((await ask('statuses', { body: { ids } })).status).to.equal(400);
      expect((await ask('statuses', { body: { ids: [] } })).json['statuses']).to.deep.equal([]);
    });
  });

  describe('Every route of an approval', () => {
    const requests: readonly (readonly [name: string, body: unknown])[] = [
      ['status', undefined],
      ['consume', { digest: DIGEST, bindingBase: BASE, token: 't' }],
      ['begin', { token: 't', claimToken: 'c' }],
      ['withdraw', undefined],
      ['expire', undefined],
      ['outcome', { token: 't', status: 'completed' }],
    ];
    for (const [name, body] of requests) {
      it(`${name}: is the same 404 for an unknown id, another tenant's, and one of an agent that the key does not cover`, async () => {
        const { ask, open } = setup();
        const id = await open(1);
        const foreignTenant = sender(tenantOf({}, 'two'), approvalUseRoutes());
        const answers = [
          await ask(name, { id: 'dec_unknown', body }),
          await ask(name, { id, body, caller: { agents: [] } }),
          await ask(name, { id, body, caller: { agents: ['other'] } }),
          await foreignTenant(name, { id, body }),
        ];
        expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).to.equal(1);
        expect(answers[0]?.status).to.equal(404);
        expect(answers[0]?.json).to.include({ error: 'resource_not_found' });
        // nothing was done to it
        expect((await ask('status', { id })).json['outcome']).to.equal('pending');
      });
    }

    const malformed: readonly (readonly [name: string, body: unknown, place: string])[] = [
      ['consume', undefined, 'JSON'],
      ['consume', {}, 'digest'],
      ['consume', { digest: DIGEST.toUpperCase(), bindingBase: BASE, token: 't' }, 'digest'],
      ['consume', { digest: DIGEST, bindingBase: 'b', token: 't' }, 'bindingBase'],
      ['consume', { digest: DIGEST, bindingBase: BASE, token: '' }, 'token'],
      ['consume', { digest: DIGEST, bindingBase: BASE, token: 't'.repeat(257) }, 'token'],
      ['consume', { digest: DIGEST, bindingBase: BASE, token: 't', claimToken: 'c' }, 'claimToken'],
      ['begin', { token: 't' }, 'claimToken'],
      ['begin', { token: 1, claimToken: 'c' }, 'token'],
      ['outcome', { token: 't', status: 'done' }, 'status'],
      ['outcome', { token: 't', status: 'failed', error_code: 'a b' }, 'error_code'],
    ];
    for (const [name, body, place] of malformed) {
      it(`${name}: refuses ${JSON.stringify(body)?.slice(0, 60)} at ${place}`, async () => {
        const { ask, open } = setup();
        const { status, json } = await ask(name, { id: await open(1), body });
        expect(status).to.equal(400);
        expect(json['message']).to.contain(place);
      });
    }
  });

  describe('POST /v1/decision/{id}/consume and /begin', () => {
    const use = (over: object = {}): object => ({ digest: DIGEST, bindingBase: BASE, token: 't', ...over });

    it('use an approval up once: the same token again is the same use, and another claim begins no more', async () => {
      const { ask, approved } = setup();
      const id = await approved();
      const begin = (token: string, claimToken: string): Promise<TestAnswer> => ask('begin', { id, body: { token, claimToken } });
      expect((await begin('t', 'c')).json).to.deep.equal({ begun: false, code: 'approval_not_consumed' });
      expect((await ask('consume', { id, body: use() })).json).to.deep.equal({ consumed: true });
      expect((await ask('consume', { id, body: use() })).json).to.deep.equal({ consumed: true });
      const other = await diagnosed(async () => {
        expect((await ask('consume', { id, body: use({ token: 'u' }) })).json).to.deep.equal({
          consumed: false,
          code: 'approval_already_consumed',
        });
      });
      expect(securityCodes(other)).to.deep.equal(['approval_already_consumed']);
      expect((await begin('u', 'c')).json).to.deep.equal({ begun: false, code: 'approval_not_consumed' });
      expect((await begin('t', 'c')).json).to.deep.equal({ begun: true });
      expect((await begin('t', 'c')).json).to.deep.equal({ begun: true });
      expect((await begin('t', 'c2')).json).to.deep.equal({ begun: false, code: 'approval_already_begun' });
    });

    it('are refused for a call that differs in its params or its binding', async () => {
      const { ask, approved } = setup();
      const id = await approved();
      for (const over of [{ digest: 'a'.repeat(64) }, { bindingBase: 'a'.repeat(64) }])
        expect((await ask('consume', { id, body: use(over) })).json).to.deep.equal({ consumed: false, code: 'approval_mismatch' });
      expect((await ask('consume', { id, body: use() })).json).to.deep.equal({ consumed: true });
    });

    it('say why not: no verdict yet, denied, withdrawn, expired, gone meanwhile', async () => {
      const { ask, open, approved, tenant } = setup();
      const code = async (id: string): Promise<unknown> => (await ask('consume', { id, body: use() })).json['code'];
      expect(await code(await open(1))).to.equal('approval_not_given');
      const denied = await open(1);
      await tenant.desk.deny(denied, { by: 'rita' });
      expect(await code(denied)).to.equal('approval_denied');
      time.tick(5 * MINUTE);
      const gone = await approved();
      expect((await ask('withdraw', { id: gone })).status).to.equal(204);
      expect(await code(gone)).to.equal('approval_withdrawn');
      const left = await approved();
      expect((await ask('expire', { id: left })).status).to.equal(204);
      expect(await code(left)).to.equal('approval_expired');
      const late = await approved();
      time.tick(86_400_000);
      expect(await code(late)).to.equal('approval_expired');
      const deleted = await approved();
      tenant.desk.consume = () => {
        tenant.store.prune(Infinity);
        return false;
      };
      expect(await code(deleted)).to.equal('approval_unknown');
    });

    it('bind an approval to its tenant: but for `default`, which is that of programs without a server', async () => {
      for (const [id, tenantId] of [
        ['default', null],
        ['two', 'two'],
      ] as const) {
        const { ask, approved, tenant } = setup({}, id);
        const decisionId = await approved();
        const record = await tenant.desk.get(decisionId);
        expect(record?.bindingDigest).to.equal(bindingDigest({ bindingBase: BASE, digest: DIGEST }, tenantId));
        expect((await ask('consume', { id: decisionId, body: use() })).json).to.deep.equal({ consumed: true });
      }
    });

    it('give an approval to one of 64 that try at once', async () => {
      const { ask, approved } = setup();
      const id = await approved();
      const all = await Promise.all(Array.from({ length: 64 }, (_, i) => ask('consume', { id, body: use({ token: `t${i}` }) })));
      expect(all.filter(({ json }) => json['consumed'] === true)).to.have.length(1);
    });
  });

  describe('POST /v1/decision/{id}/outcome', () => {
    const say = (status: string, token = 't', error_code?: string) => ({ body: { token, status, error_code } });

    it('keeps how the run ended: the first word stands, but for unknown, and the same word again is the same', async () => {
      const { ask, used, tenant } = setup();
      const id = await used();
      expect((await ask('outcome', { id, ...say('unknown') })).status).to.equal(204);
      time.tick(1_000);
      expect(await ask('outcome', { id, ...say('failed', 't', 'E_DISK') })).to.deep.include({ status: 204, text: '' });
      expect((await ask('outcome', { id, ...say('failed') })).status).to.equal(204);
      for (const other of ['completed', 'unknown']) {
        const { status, json } = await ask('outcome', { id, ...say(other) });
        expect(status).to.equal(409);
        expect(json).to.include({ error: 'outcome_conflict' });
      }
      const record = await tenant.desk.get(id);
      expect(record?.outcome).to.deep.equal({ status: 'failed', errorCode: 'E_DISK', atMs: 1_700_000_001_000 });
    });

    it('is refused from who did not use the approval up', async () => {
      const { ask, used, approved } = setup();
      expect((await ask('outcome', { id: await used(), ...say('completed', 'u') })).status).to.equal(409);
      expect((await ask('outcome', { id: await approved(), ...say('completed') })).status).to.equal(409);
    });

    it('keeps one of many words that come at once', async () => {
      const { ask, used } = setup();
      const id = await used();
      const words = ['unknown', 'failed', 'completed', 'failed', 'unknown', 'completed'];
      const statuses = await Promise.all(words.map(async (word) => (await ask('outcome', { id, ...say(word) })).status));
      expect(new Set(statuses)).to.deep.equal(new Set([204, 409]));
      const last = await Promise.all(['failed', 'completed'].map(async (word) => (await ask('outcome', { id, ...say(word) })).status));
      expect(last.sort((a, b) => a - b)).to.deep.equal([204, 409]);
    });

    it('tries again where another server was first', async () => {
      const { ask, used, tenant } = setup();
      const id = await used();
      const { approvals } = tenant;
      const replace = approvals.replace.bind(approvals);
      approvals.replace = async (record, version) => {
        approvals.replace = replace;
        await replace({ ...record, outcome: { status: 'unknown', atMs: 1 } }, version);
        return replace(record, version);
      };
      expect((await ask('outcome', { id, ...say('completed') })).status).to.equal(204);
      expect((await tenant.desk.get(id))?.outcome).to.include({ status: 'completed' });
    });
  });

  describe('An approval for a client that cannot use it up, such as the Python SDK', () => {
    it('is used by telling the client of it, and told again for five minutes', async () => {
      const { ask, old, tenant } = setup();
      const id = await old();
      expect((await ask('status', { id })).json).to.include({ status: 'PENDING', effect: 'approval_needed', consumed: false });
      await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
      const first = await ask('status', { id });
      expect(first.json).to.include({ status: 'OK', effect: 'allow', outcome: 'approved', consumed: true });
      expect((await tenant.desk.get(id))?.consumed?.token).to.equal('answer');
      time.tick(5 * MINUTE);
      expect((await ask('status', { id })).json).to.include({ status: 'OK', effect: 'allow' });
      time.tick(1);
      expect((await ask('status', { id })).json).to.include({ status: 'OK', effect: 'deny', outcome: 'expired' });
    });

    it('is told to all that ask at once as one use', async () => {
      const { ask, old, tenant } = setup();
      const id = await old();
      await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
      const all = await Promise.all(Array.from({ length: 20 }, () => ask('status', { id })));
      for (const { json } of all) expect(json).to.include({ effect: 'allow', consumed: true });
      expect((await tenant.desk.get(id))?.version).to.equal(3);
    });

    const changes: readonly (readonly [what: string, policies: string, effect: string])[] = [
      ['the same ones', POLICIES, 'allow'],
      ['ones that permit it without a person', '@id("all") permit (principal, action, resource);', 'allow'],
      ['ones that deny it', '@id("no") forbid (principal, action, resource);', 'deny'],
      ['ones that ask for another reason', POLICIES.replace('a person looks at refunds', 'two people look'), 'deny'],
      [
        'ones that change its params',
        '@id("all") permit (principal, action, resource); @id("s") @effect("sanitize") @sanitize("set /amount 2") forbid (principal, action, resource) when { context.input.amount == 1 };',
        'deny',
      ],
    ];
    for (const [what, text, effect] of changes) {
      it(`is told under policies that have changed to ${what}: ${effect}`, async () => {
        const before = setup();
        const id = await before.old();
        await before.tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
        const tenant = tenantOf({ policies: { text } }, 'default', { approvals: before.tenant.store });
        const ask = sender(tenant, before.routes);
        expect((await ask('status', { id })).json).to.include({ status: 'OK', effect });
        // what was once denied stays so, and nobody else is asked
        expect((await before.ask('status', { id })).json).to.include({ status: 'OK', effect });
        expect(await tenant.desk.list()).to.deep.equal([]);
      });
    }

    it('is not told by a list of statuses without being used, nor used up by hand', async () => {
      const { ask, old, tenant } = setup();
      const id = await old();
      await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
      const { json } = await ask('consume', { id, body: { digest: DIGEST, bindingBase: BASE, token: 't' } });
      expect(json).to.deep.equal({ consumed: false, code: 'approval_mismatch' });
      const all = await ask('statuses', { body: { ids: [id] } });
      expect((all.json['statuses'] as readonly object[])[0]).to.include({ effect: 'allow', consumed: true });
      expect((await tenant.desk.get(id))?.consumed?.token).to.equal('answer');
    });

    describe('told to one client only: whoever computes what the server binds it to gets no second licence', () => {
      const session = 'none';
      const base = canonicalDigest(['aegis answer 1', 'bot', 'refund', 'refund', DIGEST, session]);
      const body = { agent_id: 'bot', tool: { name: 'refund', params: PARAMS }, session: null };
      const CONSUMING = { ...NEW, 'X-AEGIS-BINDING': base };

      for (const [what, headers] of [
        ['a client that cannot use it up', {}],
        ['one that says that it can', CONSUMING],
      ] as const)
        it(`by deciding it again for ${what}`, async () => {
          const { ask, old, tenant } = setup();
          const id = await old();
          await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
          const again = await ask('reevaluate', { id, body, headers });
          expect(again.json.final_decision['effect']).to.equal('approval_needed');
          expect(again.json['decision_id']).to.not.equal(id);
          expect((await tenant.desk.get(id))?.consumed).to.equal(undefined);
          expect((await ask('status', { id })).json).to.include({ effect: 'allow', consumed: true });
          const afterwards = await ask('reevaluate', { id, body, headers });
          expect(afterwards.json.final_decision['effect']).to.equal('approval_needed');
        });

      it('by asking to use it up, before or after it was told', async () => {
        const { ask, old, tenant } = setup();
        const id = await old();
        await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
        for (const token of ['t', 'answer']) {
          const use = await ask('consume', { id, body: { digest: DIGEST, bindingBase: base, token } });
          expect(use.json).to.deep.equal({ consumed: false, code: 'approval_mismatch' });
        }
        expect((await ask('status', { id })).json).to.include({ effect: 'allow', consumed: true });
        for (const token of ['t', 'answer']) {
          const use = await ask('consume', { id, body: { digest: DIGEST, bindingBase: base, token } });
          expect(use.json).to.include({ consumed: false });
          const begun = await ask('begin', { id, body: { token, claimToken: 'c' } });
          expect(begun.json).to.include({ begun: false });
        }
        expect((await tenant.desk.get(id))?.begun?.claimToken).to.match(/^told_[\w-]{22}$/);
      });
    });

    it('is refused by code that does not know that telling is using', async () => {
      const { old, tenant } = setup();
      const record = await tenant.desk.get(await old());
      expect(record?.requires).to.deep.equal(['binding', 'begin', 'answer']);
      expect(record?.usedByAnswer).to.equal(true);
    });

    it('is not told of one that is gone while it is used up', async () => {
      const { ask, old, tenant } = setup();
      const id = await old();
      await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
      tenant.desk.answer = () => {
        tenant.store.prune(Infinity);
        return true;
      };
      expect((await ask('status', { id })).json).to.include({ status: 'PENDING', effect: 'approval_needed' });
      expect((await ask('status', { id })).status).to.equal(404);
    });

    it('is told under policies on groups of tools, which the server knows', async () => {
      const text = `@id("all") permit (principal, action, resource);
        @id("money") @effect("approval_needed") forbid (principal, action in Aegis::Action::"money", resource);`;
      const { ask, old, tenant } = setup({ policies: { text }, tools: { refund: { groups: ['money'] } } });
      const id = await old();
      await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
      expect((await ask('status', { id })).json).to.include({ effect: 'allow', consumed: true });
    });

    it('with a param that a policy changes runs those that were approved, where the client can apply them', async () => {
      const { ask, tenant } = setup();
      const headers = { 'X-AEGIS-CAPABILITIES': 'effective-digest' };
      const body = { agent_id: 'bot', tool: { name: 'refund', params: { amount: 1, note: 'secret' } }, session: null };
      const id = String((await ask('decide', { body, headers })).json['decision_id']);
      await tenant.desk.approve(id, { by: 'rita', digest: canonicalDigest({ amount: 1, note: '[redacted]' }) });
      expect((await ask('status', { id })).json).to.include({ effect: 'allow', consumed: true });
    });
  });
});

function setup(options: Parameters<typeof tenantOf>[0] = {}, tenantId = 'default') {
  const tenant = tenantOf(options, tenantId);
  const routes = [...decisionRoutes(), ...approvalUseRoutes()];
  const ask = sender(tenant, routes);
  const opened = async (amount: number, over: TestRequest): Promise<string> => {
    const body = { agent_id: 'bot', tool: { name: 'refund', params: { amount } }, session: null };
    const { json } = await ask('decide', { body, ...over });
    expect(json.final_decision['effect']).to.equal('approval_needed');
    return String(json['decision_id']);
  };
  return {
    tenant,
    routes,
    ask,
    /** By a client that can use approvals up. */
    open: (amount: number) => opened(amount, { headers: NEW }),
    async approved() {
      const id = await opened(1, { headers: NEW });
      await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
      return id;
    },
    async used() {
      const id = await opened(1, { headers: NEW });
      await tenant.desk.approve(id, { by: 'rita', digest: DIGEST });
      await ask('consume', { id, body: { digest: DIGEST, bindingBase: BASE, token: 't' } });
      return id;
    },
    /** By a client that cannot. */
    old: () => opened(1, {}),
  };
}
