import { expect } from 'chai';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalDeskOptions } from '../../../lib/decision/desk/ApprovalDeskOptions.js';
import { isAssurance, mayDeceive } from '../../../lib/decision/desk/assurance.js';
import type { ApprovalRequest } from '../../../lib/decision/desk/ApprovalRequest.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import type { ApprovalRecord, Assurance } from '../../../lib/store/ApprovalStore.js';
import { openingOf, policyOf, recordOf } from '../../support/approvalRecords.js';
import { rejection } from '../../support/rejection.js';

const ALL: readonly Assurance[] = ['session', 'code', 'host', 'step-up', 'passkey'];

describe('The assurance of a verdict', () => {
  /** Which of them a yes may have, by severity, and where something may deceive. */
  const enough: Readonly<Record<string, readonly (readonly Assurance[])[]>> = {
    low: [ALL, ['code', 'host', 'step-up', 'passkey']],
    medium: [ALL, ['code', 'host', 'step-up', 'passkey']],
    high: [
      ['code', 'host', 'step-up', 'passkey'],
      ['code', 'host', 'step-up', 'passkey'],
    ],
    critical: [
      ['step-up', 'passkey'],
      ['step-up', 'passkey'],
    ],
  };
  for (const [severity, sets] of Object.entries(enough)) {
    for (const [i, deceptive] of [false, true].entries()) {
      for (const assurance of ALL) {
        const isEnough = sets[i]?.includes(assurance) === true;
        it(`${assurance} is ${isEnough ? '' : 'not '}enough for ${severity}${deceptive ? ' where something may deceive' : ''}`, async () => {
          const params = deceptive ? { to: 'аnn' } : { to: 'ann' };
          const { desk, record } = await opened({ params, originalParams: params, policies: [policyOf('p', { severity })] });
          const { decisionId, digest } = record;
          const yes = desk.approve(decisionId, { by: 'rita', digest, assurance });
          if (isEnough) {
            const after = await yes;
            expect(after.status).to.equal('approved');
            expect(after.verdicts[0]).to.include({ by: 'rita', assurance });
          } else {
            const error = await rejection(yes);
            expect(error).to.include({ name: 'VerdictError', status: 403, code: 'assurance_too_low' });
            expect(error.message).to.contain(severity).and.to.contain('passkey');
            expect((await desk.get(decisionId))?.status).to.equal('pending');
            // a no is never refused for it
            expect((await desk.deny(decisionId, { by: 'rita', assurance })).status).to.equal('denied');
          }
        });
      }
    }
  }

  it('is as for what hides nothing where all of what is long was shown, and only then', async () => {
    const params = { text: 'line\n'.repeat(90) };
    for (const [more, isEnough] of [
      [{ sawAll: true }, true],
      [{ sawAll: false }, false],
      [{}, false],
    ] as const) {
      const { desk, record } = await opened({ params, originalParams: params, policies: [policyOf('p', { severity: 'low' })] });
      const { decisionId, digest } = record;
      expect((await desk.viewerOf(decisionId, { by: 'rita', assurance: 'session', ...more }))?.needs.code).to.equal(!isEnough);
      const yes = desk.approve(decisionId, { by: 'rita', digest, assurance: 'session', ...more });
      if (isEnough) expect((await yes).status).to.equal('approved');
      else expect(await rejection(yes)).to.include({ code: 'assurance_too_low' });
    }
  });

  it('is not asked for where the program itself vouches for the person', async () => {
    const { desk, record } = await opened({ policies: [policyOf('p', { severity: 'critical' })] });
    const after = await desk.approve(record.decisionId, { by: 'rita', digest: record.digest });
    expect(after.status).to.equal('approved');
    expect(after.verdicts[0]).to.not.have.property('assurance');
  });

  it('counts for the policies that the person may decide, and takes one without a severity for medium', async () => {
    const policies = [policyOf('mild'), policyOf('strict', { severity: 'critical', approvers: ['security'] })];
    const { desk, record } = await opened({ policies }, { approverGroups: { security: ['sue'] } });
    const { decisionId, digest } = record;
    expect((await desk.approve(decisionId, { by: 'rita', digest, assurance: 'session' })).status).to.equal('pending');
    expect(await rejection(desk.approve(decisionId, { by: 'sue', digest, assurance: 'code' }))).to.include({ code: 'assurance_too_low' });
    expect((await desk.approve(decisionId, { by: 'sue', digest, assurance: 'passkey' })).status).to.equal('approved');
  });

  it('is one of five', async () => {
    const { desk, record } = await opened();
    for (const assurance of ['', 'Host', 'password', 'toString', 1, null, {}]) {
      expect(isAssurance(assurance)).to.equal(false);
      const error = await rejection(desk.approve(record.decisionId, { by: 'rita', digest: record.digest, assurance: assurance as never }));
      expect(error).to.include({ status: 400, code: 'invalid_verdict' });
      expect(error.message).to.contain('`assurance`');
    }
  });

  describe('of the host', () => {
    const groups = { leads: ['ann'], empty: [] };

    it('makes its operator a member of every group that is not empty', async () => {
      const { desk, record } = await opened({ policies: [policyOf('p', { approvers: ['leads'] })] }, { approverGroups: groups });
      const { decisionId, digest } = record;
      expect(await desk.mayDecide(decisionId, 'host:olga', 'host')).to.equal(true);
      expect(await desk.mayDecide(decisionId, 'host:olga')).to.equal(false);
      expect(await desk.mayDecide(decisionId, 'olga', 'host')).to.equal(false);
      expect((await desk.approve(decisionId, { by: 'host:olga', digest, assurance: 'host' })).status).to.equal('approved');
    });

    it('does not make a group that is empty or missing have a member', async () => {
      for (const approvers of [['empty'], ['missing'], ['toString'], []]) {
        const { desk, record } = await opened({ policies: [policyOf('p', { approvers })] }, { approverGroups: groups });
        const { decisionId, digest } = record;
        expect(await rejection(desk.approve(decisionId, { by: 'host:olga', digest, assurance: 'host' }))).to.include({
          code: 'not_an_approver',
        });
      }
    });

    it('leaves the word to the program where it says who may decide, and refuses the own request', async () => {
      const asked: string[] = [];
      const mayApprove = (by: string): boolean => {
        asked.push(by);
        return false;
      };
      const { desk, record } = await opened({}, { mayApprove });
      const yes = { by: 'host:olga', digest: record.digest, assurance: 'host' } as const;
      expect(await rejection(desk.approve(record.decisionId, yes))).to.include({ code: 'not_an_approver' });
      expect(asked).to.deep.equal(['host:olga']);
      const own = await opened({ requester: 'host:olga' });
      expect(await rejection(own.desk.approve(own.record.decisionId, { ...yes, digest: own.record.digest }))).to.include({
        code: 'self_approval',
      });
    });
  });

  const deceiving: readonly (readonly [what: string, over: Partial<ApprovalRecord>])[] = [
    ['a look-alike in a param', { params: { to: 'pаypal' } }],
    ['one in a param as called', { originalParams: { to: 'pаypal' } }],
    ['one in the name of a param', { params: { аmount: 1 } }],
    ['a character that is not drawn', { params: { to: 'a\u200bnn' } }],
    ['one that turns text around', { session: { note: 'a\u202eb' } }],
    ['a look-alike in a fact', { facts: { domain: 'аррӏе.com' } }],
    ['one in the agent', { agentId: 'bоt' }],
    ['one in the requester', { requester: 'аnn' }],
    ['one in the reason', { reason: 'оk' }],
    ['an opaque param whose name has one', { opaque: ['fіle'] }],
    ['a refusal before', { refusals: 1 }],
  ];
  for (const [what, over] of deceiving) {
    it(`sees that ${what} may deceive`, () => {
      expect(mayDeceive(recordOf(over))).to.equal(true);
    });
  }

  it('takes text in other languages, code and lines for what they are', () => {
    for (const params of [
      { text: 'Grüße aus Köln, 東京, Привет, мир' },
      { text: 'if (a) {\n        return b;\n\t}\r\n' },
      { text: '', n: 1, at: new Date(0), big: 7n, list: [null, true] },
    ])
      expect(mayDeceive(recordOf({ params, originalParams: params })), JSON.stringify(params.text)).to.equal(false);
  });
});

async function opened(more: Partial<ApprovalRequest> = {}, options: ApprovalDeskOptions = {}) {
  const desk = new ApprovalDesk(new MemoryApprovalStore(), options);
  const outcome = await desk.open(openingOf(more));
  if (outcome.kind !== 'opened') throw new Error(outcome.kind);
  return { desk, record: outcome.record };
}
