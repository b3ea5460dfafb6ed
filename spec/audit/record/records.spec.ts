import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { approvalRecords } from '../../../lib/audit/record/approvalRecords.js';
import type { AuditRecord, NewRecord } from '../../../lib/audit/record/AuditRecord.js';
import { canonicalLine } from '../../../lib/audit/record/canonicalLine.js';
import { commitmentOf, sha256Url, sha256UrlBy } from '../../../lib/audit/record/commitment.js';
import { recordOf } from '../../../lib/audit/record/recordOf.js';
import { canonicalDigest, canonicalText, sha256 } from '../../../lib/common/data/canonical.js';
import type { DecisionRequest } from '../../../lib/model/Decision.js';
import { EVIDENCE, newSalt } from '../../../lib/model/DecisionEvidence.js';
import type { JournaledApproval } from '../../../lib/model/DecisionEvidence.js';
import type { RecordedEvent } from '../../../lib/audit/record/recordOf.js';
import type { PendingTask } from '../../../lib/model/Task.js';

const SALT = newSalt();
const DIGEST = canonicalDigest({ amount: 5 });

describe('A commitment', () => {
  it('is the SHA-256 over a prefix, the field, the salt and the digest', () => {
    const bytes = Buffer.concat([
      Buffer.from('aegis/commitment/v1\neffective\n'),
      Buffer.from(SALT, 'base64url'),
      Buffer.from(DIGEST, 'hex'),
    ]);
    const expected = createHash('sha256').update(bytes).digest('base64url');
    expect(commitmentOf('effective', SALT, DIGEST)).to.equal(expected);
    // the buffer is used again
    expect(commitmentOf('effective', SALT, DIGEST)).to.equal(expected);
  });

  it('differs by field, salt and digest', () => {
    const all = [
      commitmentOf('effective', SALT, DIGEST),
      commitmentOf('original', SALT, DIGEST),
      commitmentOf('effective', newSalt(), DIGEST),
      commitmentOf('effective', SALT, canonicalDigest({ amount: 6 })),
    ];
    expect(new Set(all).size).to.equal(4);
  });

  for (const [salt, digest] of [
    ['', DIGEST],
    [SALT.slice(1), DIGEST],
    [`${SALT.slice(1)}!`, DIGEST],
    [SALT, ''],
    [SALT, DIGEST.slice(2)],
    [SALT, `${DIGEST.slice(2)}zz`],
  ] as const)
    it(`is not made of a salt of ${salt.length} and a digest of ${digest.length} characters that are not both right (${salt.at(-1)}${digest.at(-1)})`, () => {
      expect(() => commitmentOf('effective', salt, digest)).to.throw(TypeError);
    });

  it('is the same on a runtime without crypto.hash', () => {
    for (const data of ['', 'text', Buffer.from([0, 1, 255])]) expect(sha256UrlBy(undefined)(data)).to.equal(sha256Url(data));
  });
});

describe('The line of a record', () => {
  const place = { v: 1, seq: 3, at: 4, writer: 'w0' } as const;
  const record: AuditRecord = { ...place, kind: 'settled', agentId: 'a', decisionId: 'd', outcome: 'completed', toolName: 't' };
  const line = '{"v":1,"seq":3,"at":4,"writer":"w0","kind":"settled","agentId":"a","decisionId":"d","outcome":"completed","toolName":"t"}';

  it('has its place and kind first, and the rest in order', () => {
    expect(canonicalLine(record)).to.equal(line);
  });

  it('is the same for every order of the fields, and without those that are undefined', () => {
    const entries = Object.entries({ ...record, taskId: undefined });
    for (let i = 0; i < entries.length; i++) {
      const turned = Object.fromEntries([...entries.slice(i), ...entries.slice(0, i)]) as unknown as AuditRecord;
      expect(canonicalLine(turned)).to.equal(line);
    }
    expect(canonicalLine({ ...record, taskId: undefined } as AuditRecord)).to.equal(line);
  });

  it('is that of what it parses to, also with odd texts', () => {
    for (const toolName of ['a"b', 'line\nend', '\u2028', '\ud800', 'ä€😀', '"kind":"entering"']) {
      const odd = canonicalLine({ ...record, toolName } as AuditRecord);
      expect(canonicalLine(JSON.parse(odd) as AuditRecord)).to.equal(odd);
      expect(odd).to.not.include('\n');
      expect(Buffer.from(odd, 'utf8').toString('utf8')).to.equal(odd);
    }
  });
});

