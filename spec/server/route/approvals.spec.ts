import { expect } from 'chai';
import sinon from 'sinon';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { writeJsonHeader } from '../../../lib/decision/wire/jsonHeader.js';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import { approvalRoutes } from '../../../lib/server/route/approvals.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { verdictRoutes } from '../../../lib/server/route/verdicts.js';
import { POLICIES, sender, tenantOf } from '../tenantSetup.js';
import type { TestAnswer, TestRequest } from '../tenantSetup.js';

const NEW = { 'X-AEGIS-CAPABILITIES': PLAIN_CLIENT.join(','), 'X-AEGIS-BINDING': 'b'.repeat(64) };
const HOST: Partial<TestRequest> = { caller: { kind: 'host', id: 'host:olga' } };

describe('The routes of approvals', () => {
  let time: sinon.SinonFakeTimers;
  beforeEach(() => {
    time = sinon.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  });
  afterEach(() => time.restore());

  describe('GET /v1/approvals', () => {
    it('lists cards, newest first, without params, page by page', async () => {
      const { open, list, ask } = setup();
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) {
        ids.unshift(await open('bot', { canary: `param-canary-${i}` }));
        time.tick(1);
      }
      const first = await list('limit=2');
      expect(first.approvals).to.have.length(2);
      const rest = await list(`limit=200&cursor=${encodeURIComponent(String(first.cursor))}`);
      expect([...first.approvals, ...rest.approvals].map((one) => one['decision_id'])).to.deep.equal(ids);
      expect(rest.cursor).to.equal(null);
      expect(first.approvals[0]).to.deep.equal({
        decision_id: ids[0],
        status: 'pending',
        agent_id: 'bot',
        tool: 'refund',
        requester: 'bot',
        requester_known: false,
        reason: 'a person looks at refunds',
        digest: canonicalDigest({ canary: 'param-canary-4' }),
        refusals: 0,
        version: 1,
        created_at: new Date(1_700_000_000_004).toISOString(),
        expires_at: new Date(1_700_086_400_004).toISOString(),
        consumed: false,
        outcome: null,
        policies: [{ id: 'refund', severity: null }],
        decided: null,
      });
      expect((await ask('listApprovals')).text).to.not.contain('canary');
    });

    it('selects by status, agent, tool and text', async () => {
      const { open, list, tenant } = setup();
      const [a, b] = [await open('bot', { n: 1 }), await open('robot', { n: 2 })];
      await tenant.desk.deny(b, { by: 'rita' });
      const ids = async (query: string): Promise<unknown[]> => (await list(query)).approvals.map((one) => one['decision_id']);
      expect(await ids('status=pending')).to.deep.equal([a]);
      expect(await ids('status=denied')).to.deep.equal([b]);
      expect(await ids('agent=robot')).to.deep.equal([b]);
      expect(await ids('tool=refund')).to.have.members([a, b]);
      expect(await ids('tool=read')).to.deep.equal([]);
      expect(await ids('q=ROBOT')).to.deep.equal([b]);
      expect(await ids(`q=${a}`)).to.deep.equal([a]);
      expect((await list('status=denied')).approvals[0]?.['decided']).to.deep.equal({
        by: 'rita',
        at: new Date(1_700_000_000_000).toISOString(),
      });
    });

    it('shows one that is over as expired, before any server has written that down, and reads nothing into being', async () => {
      const { open, list, tenant } = setup();
      const id = await open('bot', { n: 1 });
      const version = (await tenant.approvals.get(id))?.version;
      time.tick(86_400_000);
      expect((await list('')).approvals[0]).to.include({ status: 'expired' });
      expect((await list('status=pending')).approvals).to.deep.equal([]);
      expect((await tenant.approvals.get(id))?.version).to.equal(version);
    });

    it('lists those of the agents that the key speaks for, and of no one for a key of none', async () => {
      const { open, list } = setup();
      const a = await open('bot', { n: 1 });
      await open('robot', { n: 2 });
      const ids = async (agents: readonly string[]): Promise<unknown[]> =>
        (await list('', { caller: { agents } })).approvals.map((one) => one['decision_id']);
      expect(await ids(['bot'])).to.deep.equal([a]);
      expect(await ids(['bot', 'robot'])).to.have.length(2);
      expect(await ids([])).to.deep.equal([]);
    });

    const wrong: readonly (readonly [query: string, words: string])[] = [
      ['status=pendin', 'did you mean'],
      ['status=', 'one of pending'],
      ['limit=0', '1 to 200'],
      ['limit=201', '1 to 200'],
      ['limit=1e2', '1 to 200'],
      ['limit=', '1 to 200'],
      ['agent=', '256 characters'],
      [`agent=${'x'.repeat(257)}`, '256 characters'],
      ['tool=a%20b', 'tool name'],
      ['q=', '256 characters'],
      ['cursor=', 'earlier page'],
      [`cursor=${'x'.repeat(513)}`, 'earlier page'],
    ];
    for (const [query, words] of wrong) {
      it(`refuses ?${query.slice(0, 30)}, naming the parameter`, async () => {
        const { ask } = setup();
        const { status, json } = await ask('listApprovals', { query });
        expect(status).to.equal(400);
        expect(json).to.include({ error: 'invalid_request', field: query.split('=')[0] });
        expect(json['message']).to.contain(words);
      });
    }

    it('takes every limit from 1 to 200, and a cursor that no page gave is followed by nothing', async () => {
      const { list, open } = setup();
      await open('bot', { n: 1 });
      for (const limit of [1, 9, 10, 99, 100, 199, 200]) expect((await list(`limit=${limit}`)).approvals).to.have.length(1);
      expect((await list('cursor=nonsense')).approvals).to.deep.equal([]);
    });
  });

  describe('GET /v1/approvals/{id}', () => {
    it('gives all that a person has to see, with the types of values that JSON has no form for', async () => {
      const { ask, tenant, opened } = setup({
        policies: { text: POLICIES.replace('@id("refund")', '@id("refund") @severity("high") @approvers("leads")') },
        approverGroups: { leads: ['rita'] },
      });
      const types = writeJsonHeader('', { '/params/at': 'date', '/params/n': 'bigint', '/session/since': 'date' });
      const at = '2026-01-31T12:00:00.000Z';
      const headers = {
        ...NEW,
        'X-AEGIS-TYPES': types,
        'X-AEGIS-GUARD-KEY': writeJsonHeader('', 'g1'),
        'X-AEGIS-OPAQUE': writeJsonHeader('', ['file']),
      };
      const id = await opened('bot', { at, n: '7', note: 'secret' }, { headers, session: { user_id: 'ann', since: at } });
      await tenant.desk.deny(id, { by: 'rita', reason: 'too much', assurance: 'host' });
      time.tick(1);
      const next = await opened('bot', { at, n: '8', note: 'secret' }, { headers, session: { user_id: 'ann', since: at } });
      const { status, json } = await ask('readApproval', { id: next, ...HOST });
      expect(status).to.equal(200);
      const { digest, original_digest, ...rest } = json as Record<string, unknown>;
      expect(digest).to.equal(canonicalDigest({ at: new Date(at), n: 8n, note: '[redacted]' }));
      expect(original_digest).to.equal(canonicalDigest({ at: new Date(at), n: 8n, note: 'secret' }));
      expect(rest).to.deep.equal({
        decision_id: next,
        status: 'pending',
        amendments: [],
        editable: [],
        agent_id: 'bot',
        tool: 'refund',
        requester: 'ann',
        requester_known: false,
        reason: 'a person looks at refunds',
        refusals: 1,
        version: 1,
        created_at: new Date(1_700_000_000_001).toISOString(),
        expires_at: new Date(1_700_086_400_001).toISOString(),
        consumed: false,
        guard_key: 'g1',
        params: { at, n: '8', note: '[redacted]' },
        original_params: { at, n: '8', note: 'secret' },
        types: {
          '/params/at': 'date',
          '/params/n': 'bigint',
          '/original_params/at': 'date',
          '/original_params/n': 'bigint',
          '/session/since': 'date',
        },
        opaque: ['file'],
        hidden: [],
        preview: null,
        session: { user_id: 'ann', since: at },
        facts: {},
        message: 'no notes',
        policies: [
          {
            id: 'refund',
            severity: 'high',
            reason: 'a person looks at refunds',
            approvers: ['leads'],
            requester_may: false,
            quorum: 1,
            distinct: false,
            escalate: [],
          },
        ],
        verdicts: [],
        begun: false,
        outcome: null,
        may_decide: true,
        viewer: {
          may: true,
          may_deny: true,
          why: null,
          policies: ['refund'],
          needs: { assurance: 'code', code: true, reason: 'needed', passkey: false },
          yes_so_far: 0,
          seats: [{ policy: 'refund', needed: 1, filled_by: [] }],
          last_yes: true,
        },
      });
      const denied = await ask('readApproval', { id });
      expect(denied.json['verdicts']).to.deep.equal([
        {
          approve: false,
          by: 'rita',
          reason: 'too much',
          at: new Date(1_700_000_000_000).toISOString(),
          name: null,
          groups: null,
          groups_from: null,
          assurance: 'host',
          signed: false,
          grant_id: null,
          policies: ['refund'],
        },
      ]);
      expect(denied.json).to.include({ may_decide: false, viewer: null });
    });

    it('says that a key may decide nothing, and that the operator of the host may not decide what is settled', async () => {
      const { ask, open } = setup();
      const id = await open('bot', { n: 1 });
      expect((await ask('readApproval', { id })).json['may_decide']).to.equal(false);
      expect((await ask('readApproval', { id, ...HOST })).json['may_decide']).to.equal(true);
      await ask('withdraw', { id });
      expect((await ask('readApproval', { id, ...HOST })).json['may_decide']).to.equal(false);
    });

    it('says whether it was used, and has begun', async () => {
      const { ask, open, tenant } = setup();
      const id = await open('bot', { n: 1 });
      const digest = canonicalDigest({ n: 1 });
      await tenant.desk.approve(id, { by: 'rita', digest });
      await ask('consume', { id, body: { digest, bindingBase: 'b'.repeat(64), token: 't' } });
      await ask('begin', { id, body: { token: 't', claimToken: 'c' } });
      expect((await ask('readApproval', { id })).json).to.include({ status: 'approved', consumed: true, begun: true });
    });

    it('is the 404 of an unknown id for an agent that the key does not speak for', async () => {
      const { ask, open } = setup();
      const id = await open('bot', { n: 1 });
      const foreign = await ask('readApproval', { id, caller: { agents: ['other'] } });
      expect(foreign.status).to.equal(404);
      expect(foreign.text).to.equal((await ask('readApproval', { id: 'dec_x' })).text);
    });
  });

  describe('POST /v1/approvals/{id}/verdict', () => {
    const digest = canonicalDigest({ n: 1 });

    it('records the verdict of the operator of the host, on what was shown', async () => {
      const { verdict, open, tenant } = setup();
      const [yes, no] = [await open('bot', { n: 1 }), await open('bot', { n: 1 })];
      const approved = await verdict(yes, { verdict: 'approve', digest, reason: 'fine' });
      expect(approved.status).to.equal(200);
      expect(approved.json).to.include({ decision_id: yes, status: 'approved', may_decide: false });
      expect((await tenant.desk.get(yes))?.verdicts[0]).to.include({ by: 'host:olga', reason: 'fine', assurance: 'host', approve: true });
      expect((await verdict(no, { verdict: 'deny', digest })).json).to.include({ status: 'denied' });
    });

    it('is refused for another digest than was shown, and changes nothing', async () => {
      const { verdict, open, tenant } = setup();
      const id = await open('bot', { n: 1 });
      for (const word of ['approve', 'deny']) {
        const { status, json } = await verdict(id, { verdict: word, digest: 'a'.repeat(64) });
        expect(status).to.equal(409);
        expect(json).to.include({ error: 'digest_mismatch' });
        expect(json['stands']).to.deep.equal({ status: 'pending', by: null, at: null, reason: null });
      }
      expect((await tenant.desk.get(id))?.version).to.equal(1);
    });

    it('says what stands where it comes too late', async () => {
      const { verdict, open, ask } = setup();
      const [approved, withdrawn, expired] = [await open('bot', { n: 1 }), await open('bot', { n: 1 }), await open('bot', { n: 1 })];
      await verdict(approved, { verdict: 'approve', digest });
      await ask('withdraw', { id: withdrawn });
      time.tick(86_400_000);
      for (const [id, what] of [
        [approved, 'expired'],
        [withdrawn, 'withdrawn'],
        [expired, 'expired'],
      ] as const) {
        const { status, json } = await verdict(id, { verdict: 'deny', digest });
        expect(status).to.equal(409);
        expect(json).to.include({ error: `already_${what}` });
        expect(json['message']).to.contain(`already ${what}`);
        const at = what === 'expired' ? new Date(1_700_086_400_000).toISOString() : null;
        expect(json['stands']).to.deep.equal({ status: what, by: null, at, reason: null });
      }
    });

    it('says who decided, when and why, to whoever is second', async () => {
      const { verdict, open } = setup();
      for (const [word, reason] of [
        ['approve', 'a regular'],
        ['deny', undefined],
      ] as const) {
        const id = await open('bot', { n: 1 });
        await verdict(id, { verdict: word, digest, reason });
        const at = new Date().toISOString();
        time.tick(1_000);
        const { status, json } = await verdict(id, { verdict: 'deny', digest });
        expect(status).to.equal(409);
        const stood = { status: word === 'approve' ? 'approved' : 'denied', by: 'host:olga', at, reason: reason ?? null };
        expect(json['stands']).to.deep.equal(stood);
      }
    });

    it('gives one of many at once its way', async () => {
      const { verdict, open } = setup();
      const id = await open('bot', { n: 1 });
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, i) => verdict(id, { verdict: i % 2 === 0 ? 'approve' : 'deny', digest })),
      );
      expect(all.filter(({ status }) => status === 200)).to.have.length(1);
      expect(all.filter(({ status }) => status === 409)).to.have.length(19);
    });

    it('is enough up to high, not for critical, and never for an empty group or the own request', async () => {
      const cases = [
        ['@severity("high")', {}, 200, undefined],
        ['@severity("critical")', {}, 403, 'assurance_too_low'],
        ['@approvers("leads")', { approverGroups: { leads: ['ann'] } }, 200, undefined],
        ['@approvers("leads")', { approverGroups: { leads: [] } }, 403, 'not_an_approver'],
        ['@approvers("leads")', {}, 403, 'not_an_approver'],
      ] as const;
      for (const [annotation, options, status, error] of cases) {
        const text = POLICIES.replace('@id("refund")', `@id("refund") ${annotation}`);
        const { verdict, open } = setup({ policies: { text }, ...options });
        const answer = await verdict(await open('bot', { n: 1 }), { verdict: 'approve', digest });
        expect([answer.status, answer.json['error']]).to.deep.equal([status, error]);
      }
      const { verdict, opened } = setup();
      const own = await opened('bot', { n: 1 }, { session: { user_id: 'host:olga' } });
      expect((await verdict(own, { verdict: 'approve', digest })).json).to.include({ error: 'self_approval' });
    });

    it('is the 404 of an unknown id for another tenant', async () => {
      const { open, routes } = setup();
      const id = await open('bot', { n: 1 });
      const other = sender(tenantOf({}, 'two'), routes);
      const { status, json } = await other('giveVerdict', { id, body: { verdict: 'approve', digest }, ...HOST });
      expect(status).to.equal(404);
      expect(json).to.include({ error: 'resource_not_found' });
    });

    for (const body of [
      undefined,
      {},
      { verdict: 'yes', digest },
      { verdict: 'approve' },
      { verdict: 'approve', digest: 'x' },
      { verdict: 'deny', digest, by: 'ann' },
      { verdict: 'deny', digest, reason: 'x'.repeat(10_001) },
    ]) {
      it(`is refused as ${JSON.stringify(body)?.slice(0, 50)}`, async () => {
        const { verdict, open } = setup();
        expect((await verdict(await open('bot', { n: 1 }), body)).status).to.equal(400);
      });
    }
  });
});

function setup(options: Parameters<typeof tenantOf>[0] = {}) {
  const tenant = tenantOf(options);
  const routes = [...decisionRoutes(), ...approvalUseRoutes(), ...approvalRoutes(), ...verdictRoutes()];
  const ask = sender(tenant, routes);
  const opened = async (
    agent_id: string,
    params: object,
    { headers = NEW, session = null }: { headers?: Readonly<Record<string, string>>; session?: object | null } = {},
  ): Promise<string> => {
    const { json } = await ask('decide', { body: { agent_id, tool: { name: 'refund', params }, session }, headers });
    expect(json.final_decision['effect']).to.equal('approval_needed');
    return String(json['decision_id']);
  };
  return {
    tenant,
    routes,
    ask,
    opened,
    open: async (agent: string, params: object) => opened(agent, params),
    async list(query: string, over: TestRequest = {}) {
      const { status, json } = await ask('listApprovals', { query, ...over });
      expect(status).to.equal(200);
      return json as unknown as { readonly approvals: readonly Record<string, unknown>[]; readonly cursor: string | null };
    },
    verdict: (id: string, body: unknown): Promise<TestAnswer> => ask('giveVerdict', { id, body, ...HOST }),
  };
}
