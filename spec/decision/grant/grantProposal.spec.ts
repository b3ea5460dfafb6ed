import { expect } from 'chai';
import { proposeGrant } from '../../../lib/decision/grant/proposeGrant.js';
import type { GrantInput } from '../../../lib/model/terms/Grant.js';
import type { ApprovalCard } from '../../../lib/store/ApprovalStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { rejection } from '../../support/rejection.js';
import { asked, granted, grantModule, GRANTABLE, LOOSE, REFUND } from './grantSetup.js';

describe('A grant that is proposed', () => {
  it('says what it could loosen, and what it would have covered', async () => {
    await using aegis = grantModule();
    const { decisionId, digest } = await asked(aegis, { ...REFUND, tags: ['a'] });
    const loose = await aegis.grants.propose(decisionId, { loosen: LOOSE.loosen });
    expect(loose).to.deep.include({ decisionId, digest, ceiling: { uses: 50, forMs: 28_800_000 } });
    expect(loose.values).to.have.deep.members(Object.entries(REFUND).map(([name, value]) => ({ in: 'params', path: `/${name}`, value })));
    expect(loose.history).to.deep.equal({ asked: 0, covered: 0, refused: [], unclear: 0, unclearRefused: [] });
    const before = await asked(aegis, { ...REFUND, amount: 7 });
    await aegis.approvals.approve(before.decisionId, { by: 'rita', digest: before.digest });
    const refused = await asked(aegis, { ...REFUND, amount: 8 });
    await aegis.approvals.deny(refused.decisionId, { by: 'bob' });
    await asked(aegis, { ...REFUND, amount: 900 });
    const plain = await asked(aegis, { ...REFUND, amount: 9 });
    const { history, why } = await aegis.grants.propose(plain.decisionId, { loosen: LOOSE.loosen });
    // what was refused keeps no values: whether a grant would have covered it cannot be told, and that it was refused is said all the same
    expect(why).to.contain('refused lately');
    expect(history).to.deep.include({ asked: 4, covered: 1, unclear: 1, refused: [] });
    expect(history.unclearRefused).to.have.lengthOf(1);
    expect(history.unclearRefused[0]).to.include({ decisionId: refused.decisionId, by: 'bob' });
    // digests are kept: of equal params it can always be told
    const same = { asked: 4, covered: 0, refused: [], unclear: 0, unclearRefused: [] };
    expect((await aegis.grants.propose(plain.decisionId)).history).to.deep.equal(same);
  });

  it('says why there can be none, and of which approval nothing is known', async () => {
    await using aegis = grantModule({ policies: { text: GRANTABLE.replace(' @grantable("50 uses; 8h")', '') } });
    const { decisionId } = await asked(aegis);
    const proposal = await aegis.grants.propose(decisionId);
    expect(proposal.why).to.contain('no @grantable');
    expect(proposal).to.not.have.property('ceiling');
    expect(await rejection(aegis.grants.propose('dec_none'))).to.include({ status: 404, code: 'approval_not_found' });
    expect(await rejection(aegis.grants.revoke('grt_none', { by: 'rita' }))).to.include({ status: 404, code: 'grant_not_found' });
  });

  it('counts what a card tells of its call, page by page: covered, another one, or unclear', async () => {
    const record = recordOf({ params: { amount: 40, to: 'ann' } });
    const amount = { name: 'amount', text: '7' };
    const to = { name: 'to', text: '"ann"' };
    const card = (more: Partial<ApprovalCard>): ApprovalCard =>
      ({ ...recordOf(), digest: 'other', consumed: false, ...more }) as ApprovalCard;
    const covered = [card({ summary: [amount, to] }), card({ summary: [amount, to], unlisted: 0 })];
    const unclear = [
      card({}),
      card({ summary: [] }),
      card({ summary: [amount], unlisted: 1 }),
      card({ summary: [amount, { name: 'to', text: '"an', cut: 2 }] }),
    ];
    const others = [
      card({ summary: [{ name: 'amount', text: '700' }, to] }),
      card({ summary: [{ name: 'amount', text: 'not JSON' }, to] }),
      card({ summary: [{ name: 'sum', text: '7' }], unlisted: 1 }),
      card({ summary: [amount] }),
      card({ summary: [amount, to], requester: 'dan' }),
    ];
    const { digest } = record;
    const refused = [
      card({ digest, status: 'denied', createdAtMs: 1, decided: { by: 'bob', name: 'Bob', atMs: 3 } }),
      card({ digest, status: 'denied', createdAtMs: 1, decided: { by: 'eve', atMs: 4 } }),
      card({ digest, status: 'denied', createdAtMs: 5 }),
    ];
    const goneAfterRefusal = card({ status: 'denied', summary: [], decided: { by: 'ivy', atMs: 6 } });
    unclear.push(goneAfterRefusal);
    const itself = card({ digest, decisionId: record.decisionId });
    const pages = [covered, unclear, others, [...refused, itself]];
    const seen: (string | undefined)[] = [];
    const { history } = await proposeGrant(
      record,
      async ({ cursor, sinceMs, agentId }) => {
        seen.push(cursor);
        expect({ sinceMs, agentId }).to.deep.equal({ sinceMs: 0, agentId: 'bot' });
        const at = Number(cursor ?? 0);
        return { cards: pages[at] ?? [], ...(at + 1 < pages.length && { cursor: String(at + 1) }) };
      },
      30 * 86_400_000,
      { loosen: { '/amount': { '>=': 0, '<=': 100 } } },
    );
    expect(seen).to.deep.equal([undefined, '1', '2', '3']);
    const [first, second, third] = refused.map(({ decisionId }) => decisionId);
    expect(history).to.deep.equal({
      asked: 15,
      covered: 5,
      unclear: 5,
      refused: [
        { decisionId: first, by: 'Bob', atMs: 3 },
        { decisionId: second, by: 'eve', atMs: 4 },
        { decisionId: third, by: undefined, atMs: 5 },
      ],
      unclearRefused: [{ decisionId: goneAfterRefusal.decisionId, by: 'ivy', atMs: 6 }],
    });
  });

  it('says that it has not looked at everything', async () => {
    const { decisionId: _, ...one } = { ...recordOf(), consumed: false };
    let page = 0;
    const cards = () => Array.from({ length: 200 }, (__, i) => ({ ...one, decisionId: `dec_${page}_${i}` }) as ApprovalCard);
    const { history } = await proposeGrant(recordOf(), async () => ({ cards: cards(), cursor: String((page += 1)) }), 0);
    expect(page).to.equal(10);
    expect(history).to.include({ asked: 2_000, more: true });
  });

  it('is not made of a call that is too long, may deceive, or was used', async () => {
    await using aegis = grantModule();
    const long = await asked(aegis, { ...REFUND, note: 'plain words '.repeat(2_000) });
    const hidden = await asked(aegis, { ...REFUND, note: 'a\u202eb' });
    for (const { decisionId, digest } of [long, hidden]) {
      expect((await aegis.grants.propose(decisionId)).why).to.be.a('string');
      const error = await rejection(
        aegis.approvals.approve(decisionId, { by: 'rita', digest, grant: LOOSE, acknowledgeHidden: 9 } as never),
      );
      expect(error).to.include({ code: 'not_grantable' });
    }
    const denied = await asked(aegis, { ...REFUND, amount: 3 });
    await aegis.approvals.deny(denied.decisionId, { by: 'bob' });
    expect((await aegis.grants.propose(denied.decisionId)).why).to.contain('used or has ended');
  });

  it('loosens at most as many values as can be shown, and as few ranges with decimals as can be explained', async () => {
    await using aegis = grantModule();
    const params = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`n${i}`, i % 100]));
    const { decisionId, digest } = await asked(aegis, params);
    const refuse = async (count: number, upper: number): Promise<Error> => {
      const loosen = Object.fromEntries(Array.from({ length: count }, (_, i) => [`/n${i}`, { '>=': 0, '<=': upper }]));
      return rejection(aegis.approvals.approve(decisionId, { by: 'rita', digest, grant: { ...LOOSE, loosen } as GrantInput }));
    };
    expect(await refuse(120, 100))
      .to.include({ code: 'invalid_grant' })
      .and.have.property('message')
      .that.contains('loosens at most');
    const error = await refuse(5, 100.5);
    expect(error).to.include({ code: 'invalid_grant' });
    expect(error.message).to.contain('at most 4 ranges with decimals');
  });

  it('loosens the user of a session by its own option only', async () => {
    await using aegis = grantModule();
    const session = { user_id: 'ann' };
    const { decisionId, digest } = await asked(aegis, REFUND, { session });
    const grant = { ...LOOSE, loosenSession: { '/user_id': 'any' as const } };
    expect(await rejection(aegis.approvals.approve(decisionId, { by: 'rita', digest, grant }))).to.include({ code: 'invalid_grant' });
    expect((await granted(aegis, { anyRequester: true }, { ...REFUND, amount: 2 }, { session })).loosened.session).to.deep.equal({
      '/user_id': 'any',
    });
  });
});