describe('The record of an event', () => {
  const approval: JournaledApproval = {
    decisionId: 'dec_1',
    agentId: 'agent',
    toolName: 'pay',
    digest: DIGEST,
    originalDigest: DIGEST,
    requester: 'ann',
    status: 'approved',
    policies: [{ id: 'ask', hash: 'h', severity: 'high', approvers: ['ops'], selfApproval: false }],
    policySetHash: 'set',
    expiresAtMs: 9,
    auditSalt: SALT,
    verdicts: [{ approve: true, by: 'bob', reason: 'fine', policies: ['ask'], assurance: 'session', groups: ['ops'] }],
    consumed: { token: 'token' },
    begun: { claimToken: 'claim' },
  };
  const call = { agentId: 'agent', toolName: 'pay', decisionId: 'dec_1' };
  const request = {
    callId: 'call_1',
    agentId: 'agent',
    toolName: 'pay',
    params: { amount: 5 },
    session: { user_id: 'ann' },
    groups: ['write'],
    removable: ['note'],
  } as unknown as DecisionRequest;
  const task = {
    ...call,
    taskId: 'task_1',
    expiresAtMs: 9,
    originalDigest: DIGEST,
    digest: DIGEST,
    auditSalt: SALT,
  } as unknown as PendingTask;
  const effective = commitmentOf('effective', SALT, DIGEST);
  const evidence = { salt: SALT, policies: [{ id: 'all', hash: 'h' }], facts: { limit: 'hush' }, code: undefined };
  const events: Readonly<Record<string, RecordedEvent>> = {
    decided: { kind: 'decided', request, decision: { effect: 'allow', decisionId: 'dec_1', policySetHash: 'set', [EVIDENCE]: evidence } },
    denied: { kind: 'decided', request, decision: { effect: 'deny', decisionId: 'dec_1', [EVIDENCE]: { ...evidence, code: 'forbidden' } } },
    sanitized: {
      kind: 'decided',
      request: { ...request, session: null, groups: [], removable: [] },
      decision: { effect: 'sanitize', decisionId: 'dec_1', params: { amount: 1 } },
    },
    opened: { kind: 'opened', task, approval },
    'opened with a preview': { kind: 'opened', task, approval: { ...approval, preview: { digest: DIGEST } } },
    'opened elsewhere': { kind: 'opened', task },
    verdict: {
      kind: 'verdict',
      ...call,
      by: 'bob',
      approved: true,
      status: 'approved',
      digest: DIGEST,
      approval,
      statement: '{"statement":1}',
    },
    consumed: { kind: 'consumed', ...call, approval },
    begun: { kind: 'begun', ...call, approval },
    reminded: { kind: 'reminded', ...call, groups: ['leads'], percent: 80 },
    escalated: { kind: 'escalated', ...call, groups: ['leads'], afterMs: 9 },
    ended: { kind: 'ended', ...call, how: 'expired' },
    entering: { kind: 'entering', ...call, taskId: 'task_1', token: 'claim', params: { amount: 5 }, auditSalt: SALT },
    'entering at once': { kind: 'entering', ...call, params: { amount: 5 }, auditSalt: SALT },
    settled: { kind: 'settled', ...call, outcome: 'failed' },
    policies: { kind: 'policies', hash: 'set', previousHash: 'before' },
    'grant made': {
      kind: 'grant',
      how: 'made',
      grantId: 'grant_1',
      ...call,
      by: 'bob',
      maxUses: 3,
      expiresAtMs: 9,
      lifts: [{ id: 'ask', hash: 'h' }],
    },
    'grant revoked': { kind: 'grant', how: 'revoked', grantId: 'grant_1', ...call, by: 'bob', reason: 'fine' },
    halted: {
      kind: 'halt',
      how: 'halted',
      haltId: 'halt_1',
      scope: { agentId: 'agent', toolName: 'pay' },
      pending: 'freeze',
      untilMs: 9,
      by: 'bob',
      reason: 'fine',
    },
    lifted: { kind: 'halt', how: 'lifted', haltId: 'halt_1', scope: { all: true }, pending: 'cancel', by: 'bob', reason: 'fine' },
    'security of nothing in particular': {
      kind: 'security',
      diagnostic: { kind: 'security', code: 'forged', message: 'm' },
    } as RecordedEvent,
    security: { kind: 'security', diagnostic: { kind: 'security', code: 'forged', message: 'm', subject: { agentId: 'agent' } } },
  };

  it('is in canonical order, and its commitments are those of its opening', () => {
    for (const [name, event] of Object.entries(events)) {
      const { record, opening } = recordOf(event);
      const keys = Object.keys(record).slice(1);
      expect(keys, name).to.deep.equal(keys.toSorted());
      for (const [field, text] of Object.entries(opening?.values ?? {}))
        expect((record as unknown as Record<string, unknown>)[field], name).to.equal(
          commitmentOf(field, opening?.salt as string, sha256(text)),
        );
    }
  });

  it('has no params, session, facts, reason or requester in it', () => {
    for (const [name, event] of Object.entries(events))
      for (const secret of ['amount', 'ann', 'hush', 'fine', '"claim":"claim"', '"token":"token"'])
        expect(JSON.stringify(recordOf(event).record), name).to.not.include(secret);
  });

  it('links all records of one approval by one commitment', () => {
    const found = ['decided', 'opened', 'opened elsewhere', 'verdict', 'consumed', 'entering'].map(
      (name) => (recordOf(events[name] as RecordedEvent).record as { effective?: string }).effective,
    );
    expect(new Set(found)).to.deep.equal(new Set([effective]));
    const { record: begun } = recordOf(events['begun'] as RecordedEvent);
    const { record: entering } = recordOf(events['entering'] as RecordedEvent);
    expect((begun as { claim: string }).claim).to.equal((entering as { claim: string }).claim);
    expect(recordOf(events['entering at once'] as RecordedEvent).record).to.have.property('claim', undefined);
  });

  it('says what a decision was, by which policies, and what a deny was for', () => {
    expect(recordOf(events['decided'] as RecordedEvent).record).to.include({ effect: 'allow', policySetHash: 'set', effective });
    expect(recordOf(events['denied'] as RecordedEvent).record).to.include({ effect: 'deny', code: 'forbidden', effective: undefined });
    const { record, opening } = recordOf(events['sanitized'] as RecordedEvent);
    expect(record).to.include({ session: undefined, facts: undefined });
    expect(opening?.values).to.deep.equal({
      original: canonicalText({ amount: 5 }),
      effective: canonicalText({ amount: 1 }),
      requester: '"agent"',
    });
  });

  it('says what became of a grant and of a halt', () => {
    const recorded = (name: string): object => recordOf(events[name] as RecordedEvent).record;
    const lifts = [{ id: 'ask', hash: 'h' }];
    expect(recorded('grant made')).to.deep.include({ how: 'made', grantId: 'grant_1', by: 'bob', maxUses: 3, expiresAt: 9, lifts });
    expect(recorded('grant revoked')).to.include({ how: 'revoked', grantId: 'grant_1', expiresAt: undefined });
    expect(recorded('halted')).to.include({ how: 'halted', halt: 'halt_1', agentId: 'agent', toolName: 'pay', until: 9 });
    expect(recorded('lifted')).to.include({ how: 'lifted', halt: 'halt_1', all: true, pending: 'cancel' });
  });

  it('says whether the one who decided is the one who asked', () => {
    const own = { ...approval, verdicts: [{ approve: true, by: 'Ann', policies: ['ask'] }] };
    expect(approvalRecords.verdict(own, { tenantId: 't' })).to.deep.include({ opening: undefined });
    expect(approvalRecords.verdict(own).record).to.include({ isRequester: true, by: 'Ann' });
    expect(approvalRecords.verdict(approval).record).to.include({ isRequester: undefined });
  });

  it('opens a statement by its own text: its digest is the challenge that was signed', () => {
    const { record, opening } = recordOf(events['verdict'] as RecordedEvent);
    expect(opening?.values['statement']).to.equal('{"statement":1}');
    expect((record as { statement?: string }).statement).to.equal(commitmentOf('statement', SALT, sha256('{"statement":1}')));
  });

  it('has no nonce of a signature: with it the params could be guessed from the challenge, also after the statement was erased', () => {
    const nonce = newSalt();
    const statement = canonicalText({ nonce, digest: DIGEST });
    const challenge = createHash('sha256').update(statement).digest('base64url');
    const clientDataJSON = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge })).toString('base64url');
    const proof = { kind: 'passkey', credential: 'c', nonce, version: 1, clientDataJSON, authenticatorData: 'a', signature: 's' } as const;
    const verdicts = [{ approve: true, by: 'bob', policies: ['ask'], assurance: 'passkey', proof }] as const;
    const { record, opening } = approvalRecords.verdict({ ...approval, verdicts }, { statement });
    const { nonce: _, ...rest } = proof;
    expect((record as { proof?: unknown }).proof).to.deep.equal(rest);
    expect(JSON.stringify(record)).to.not.include(nonce);
    expect(opening?.values['statement']).to.include(nonce);
  });

  it('says who edited what, and opens the reason and what was signed only where nothing of the call is hidden', () => {
    const groups = ['finance'];
    const amendment = { by: 'bob', groups, from: DIGEST, to: canonicalDigest({ amount: 6 }), changes: [{ pointer: '/amount' }] };
    const proof = { kind: 'passkey', credential: 'c', version: 1, clientDataJSON: 'd', authenticatorData: 'a', signature: 's' } as const;
    const edited = { ...approval, amendments: [{ ...amendment, reason: 'fine', proof: { ...proof, nonce: 'CANARY' } }] };
    const { record, opening } = recordOf({
      kind: 'amended',
      ...call,
      by: 'bob',
      approval: edited,
      statement: '{"statement":2}',
    } as unknown as RecordedEvent);
    const commit = (field: string, text: string): string => commitmentOf(field, SALT, sha256(text));
    expect(record).to.include({
      kind: 'amended',
      by: 'bob',
      from: effective,
      effective: commitmentOf('effective', SALT, amendment.to),
      changed: commit('changed', '["/amount"]'),
      reason: commit('reason', '"fine"'),
      statement: commit('statement', '{"statement":2}'),
    });
    expect((record as { groups?: unknown }).groups).to.deep.equal(groups);
    expect((record as { proof?: unknown }).proof).to.deep.equal(proof);
    expect(opening?.values).to.deep.equal({ changed: '["/amount"]', reason: '"fine"', statement: '{"statement":2}' });
    const silent = approvalRecords.amended({ ...approval, amendments: [amendment] });
    expect(silent.record).to.include({ by: 'bob', reason: undefined, statement: undefined });
    expect(silent.opening?.values).to.deep.equal({ changed: '["/amount"]' });
    const sensitive = { '/amount': { audit: 'digest' } } as unknown as NonNullable<JournaledApproval['sensitive']>;
    const hidden = approvalRecords.amended({ ...edited, sensitive });
    expect(hidden.record).to.include({ reason: commit('reason', '"fine"') });
    expect(hidden.opening).to.equal(undefined);
  });

  it('is not made of an approval that has not come so far, nor of a verdict without its approval', () => {
    const fresh: JournaledApproval = { ...approval, verdicts: [], consumed: undefined, begun: undefined };
    for (const make of [approvalRecords.verdict, approvalRecords.consumed, approvalRecords.begun])
      expect(() => make(fresh)).to.throw(TypeError);
    const { approval: _, ...alone } = events['verdict'] as Extract<RecordedEvent, { kind: 'verdict' }>;
    expect(() => recordOf(alone)).to.throw(TypeError);
    expect(() => approvalRecords.amended(approval)).to.throw(TypeError);
    expect(() => recordOf({ kind: 'amended', ...call, by: 'bob' } as unknown as RecordedEvent)).to.throw(TypeError);
  });

  it('is made without a salt too, linked to nothing', () => {
    const { auditSalt: _, ...unsalted } = approval;
    const first = approvalRecords.consumed(unsalted).record as NewRecord & { effective: string };
    expect(first.effective).to.not.equal((approvalRecords.consumed(unsalted).record as typeof first).effective);
    const { auditSalt: __, ...bare } = task;
    const entering = { kind: 'entering', ...call, params: { amount: 5 } } as RecordedEvent;
    for (const event of [{ kind: 'opened', task: bare } as RecordedEvent, entering])
      expect((recordOf(event).record as { effective: string }).effective).to.not.equal(effective);
  });
});
