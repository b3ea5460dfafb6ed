import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import type { GrantInput } from '../../../lib/model/terms/Grant.js';
import { rejection } from '../../support/rejection.js';
import { asked, call, decide, granted, grantModule, GRANTABLE, LOOSE, REFUND } from './grantSetup.js';

describe('Grants', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => (clock = useFakeTimers({ now: 1_000_000, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })));
  afterEach(() => clock.restore());

  it('let the next ten calls like the approved one run, and ask about the eleventh', async () => {
    await using aegis = grantModule();
    await granted(aegis, { uses: 10 });
    let runs = 0;
    const outcomes: string[] = [];
    for (let i = 0; i < 11; i++) outcomes.push(await call(aegis, i * 10, () => (runs += 1)));
    expect(outcomes).to.deep.equal([...Array<string>(10).fill('ran'), 'pending']);
    expect(runs).to.equal(10);
    expect(await aegis.approvals.list()).to.have.lengthOf(1);
  });

  it('name themselves in the decision, which names no approval', async () => {
    await using aegis = grantModule();
    const { id } = await granted(aegis);
    const decision = await decide(aegis, { ...REFUND, amount: 3 });
    expect(decision).to.include({ effect: 'allow', grantId: id }).and.not.have.property('approvalId');
    expect((await aegis.grants.get(id))?.used).to.equal(1);
  });

  it('are looked at, and not used, by a decision on no call', async () => {
    await using aegis = grantModule();
    const { id } = await granted(aegis);
    const decision = await aegis.decide({ agentId: 'bot', toolName: 'refund', params: { ...REFUND } });
    expect(decision).to.include({ effect: 'allow', grantId: id });
    expect((await aegis.grants.get(id))?.used).to.equal(0);
  });

  describe('cover nothing', () => {
    const others: readonly (readonly [what: string, params: Record<string, unknown>, more?: Parameters<typeof decide>[2]])[] = [
      ['above the upper bound', { ...REFUND, amount: 101 }],
      ['below the lower bound', { ...REFUND, amount: -1 }],
      ['between two whole numbers', { ...REFUND, amount: 39.5 }],
      ['of another value', { ...REFUND, to: 'bob@example.com' }],
      ['of another kind of value', { ...REFUND, amount: '40' }],
      ['with a param less', { amount: 40, currency: 'EUR' }],
      ['with a param more', { ...REFUND, note: 'x' }],
      ['with a param that is null', { ...REFUND, to: null }],
      ['of another guard', { ...REFUND }, { guardKey: 'other' }],
      ['with a session', { ...REFUND }, { session: { user_id: 'u1' } }],
    ];
    for (const [what, params, more] of others)
      it(what, async () => {
        await using aegis = grantModule();
        await granted(aegis);
        const { effect, grantId } = await decide(aegis, params, more);
        expect(effect).to.not.equal('allow');
        expect(grantId).to.equal(undefined);
      });

    it('once their time has passed', async () => {
      await using aegis = grantModule();
      await granted(aegis, { forMs: 60_000 });
      clock.tick(59_999);
      expect(await call(aegis, 1)).to.equal('ran');
      clock.tick(1);
      expect(await call(aegis, 2)).to.equal('pending');
    });

    it('that a limit counts: a person is asked, and the call is counted when its approval is used', async () => {
      const limit = (over: string): string =>
        `@id("few") @effect("limit") @limit("${over}") forbid (principal, action, resource) when { context.input.amount > 50 };`;
      for (const [over, outcome] of [
        ['1/1d', 'pending'],
        ['0.5/1d', 'denied'],
      ] as const) {
        await using aegis = grantModule({ policies: { text: GRANTABLE + limit(over) } });
        const { id } = await granted(aegis);
        expect(await call(aegis, 1), 'not counted').to.equal('ran');
        expect(await call(aegis, 60)).to.equal(outcome);
        expect(await aegis.decide({ agentId: 'bot', toolName: 'refund', params: { ...REFUND, amount: 60 } })).to.not.have.property(
          'grantId',
        );
        expect(await aegis.limits.list()).to.deep.equal([]);
        expect((await aegis.grants.get(id))?.used).to.equal(1);
      }
    });

    it('once they are revoked, which is a record and no deletion', async () => {
      await using aegis = grantModule();
      const { id } = await granted(aegis);
      const revoked = await aegis.grants.revoke(id, { by: 'bob', reason: 'enough' });
      expect(revoked.revoked).to.include({ by: 'bob', reason: 'enough' });
      expect(await call(aegis, 1)).to.equal('pending');
      expect(await aegis.grants.get(id)).to.deep.equal(revoked);
      expect(await aegis.grants.revoke(id, { by: 'eve' })).to.deep.equal(revoked);
      expect(await rejection(aegis.grants.revoke('grt_none', { by: 'bob' }))).to.include({ status: 404, code: 'grant_not_found' });
      expect(await rejection(aegis.grants.revoke(id, { by: ' ' }))).to.include({ status: 400 });
      expect(await rejection(aegis.grants.revoke(id, { who: 'bob' } as never))).to.include({ code: 'invalid_config' });
    });

    it('of an agent or a tool whose call a person refused lately', async () => {
      await using aegis = grantModule();
      const other = await asked(aegis, { ...REFUND, amount: 500 });
      const { id } = await granted(aegis);
      await aegis.approvals.deny(other.decisionId, { by: 'rita', reason: 'no' });
      expect(await call(aegis, 1)).to.equal('pending');
      // it would not have covered that call, so that it stays
      expect((await aegis.grants.get(id))?.revoked).to.equal(undefined);
      clock.tick(3_600_000 - 1);
      expect(await call(aegis, 2)).to.equal('pending');
    });

    it('for good once a person refuses a call that they cover', async () => {
      await using aegis = grantModule();
      const same = await asked(aegis, { ...REFUND, amount: 41 });
      const { id } = await granted(aegis, { forMs: 8 * 3_600_000 });
      await aegis.approvals.deny(same.decisionId, { by: 'bob' });
      expect((await aegis.grants.get(id))?.revoked).to.include({ by: 'bob' });
      clock.tick(2 * 3_600_000);
      expect(await call(aegis, 1)).to.equal('pending');
    });

    it('whose policy has another text', async () => {
      await using aegis = grantModule();
      const { id } = await granted(aegis);
      const row = await aegis.grants.get(id);
      expect(row?.lifts).to.have.lengthOf(1);
      expect(row?.lifts[0]).to.have.property('id', 'refund');
    });
  });

  describe('are made', () => {
    it('only where each policy that asks says @grantable', async () => {
      const text = GRANTABLE.replace('@grantable("50 uses; 8h")', '');
      await using aegis = grantModule({ policies: { text } });
      const { decisionId, digest } = await asked(aegis);
      const error = await rejection(aegis.approvals.approve(decisionId, { by: 'rita', digest, grant: LOOSE }));
      expect(error).to.include({ status: 403, code: 'not_grantable' });
      // it was not approved without the grant either
      expect((await aegis.approvals.get(decisionId))?.status).to.equal('pending');
    });

    const bad: readonly (readonly [what: string, input: unknown])[] = [
      ['no input', null],
      ['no uses', { forMs: 1_000 }],
      ['no uses at all', { ...LOOSE, uses: 0 }],
      ['parts of a use', { ...LOOSE, uses: 1.5 }],
      ['more uses than the policy allows', { ...LOOSE, uses: 51 }],
      ['a time of nothing', { ...LOOSE, forMs: 0 }],
      ['parts of a millisecond', { ...LOOSE, forMs: 1.5 }],
      ['longer than the policy allows', { ...LOOSE, forMs: 8 * 3_600_000 + 1 }],
      ['an option that does not exist', { ...LOOSE, loose: {} }],
      ['a pointer that is none', { ...LOOSE, loosen: { amount: 'any' } }],
      ['a pointer to nothing', { ...LOOSE, loosen: { '/note': 'any' } }],
      ['a pointer of a forbidden name', { ...LOOSE, loosen: { '/__proto__': 'any' } }],
      ['any number', { ...LOOSE, loosen: { '/amount': 'any' } }],
      ['an upper bound alone', { ...LOOSE, loosen: { '/amount': { '<=': 100 } } }],
      ['a lower bound alone', { ...LOOSE, loosen: { '/amount': { '>': 1 } } }],
      ['two upper bounds', { ...LOOSE, loosen: { '/amount': { '<=': 100, '<': 100 } } }],
      ['three bounds', { ...LOOSE, loosen: { '/amount': { '<=': 100, '>=': 1, '>': 1 } } }],
      ['bounds the other way round', { ...LOOSE, loosen: { '/amount': { '<=': 1, '>=': 100 } } }],
      ['a bound of too many decimals', { ...LOOSE, loosen: { '/amount': { '<=': 100.00001, '>=': 1 } } }],
      ['a bound that is no number', { ...LOOSE, loosen: { '/amount': { '<=': '100', '>=': 1 } } }],
      ['a range without the approved value', { ...LOOSE, loosen: { '/amount': { '<=': 39, '>=': 1 } } }],
      ['a list without the approved value', { ...LOOSE, loosen: { '/to': { in: ['bob@example.com'] } } }],
      ['an empty list', { ...LOOSE, loosen: { '/to': { in: [] } } }],
      ['a list of several kinds', { ...LOOSE, loosen: { '/to': { in: ['ann@example.com', 1] } } }],
      ['a list that is none', { ...LOOSE, loosen: { '/to': { in: 'ann@example.com' } } }],
      ['a list of 101', { ...LOOSE, loosen: { '/to': { in: Array.from({ length: 101 }, (_, i) => `a${i}`) } } }],
      ['a beginning without a delimiter', { ...LOOSE, loosen: { '/to': { startsWith: 'ann' } } }],
      ['a beginning that is a delimiter alone', { ...LOOSE, loosen: { '/to': { startsWith: '/' } } }],
      ['a look-alike in a list', { ...LOOSE, loosen: { '/to': { in: ['ann@example.com', 'ann@ex\u0430mple.com'] } } }],
      ['a hidden character in a list', { ...LOOSE, loosen: { '/to': { in: ['ann@example.com', 'ann@example.com\u200b'] } } }],
      ['an end without a delimiter', { ...LOOSE, loosen: { '/to': { endsWith: 'example.com' } } }],
      ['an end with ..', { ...LOOSE, loosen: { '/to': { endsWith: '@..example.com' } } }],
      ['an end that is no text', { ...LOOSE, loosen: { '/to': { endsWith: 7 } } }],
      ['an end that the value does not have', { ...LOOSE, loosen: { '/to': { endsWith: '@example.org' } } }],
      ['an unknown form', { ...LOOSE, loosen: { '/to': { like: '*' } } }],
      ['several forms', { ...LOOSE, loosen: { '/to': { endsWith: '@example.com', startsWith: 'ann@' } } }],
      ['no form', { ...LOOSE, loosen: { '/to': {} } }],
      ['a term that is a list', { ...LOOSE, loosen: { '/to': ['any'] } }],
      ['a session that is not there', { ...LOOSE, loosenSession: { '/user_id': 'any' } }],
      ['every requester, where there is none', { ...LOOSE, anyRequester: true }],
      ['facts that are not there', { ...LOOSE, loosenFacts: { '/x': 'any' } }],
    ];
    it(`in no other way than the input allows: ${bad.length} inputs`, async () => {
      await using aegis = grantModule();
      const { decisionId, digest } = await asked(aegis);
      for (const [what, input] of bad) {
        const given = { by: 'rita', digest, grant: input as GrantInput };
        const error = await rejection(aegis.approvals.approve(decisionId, given).then(() => expect.fail(what)));
        expect(error, what).to.include({ status: 400, code: 'invalid_grant' });
      }
      expect(await aegis.grants.list()).to.deep.equal([]);
      expect((await aegis.approvals.get(decisionId))?.status).to.equal('pending');
    });

    it('with a yes only', async () => {
      await using aegis = grantModule();
      const { decisionId, digest } = await asked(aegis);
      const error = await rejection(aegis.approvals.deny(decisionId, { by: 'rita', digest, grant: LOOSE }));
      expect(error).to.include({ status: 400, code: 'invalid_grant' });
    });

    it('once for an approval, and are told to the journal, with the act that ends them', async () => {
      const events: JournalEvent[] = [];
      await using aegis = grantModule({ journal: { note: (event) => events.push(event) } });
      const { id, fromDecision } = await granted(aegis);
      await aegis.grants.revoke(id, { by: 'bob' });
      await aegis.grants.revoke(id, { by: 'bob' });
      const told = events.filter((event) => event.kind === 'grant');
      expect(told.map(({ how, by }) => [how, by])).to.deep.equal([
        ['made', 'rita'],
        ['revoked', 'bob'],
      ]);
      expect(told[0]).to.include({ grantId: id, decisionId: fromDecision, agentId: 'bot', toolName: 'refund', maxUses: 10 });
      const [verdict] = (await aegis.approvals.get(fromDecision))?.verdicts ?? [];
      expect(verdict?.grant?.id).to.equal(id);
    });

    it('and are listed, and explained as Cedar', async () => {
      await using aegis = grantModule();
      const { id } = await granted(aegis);
      expect((await aegis.grants.list({ agentId: 'bot' })).map((one) => one.id)).to.deep.equal([id]);
      expect(await aegis.grants.list({ toolName: 'other' })).to.deep.equal([]);
      expect(await aegis.grants.list({ by: 'eve' })).to.deep.equal([]);
      expect(await aegis.grants.list({ active: true, agentId: 'bot', toolName: 'refund' })).to.have.lengthOf(1);
      expect(await aegis.grants.explain(id)).to.contain('context.input["amount"] >= 0 && context.input["amount"] <= 100');
      expect(await rejection(aegis.grants.explain('grt_none'))).to.include({ status: 404 });
      expect(await rejection(aegis.grants.list({ agent: 'bot' } as never))).to.include({ code: 'invalid_config' });
    });
  });
});
