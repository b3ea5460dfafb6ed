import { expect } from 'chai';
import { AegisModule, guard } from '../../lib/index.js';
import { isSamePerson, maybeSamePerson, personId, requesterOf } from '../../lib/model/personId.js';
import { simulateApprover } from '../../lib/testing/index.js';
import { counted } from '../support/assurance.js';

const ASK = '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") forbid (principal, action, resource);';

/** Ids of the one who asked, written in other ways. */
const SAME = ['rita', 'Rita', 'RITA', 'rita ', ' rita', '\trita\n', '\u00a0rita', 'rita\u3000'];
/** Ids that look like it, or like nothing. */
const HIDDEN = [
  'rita\u200b',
  'ri\u200dta',
  'rita\u0000',
  'ri\u00adta',
  '\u202erita',
  'rita\u2060',
  'ri\u034fta',
  'rita\ufe0f',
  'rita\u{e0041}',
  'rita\u2800',
  'rita\u115f',
  'rita\u3164',
  'rita\u180e',
  'ri ta',
  'ri\u2003ta',
  'rita\ud800',
  'rita\ue000',
  'rita\u0378',
  'ｒｉｔａ',
  '𝐫𝐢𝐭𝐚',
  'ⓡita',
];
/** One id in two cases, by the rules of some language. */
const OTHER_CASE = [
  ['straße', 'STRASSE'],
  ['İpek', 'ipek'],
  ['ıpek', 'IPEK'],
  ['İPEK', 'ıpek'],
  ['ΝΊΚΟΣ', 'νίκοσ'],
  ['ΐ', 'Ϊ́'],
  ['ᾳ', 'ΑΙ'],
  ['ᲀova', 'Вova'],
] as const;
const NOBODY = ['', ' ', '\u200b', '\u2800', 'x'.repeat(257), 7, null, undefined, {}, ['rita']];

describe('The id of a person', () => {
  it('is kept in one form, and refused in a form that looks like another id', () => {
    expect(SAME.map(personId)).to.deep.equal(['rita', 'Rita', 'RITA', 'rita', 'rita', 'rita', 'rita', 'rita']);
    for (const id of [...HIDDEN, ...NOBODY]) expect(personId(id), JSON.stringify(id)).to.equal(undefined);
    expect(personId('rene\u0301')).to.equal('ren\u00e9');
    for (const id of ['ann@x.org', 'okta|00u1', 'staff/ann', 'uid:501', '张伟', 'jürgen', 'Ann', 'o’brien', 'x'.repeat(256)])
      expect(personId(id)).to.equal(id);
  });

  it('names the same person in every case, and whatever is hidden in it', () => {
    for (const id of [...SAME, ...HIDDEN]) expect(isSamePerson(id, 'rita'), JSON.stringify(id)).to.equal(true);
    expect(isSamePerson('JÜRGEN', 'ju\u0308rgen')).to.equal(true);
    for (const [a, b] of [
      ['rita', 'rita2'],
      ['rıta', 'rita'],
      ['ann', 'anna'],
      ['straße', 'strasse'],
    ] as const)
      expect(isSamePerson(a, b)).to.equal(false);
  });

  it('may name the same person where some language writes it so in capitals', () => {
    for (const [a, b] of OTHER_CASE) {
      expect(maybeSamePerson(a, b), `${a} ${b}`).to.equal(true);
      expect(maybeSamePerson(b, a), `${b} ${a}`).to.equal(true);
    }
    for (const id of [...SAME, ...HIDDEN]) expect(maybeSamePerson(id, 'rita'), JSON.stringify(id)).to.equal(true);
    for (const [a, b] of [
      ['rita', 'rita2'],
      ['rit\u0227', 'rita'],
      ['jurgen', 'jürgen'],
      ['strase', 'straße'],
    ] as const)
      expect(maybeSamePerson(a, b), `${a} ${b}`).to.equal(false);
  });

  it('of a requester is a text or a number', () => {
    expect(requesterOf('Rita ')).to.equal('Rita');
    expect(requesterOf('ri\u200bta')).to.equal('ri\u200bta');
    expect([requesterOf(7), requesterOf(7n)]).to.deep.equal(['7', '7']);
    for (const none of ['', ' ', '\u200b', null, undefined, true, {}, ['rita']]) expect(requesterOf(none)).to.equal(undefined);
  });
});

