import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { amendmentStatement, recordedChallenge, verdictChallenge, verdictStatement } from '../../../lib/decision/desk/verdictStatement.js';
import type { StatedVerdict } from '../../../lib/decision/desk/verdictStatement.js';
import type { ApprovalRecord, Verdict } from '../../../lib/store/ApprovalStore.js';
import { policyOf, recordOf } from '../../support/approvalRecords.js';

const stated: StatedVerdict = { approve: true, reason: 'fine', origin: 'https://aegis.example', nonce: 'n-1', tenantId: null };
const record = recordOf({
  decisionId: 'dec-1',
  policies: [policyOf('limit', { severity: 'critical' }), policyOf('second')],
  verdicts: [{ approve: true, by: 'otto', atMs: 1, policies: ['second'] }],
  version: 2,
});

describe('The statement of a verdict', () => {
  it('is the same text for ever', () => {
    expect(JSON.parse(verdictStatement(record, stated))).to.deep.equal({
      statement: 'aegis-verdict-1',
      origin: 'https://aegis.example',
      nonce: 'n-1',
      tenant: 'default',
      decisionId: 'dec-1',
      version: 2,
      agent: 'bot',
      tool: 'refund',
      guardKey: 'refund',
      originalDigest: record.originalDigest,
      digest: record.digest,
      sessionDigest: record.sessionDigest,
      factsDigest: record.factsDigest,
      requester: 'ann',
      policies: [
        { id: 'limit', hash: 'hash of limit', filledBy: null },
        { id: 'second', hash: 'hash of second', filledBy: 'otto' },
      ],
      policySetHash: 'set',
      severity: 'critical',
      expiresAtMs: 60_000,
      amendment: null,
      verdict: 'approve',
      reasonDigest: createHash('sha256').update('fine').digest('hex'),
    });
    const hash = createHash('sha256').update(verdictStatement(record, stated)).digest('base64url');
    expect(verdictChallenge(record, stated)).to.equal(hash);
    // computed once: a change of the text would leave every recorded signature unproven
    expect(hash).to.equal('i3Lxapsxjtxw6872aKfHACD9851RZvy9VWkKarIzscE');
  });

  const others: readonly (readonly [what: string, record: Partial<ApprovalRecord>, stated?: Partial<StatedVerdict>])[] = [
    ['verdict', {}, { approve: false }],
    ['reason', {}, { reason: 'other' }],
    ['missing reason', {}, { reason: undefined }],
    ['origin', {}, { origin: 'https://aegis.example:8443' }],
    ['nonce', {}, { nonce: 'n-2' }],
    ['tenant', {}, { tenantId: 'acme' }],
    ['approval', { decisionId: 'dec-2' }],
    ['version', { version: 3 }],
    ['agent', { agentId: 'other' }],
    ['tool', { toolName: 'other' }],
    ['guard', { guardKey: 'other' }],
    ['params as called', { originalDigest: 'other' }],
    ['params', { digest: 'other' }],
    ['session', { sessionDigest: 'other' }],
    ['facts', { factsDigest: 'other' }],
    ['requester', { requester: 'other' }],
    ['policy', { policies: [record.policies[0] as never] }],
    ['text of a policy', { policies: [policyOf('limit', { severity: 'critical', hash: 'other' }), policyOf('second')] }],
    ['severity', { policies: [policyOf('limit', { severity: 'high' }), policyOf('second')] }],
    ['seat', { verdicts: [] }],
    ['person in a seat', { verdicts: [{ approve: true, by: 'olga', atMs: 1, policies: ['second'] }] }],
    ['policy set', { policySetHash: 'other' }],
    ['end', { expiresAtMs: 60_001 }],
  ];
  for (const [what, change, more = {}] of others)
    it(`is another one with another ${what}`, () => {
      expect(verdictChallenge({ ...record, ...change }, { ...stated, ...more })).to.not.equal(verdictChallenge(record, stated));
    });

  it('is one of an edit alone: of the version that was signed, with its reason, and before any verdict on it', () => {
    const edit = { by: 'rita', atMs: 1, from: 'a', to: record.digest, params: {}, changes: [], superseded: [], reason: 'too much' };
    const now = { ...record, version: 7, amendments: [{ ...edit, by: 'ann', reason: 'first' }, edit] };
    const proof = {
      kind: 'passkey',
      credential: 'c',
      nonce: 'n-1',
      version: 2,
      clientDataJSON: 'd',
      authenticatorData: 'a',
      signature: 's',
    } as const;
    const text = amendmentStatement(now, proof, 'https://aegis.example', 'acme');
    const then = { ...now, version: 2, verdicts: [] };
    expect(text).to.equal(verdictStatement(then, { ...stated, approve: 'amend', reason: 'too much', tenantId: 'acme' }));
    expect(JSON.parse(text)).to.deep.include({
      verdict: 'amend',
      version: 2,
      tenant: 'acme',
      amendment: { number: 2, by: 'rita', from: 'a', to: record.digest },
      reasonDigest: createHash('sha256').update('too much').digest('hex'),
    });
    expect(amendmentStatement(now, proof, 'https://aegis.example')).to.not.equal(text);
  });

  it('names the seats and everyone who may have one, where people are counted', () => {
    const yes = (by: string, ...policies: readonly string[]): Verdict => ({ approve: true, by, atMs: 1, policies });
    const policies = [policyOf('two', { quorum: 2 }), policyOf('apart', { distinct: true }), policyOf('plain', { quorum: 1 })];
    const verdicts = [yes('otto', 'two', 'apart'), yes('rita', 'two')];
    const { policies: stands } = JSON.parse(verdictStatement({ ...record, policies, verdicts }, stated)) as { policies: unknown };
    expect(stands).to.deep.equal([
      { id: 'two', hash: 'hash of two', seats: 2, distinct: false, filledBy: ['otto', 'rita'] },
      { id: 'apart', hash: 'hash of apart', seats: 1, distinct: true, filledBy: ['otto'] },
      { id: 'plain', hash: 'hash of plain', seats: 1, distinct: false, filledBy: [] },
    ]);
  });

  it('is found again in the record, though the approval has gone on', () => {
    const challenge = verdictChallenge(record, stated);
    const proof = {
      kind: 'passkey',
      credential: 'c',
      nonce: 'n-1',
      version: 2,
      clientDataJSON: 'd',
      authenticatorData: 'a',
      signature: 's',
    } as const;
    const signed: Verdict = { approve: true, by: 'rita', reason: 'fine', atMs: 2, proof, policies: ['limit'] };
    const later: ApprovalRecord = {
      ...record,
      params: {},
      facts: {},
      status: 'approved',
      version: 5,
      verdicts: [...record.verdicts, signed],
      consumed: { token: 't', atMs: 3 },
    };
    expect(recordedChallenge(later, signed, stated.origin)).to.equal(challenge);
    expect(recordedChallenge(later, signed, 'https://other.example')).to.not.equal(challenge);
    const granting = { ...signed, grant: { id: 'grt-1', digest: 'e'.repeat(64) } };
    expect(recordedChallenge({ ...later, verdicts: [...record.verdicts, granting] }, granting, stated.origin)).to.equal(
      verdictChallenge(record, { ...stated, grantDigest: 'e'.repeat(64) }),
    );
    expect(recordedChallenge(later, signed, stated.origin, 'acme')).to.not.equal(challenge);
    // one that is not of this record, or was not signed
    expect(recordedChallenge(later, { ...signed }, stated.origin)).to.equal(undefined);
    expect(recordedChallenge(later, record.verdicts[0] as Verdict, stated.origin)).to.equal(undefined);
  });
});
