import { expect } from 'chai';
import * as v from 'valibot';
import { approvalStatus, readApprovalStatus, writeApprovalStatus } from '../../../lib/decision/wire/approvalStatus.js';
import { writeWire } from '../../../lib/decision/wire/readWire.js';
import { readStatusAnswer } from '../../../lib/decision/wire/statusAnswer.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { recordOf } from '../../support/approvalRecords.js';

const ROWS = [
  ['pending', 'PENDING', 'approval_needed', 'pending'],
  ['approved', 'OK', 'allow', 'approved'],
  ['denied', 'OK', 'deny', 'denied'],
  ['expired', 'OK', 'deny', 'expired'],
  ['withdrawn', 'OK', 'deny', 'denied'],
  ['not_found', 'OK', 'deny', 'denied'],
] as const;
const recordIn = (outcome: (typeof ROWS)[number][0]): ApprovalRecord | undefined =>
  outcome === 'not_found' ? undefined : recordOf({ decisionId: 'dec', status: outcome, expiresAtMs: 86_400_000 });

describe('the status of an approval on the wire', () => {
  it('says each outcome, and reads it as what it is: expired and withdrawn are no person’s no', () => {
    for (const [outcome, status, effect, state] of ROWS) {
      const written = writeApprovalStatus('dec', recordIn(outcome));
      const found = outcome === 'not_found' ? {} : { reason: 'over the limit', expires_at: '1970-01-02T00:00:00.000Z' };
      expect(written).to.deep.equal({ decision_id: 'dec', status, effect, outcome, consumed: false, ...found });
      const reading = v.safeParse(approvalStatus, JSON.parse(JSON.stringify(written)));
      expect(reading.success).to.equal(true);
      const read = readApprovalStatus(reading.output as ReturnType<typeof writeApprovalStatus>);
      expect(read).to.include({ decisionId: 'dec', state });
      expect(read).to.not.have.property('by');
      if (outcome === 'withdrawn') expect(read.reason).to.include('withdrawn');
      else if (outcome === 'not_found') expect(read.reason).to.include('does not know');
      else expect(read.reason).to.equal('over the limit');
    }
    const consumed = { token: 't', atMs: 1 };
    expect(writeApprovalStatus('dec', recordOf({ consumed }))).to.include({ consumed: true });
  });

  it('says that a halt has ended it, and believes no other code, and none of what did not end', () => {
    const written = writeApprovalStatus('dec', recordIn('withdrawn'), 'it is halted.');
    expect(written).to.include({ outcome: 'withdrawn', reason: 'it is halted.', code: 'halted' });
    for (const [answer, code] of [
      [written, 'halted'],
      [{ ...written, code: 'other' }, undefined],
      [{ ...written, code: null }, undefined],
      [{ ...written, outcome: 'denied' }, undefined],
      [{ ...written, outcome: 'approved', effect: 'allow' }, undefined],
    ] as const) {
      expect(readApprovalStatus(answer)).to.have.property('state', answer.outcome === 'approved' ? 'approved' : 'denied');
      expect(readApprovalStatus(answer).code).to.equal(code);
      expect(readStatusAnswer(writeWire(answer), true).code).to.equal(code);
    }
    expect(readApprovalStatus({ ...written, reason: null })).to.include({ state: 'denied', code: 'halted', reason: undefined });
    expect(readStatusAnswer(writeWire({ ...written, code: 7 }), true)).to.not.have.property('code');
  });

  it('says what runs instead of what was asked about, with its types, until it was used', () => {
    const edit = { by: 'ann', atMs: 1, from: 'a', to: 'b', params: {}, changes: [], superseded: [] };
    const record = recordOf({ status: 'approved', params: { amount: 2n }, digest: 'b', amendments: [edit] });
    const written = writeApprovalStatus('dec', record);
    const reading = v.parse(approvalStatus, JSON.parse(writeWire(written)));
    expect(readApprovalStatus(reading as typeof written)).to.deep.include({ state: 'approved', params: { amount: 2n }, digest: 'b' });
    const plain = writeApprovalStatus('dec', { ...record, params: { amount: 2 } });
    expect(plain)
      .to.deep.include({ params: { amount: 2 }, digest: 'b' })
      .and.not.to.have.property('types');
    expect(readApprovalStatus(plain)).to.deep.include({ params: { amount: 2 }, digest: 'b' });
    const used = writeApprovalStatus('dec', { ...record, consumed: { token: 't', atMs: 1 } });
    expect(used).not.to.have.any.keys('params', 'digest', 'types');
  });

  for (const [what, edited] of [
    ['no digest', { params: { amount: 2 } }],
    ['a digest that is none', { params: { amount: 2 }, digest: 7 }],
    ['no params', { digest: 'b' }],
    ['a list of params', { params: [2], digest: 'b' }],
    ['params of no call', { params: { amount: () => 2 }, digest: 'b' }],
    ['a type that its value is not of', { params: { amount: 'x' }, types: { '/amount': 'bigint' }, digest: 'b' }],
  ] as const)
    it(`has edited params that no digest fits, where an answer has ${what}`, () => {
      const row = { decision_id: 'dec', status: 'OK', effect: 'allow', outcome: 'approved' };
      expect(readApprovalStatus({ ...row, ...edited })).to.deep.include({ state: 'approved', params: {}, digest: '' });
    });

  it('never says who decided, what that person wrote, the params or the session', () => {
    const verdicts = [{ approve: false, by: 'canary', reason: 'canary', atMs: 1, policies: ['canary'] }];
    const params = { text: 'canary' };
    const record = recordOf({ verdicts, params, originalParams: params, session: { user_id: 'canary' }, requester: 'canary' });
    expect(JSON.stringify(writeApprovalStatus('dec', record))).to.not.include('canary');
  });

  it('believes nothing that does not agree with itself', () => {
    const texts = ['PENDING', 'OK', 'ok', '', 'allow', 'deny', 'approval_needed', 'sanitize', 'approved', 'denied', 'expired'];
    const outcomes = [...ROWS.map(([outcome]) => outcome), 'unknown', '', '__proto__', 'toString', 'APPROVED', 'allow'];
    let refused = 0;
    for (const status of texts)
      for (const effect of texts)
        for (const outcome of outcomes) {
          const { state } = readApprovalStatus({ decision_id: 'dec', status, effect, outcome });
          const row = ROWS.find((r) => r[0] === outcome && r[1] === status && r[2] === effect);
          expect(state, JSON.stringify({ status, effect, outcome })).to.equal(row?.[3] ?? 'invalid');
          if (row === undefined) refused += 1;
        }
    expect(refused).to.equal(texts.length ** 2 * outcomes.length - ROWS.length);
  });

  it('is read from a status answer only of a server that says its outcome, and without a reason or an effect that are none', () => {
    const body = (more: object): string =>
      JSON.stringify({ decision_id: 'dec', status: 'OK', effect: 'deny', outcome: 'expired', ...more });
    expect(readStatusAnswer(body({ reason: 'too late' }), true)).to.deep.equal({ decisionId: 'dec', state: 'expired', reason: 'too late' });
    expect(readStatusAnswer(body({ reason: 7 }), true)).to.deep.equal({ decisionId: 'dec', state: 'expired', reason: undefined });
    for (const effect of [null, undefined]) expect(readStatusAnswer(body({ effect }), true)).to.include({ state: 'invalid' });
    expect(readStatusAnswer(body({ outcome: 7 }), true)).to.deep.equal({ decisionId: 'dec', state: 'denied' });
    expect(readStatusAnswer(body({}))).to.deep.equal({ decisionId: 'dec', state: 'denied' });
  });
});