describe('An approver', () => {
  it('is never the requester under another spelling, at any entry', async () => {
    let cases = 0;
    let wrong = 0;
    const tried: string[] = [];
    for (const userId of ['rita', 'Rita', 'rita\u200b', ' RITA'])
      for (const by of [...SAME, ...HIDDEN]) {
        let ran = 0;
        await using module = AegisModule.create({ agentId: 'bot', policies: { text: ASK }, env: false });
        const send = guard(async () => ++ran, { toolName: 'send', module, session: () => ({ user_id: userId }), approval: 'defer' });
        await send();
        const [request] = await module.approvals.list();
        const { decisionId = '', digest } = request ?? {};
        const entries = {
          mayDecide: await module.approvals.mayDecide(decisionId, by),
          approve: await module.approvals.approve(decisionId, { by, digest }).then(
            () => true,
            () => false,
          ),
          deny: await module.approvals.deny(decisionId, { by, digest }).then(
            () => true,
            () => false,
          ),
        };
        using approver = simulateApprover(module, { by });
        await new Promise(setImmediate);
        cases += 4;
        for (const [entry, counts] of Object.entries({ ...entries, simulateApprover: approver.problems.length === 0 }))
          if (counts) {
            wrong++;
            tried.push(`${entry}: ${JSON.stringify([userId, by])}`);
          }
        if (ran > 0) wrong++;
      }
    counted({ what: 'A11 the requester under another spelling', cases, wrong });
    expect(tried).to.deep.equal([]);
    expect(wrong).to.equal(0);
  }).timeout(20_000);

  it("is never the requester in another language's rule of case, nor a member of a group by it", async () => {
    const wrong: string[] = [];
    for (const [userId, by] of [...OTHER_CASE, ...OTHER_CASE.map(([a, b]) => [b, a] as const)])
      for (const text of [ASK, ASK.replace('@effect', '@approvers("leads") @effect')]) {
        await using module = AegisModule.create({ agentId: 'bot', policies: { text }, approverGroups: { leads: [by] }, env: false });
        await guard(async () => 1, { toolName: 'send', module, session: () => ({ user_id: userId }), approval: 'defer' })();
        const [{ decisionId = '' } = {}] = await module.approvals.list();
        if (await module.approvals.mayDecide(decisionId, by)) wrong.push(`${by} for ${userId}`);
      }
    counted({ what: 'A11 the requester in another case', cases: OTHER_CASE.length * 4, wrong: wrong.length });
    expect(wrong).to.deep.equal([]);
    await using module = AegisModule.create({
      agentId: 'bot',
      policies: { text: ASK.replace('@effect', '@approvers("leads") @effect') },
      approverGroups: { leads: ['ipek'] },
      env: false,
    });
    await guard(async () => 1, { toolName: 'send', module, approval: 'defer' })();
    const [{ decisionId = '' } = {}] = await module.approvals.list();
    expect(await module.approvals.mayDecide(decisionId, 'IPEK')).to.equal(true);
    expect(await module.approvals.mayDecide(decisionId, 'ıpek')).to.equal(false);
  });

  it('is found in a group in any case, and by its own id', async () => {
    const groups = { approverGroups: { leads: ['Bob', 'jürgen'] } };
    const text = ASK.replace('@effect', '@approvers("leads") @effect');
    for (const [by, may] of [
      ['bob', true],
      ['BOB ', true],
      ['ju\u0308rgen', true],
      ['bob\u200b', false],
      ['ｂｏｂ', false],
      ['eve', false],
    ] as const) {
      await using module = AegisModule.create({ agentId: 'bot', policies: { text }, ...groups, env: false });
      await guard(async () => 1, { toolName: 'send', module, approval: 'defer' })();
      const [{ decisionId = '' } = {}] = await module.approvals.list();
      expect(await module.approvals.mayDecide(decisionId, by), by).to.equal(may);
    }
  });

  it('is recorded and asked about in one form', async () => {
    const asked: string[] = [];
    const mayApprove = (by: string): boolean => asked.push(by) > 0;
    await using module = AegisModule.create({ agentId: 'bot', policies: { text: ASK }, mayApprove, env: false });
    await guard(async () => 1, { toolName: 'send', module, approval: 'defer' })();
    const [{ decisionId = '', digest } = {}] = await module.approvals.list();
    const { verdicts } = await module.approvals.approve(decisionId, { by: ' Rene\u0301 ', digest });
    expect([asked, verdicts.map(({ by }) => by)]).to.deep.equal([['Ren\u00e9'], ['Ren\u00e9']]);
  });

  it('of a group that has no valid id is a fault of the configuration', () => {
    for (const person of ['', 'a b', 'bob\u200b', 'ｂｏｂ'])
      expect(() => AegisModule.create({ policies: { text: ASK }, approverGroups: { leads: [person] }, env: false })).to.throw(
        'must be the id of a person',
      );
  });
});
