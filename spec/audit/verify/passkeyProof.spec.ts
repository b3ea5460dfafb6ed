import { expect } from 'chai';
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { approvalRecords } from '../../../lib/audit/record/approvalRecords.js';
import { commitmentOf } from '../../../lib/audit/record/commitment.js';
import type { NewOpening, OpenRecord } from '../../../lib/audit/record/OpenRecord.js';
import { verdictStatement } from '../../../lib/decision/desk/verdictStatement.js';
import { recordOf } from '../../support/approvalRecords.js';
import type { VerdictRecord } from '../../../lib/audit/record/AuditRecord.js';
import { passkeyProof } from '../../../lib/audit/verify/law/passkeyProof.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { canonicalDigest, canonicalText, sha256 } from '../../../lib/common/data/canonical.js';
import { madeCredential } from '../../../lib/server/people/webauthn/madeCredential.js';
import type { VerdictProof } from '../../../lib/store/ApprovalStore.js';
import {
  askedCall,
  builtCall,
  BuiltLog,
  builtSource,
  committed,
  decided,
  idsOf,
  opened,
  POLICIES,
  ranApproved,
  SET,
  verdict,
} from '../../support/builtLogs.js';
import type { BuiltCall, Over } from '../../support/builtLogs.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import type { Lies } from '../../support/SoftAuthenticator.js';

const ORIGIN = 'https://aegis.example.com:8443';
const PARTY = 'aegis.example.com';
const PARAMS = { amount: 5 };

/** A person with a passkey. */
async function passkey(): Promise<{ id: string; publicKey: string; sign: (challenge: string, lies?: Lies) => VerdictProof }> {
  const browser = new SoftAuthenticator(ORIGIN);
  const challenge = randomBytes(32).toString('base64url');
  const made = browser.create({ challenge, rp: { id: PARTY }, user: { id: 'bob' } });
  const { id, publicKey } = await madeCredential({ response: made, challenge, origin: ORIGIN });
  return {
    id,
    publicKey,
    sign: (signed, lies) => {
      const { response } = browser.get({ challenge: signed, rpId: PARTY }, lies);
      const { clientDataJSON, authenticatorData, signature } = response;
      return { kind: 'passkey', credential: id, nonce: 'nonce', version: 3, clientDataJSON, authenticatorData, signature };
    },
  };
}

describe('The signature of a passkey in a log', () => {
  it('is verified from the record alone', async () => {
    const { publicKey, sign: signs } = await passkey();
    expect(passkeyProof(signs('Y2hhbGxlbmdl'), publicKey)).to.deep.equal({ challenge: 'Y2hhbGxlbmdl', origin: ORIGIN });
  });

  for (const [what, lies] of [
    ['for another site', { rpId: 'other.example.com' }],
    ['for another origin than the site', { origin: 'https://evil.example' }],
    ['for what is not an origin', { origin: 'nowhere' }],
    ['in a frame', { crossOrigin: true }],
    ['without a person', { userVerified: false }],
    ['without anyone', { userPresent: false }],
    ['to register', { type: 'webauthn.create' }],
  ] as const)
    it(`is not good ${what}`, async () => {
      const { publicKey, sign: signs } = await passkey();
      const given =
        what === 'for another site' ? { ...signs('YQ'), authenticatorData: Buffer.alloc(37, 5).toString('base64url') } : signs('YQ', lies);
      expect(passkeyProof(given, publicKey)).to.equal(undefined);
    });

  it('is not good after any change of one byte, or with another key', async () => {
    const { publicKey, sign: signs } = await passkey();
    const proof = signs('Y2hhbGxlbmdl');
    for (const field of ['clientDataJSON', 'authenticatorData', 'signature'] as const) {
      const bytes = Buffer.from(proof[field], 'base64url');
      for (let i = 0; i < bytes.length; i++) {
        const changed = Buffer.from(bytes);
        changed[i] = (changed[i] as number) ^ 1;
        expect(passkeyProof({ ...proof, [field]: changed.toString('base64url') }, publicKey)).to.equal(undefined);
      }
    }
    expect(passkeyProof(proof, (await passkey()).publicKey)).to.equal(undefined);
    expect(passkeyProof({ ...proof, authenticatorData: 'AAAA' }, publicKey)).to.equal(undefined);
    expect(passkeyProof({ ...proof, clientDataJSON: Buffer.from('{"type":"webauthn.get"}').toString('base64url') }, publicKey)).to.equal(
      undefined,
    );
    expect(passkeyProof({ ...proof, clientDataJSON: Buffer.from('null').toString('base64url') }, publicKey)).to.equal(undefined);
  });

  describe('with a key', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ed = generateKeyPairSync('ed25519');
    const { n = '', e = '' } = rsa.publicKey.export({ format: 'jwk' });
    const { x = '' } = ed.publicKey.export({ format: 'jwk' });
    const edCose = cose([
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, bytes(x)],
    ]);
    const rsaCose = cose([
      [1, 3],
      [3, -257],
      [-1, bytes(n)],
      [-2, bytes(e)],
    ]);

    it('of RSA or ed25519 is verified too', () => {
      for (const [key, publicKey] of [
        [rsa.privateKey, rsaCose],
        [ed.privateKey, edCose],
      ] as const)
        expect(passkeyProof(signedBy(key), publicKey.toString('base64url'))?.challenge).to.equal('YQ');
    });

    for (const [what, publicKey] of [
      ['that is empty', Buffer.alloc(0)],
      ['that is not a map', Buffer.from([0x80])],
      ['that is cut off', edCose.subarray(0, -1)],
      ['that is cut off in a number', Buffer.from([0xa1, 0x19, 1])],
      ['with more after it', Buffer.concat([edCose, Buffer.of(0)])],
      ['with a label that is not a number', Buffer.from([0xa1, 0x41, 1, 1])],
      ['with a value of another kind', Buffer.from([0xa1, 1, 0xf6])],
      ['with a long length', Buffer.from([0xa1, 1, 0x1b, 0, 0, 0, 0, 0, 0, 0, 1])],
      ['with bytes that are not there', Buffer.from([0xa1, 1, 0x58, 200])],
      ['of no kind', cose([[1, 9]])],
      [
        'of another curve',
        cose([
          [1, 2],
          [3, -7],
          [-1, 2],
          [-2, Buffer.alloc(32)],
          [-3, Buffer.alloc(32)],
        ]),
      ],
      [
        'that is not on its curve',
        cose([
          [1, 2],
          [3, -7],
          [-1, 1],
          [-2, Buffer.alloc(32, 1)],
          [-3, Buffer.alloc(32, 2)],
        ]),
      ],
      [
        'of RSA without its exponent',
        cose([
          [1, 3],
          [3, -257],
          [-1, Buffer.alloc(8)],
        ]),
      ],
      [
        'of another curve of Edwards',
        cose([
          [1, 1],
          [3, -8],
          [-1, 7],
          [-2, Buffer.alloc(57)],
        ]),
      ],
    ] as const)
      it(`${what} is not good`, () => expect(passkeyProof(signedBy(ed.privateKey), publicKey.toString('base64url'))).to.equal(undefined));
  });
});

describe('A verdict that was signed with a passkey', () => {
  /** A log in which bob approves with a passkey. */
  async function signedLog(
    over: (call: BuiltCall) => {
      readonly statement?: Over;
      readonly record?: Over;
      readonly credential?: Over;
      readonly text?: string;
      readonly signed?: string;
      readonly kept?: string;
      readonly proof?: Over;
    } = () => ({}),
    { registers = true, removes = false, opens = true } = {},
  ): Promise<BuiltLog> {
    const { id, publicKey, sign: signs } = await passkey();
    const log = new BuiltLog();
    const call = builtCall(PARAMS);
    const { statement, record, credential, text, signed, kept, proof } = over(call);
    if (registers) log.add('credential', { act: 'registered', person: 'bob', credential: id, publicKey, by: 'bob' }, credential);
    if (removes) log.add('credential', { act: 'removed', person: 'bob', credential: id, by: 'bob' });
    askedCall(log, call);
    const said =
      text ??
      canonicalText({
        statement: 'aegis-verdict-1',
        origin: ORIGIN,
        nonce: 'nonce',
        tenant: 'default',
        decisionId: call.decisionId,
        version: 3,
        agent: call.agentId,
        tool: call.toolName,
        digest: canonicalDigest(PARAMS),
        verdict: 'approve',
        ...statement,
      });
    const challenge = createHash('sha256')
      .update(signed ?? said)
      .digest('base64url');
    verdict(log, call, {
      assurance: 'passkey',
      proof: { ...signs(challenge), ...proof },
      statement: commitmentOf('statement', call.salt, sha256(kept ?? said)),
      ...record,
    });
    if (opens) keep(log, call, kept ?? said);
    return ranApproved(log, call).close();
  }

  /** Opens the last record as the library does: with the text that was signed. */
  function keep(log: BuiltLog, { decisionId, requester, salt }: BuiltCall, statement: string): void {
    log.openings.push({ seq: log.lines.length - 1, at: log.at, decisionId, requester, salt, values: { statement } });
  }

  async function findings(log: BuiltLog): Promise<readonly string[]> {
    const { law, integrity } = await verifyAudit(builtSource(log));
    expect(integrity.findings).to.deep.equal([]);
    return law.findings.map(({ message }) => message.replace(/record \d+/i, 'record')).slice(0, 1);
  }

  it('is verified with the key of that time, and with what was signed', async () => {
    const { law, counts } = await verifyAudit(builtSource(await signedLog()));
    expect(law.findings).to.deep.equal([]);
    expect(counts).to.include({ signatures: 1, erasedStatements: 0 });
  });

  it('is verified also after its statement was erased, as far as that goes', async () => {
    const { law, counts } = await verifyAudit(builtSource(await signedLog(undefined, { opens: false })));
    expect(law.findings).to.deep.equal([]);
    expect(counts).to.include({ signatures: 1, erasedStatements: 1 });
  });

  it('counts for nothing with a key that is not there, is removed, or is of someone else', async () => {
    const gone = ['The verdict in record is signed with a passkey that its person did not have at that time.'];
    expect(await findings(await signedLog(undefined, { registers: false }))).to.deep.equal(gone);
    expect(await findings(await signedLog(undefined, { removes: true }))).to.deep.equal(gone);
    expect(await findings(await signedLog(() => ({ credential: { person: 'eve' } })))).to.deep.equal(gone);
    expect(await findings(await signedLog(() => ({ credential: { tenantId: 'other' } })))).to.deep.equal(gone);
    expect(await findings(await signedLog(() => ({ record: { by: 'cat' } })))).to.deep.equal(gone);
  });

  it('is verified with the key of the time at which it was given, where it is written late', async () => {
    for (const [committedAt, isGood] of [
      [1_750_000_000_003, true],
      [1_750_000_000_004, false],
    ] as const)
      // the key is registered in record 2 and removed in record 3
      expect(await findings(await signedLog(() => ({ record: { committedAt } }), { removes: true }))).to.have.length(isGood ? 0 : 1);
  });

  it('takes a key from another log by its time', async () => {
    const log = await signedLog(undefined, { registers: false });
    const record = JSON.parse(log.lines.find((line) => line.includes('"verdict"')) as string) as { at: number; proof: VerdictProof };
    for (const [at, expected] of [
      [record.at, 'good'],
      [record.at + 1, 'gone'],
    ] as const) {
      const other = new BuiltLog('w1');
      other.wait(at - other.at - 1);
      other.add('credential', { act: 'registered', person: 'bob', credential: record.proof.credential, publicKey: 'AAAA', by: 'bob' });
      const { law } = await verifyAudit(builtSource(log, other.close()));
      expect(law.findings[0]?.message).to.contain(expected === 'good' ? 'a signature that is not good' : 'did not have at that time');
    }
  });

  it('counts for nothing where it signed something else', async () => {
    const other = ['The verdict in record has a signature over another verdict.'];
    for (const statement of [
      { decisionId: 'dec-other' },
      { agent: 'other-agent' },
      { tool: 'read' },
      { tenant: 'other' },
      { verdict: 'deny' },
      { origin: 'https://evil.example' },
      { version: 2 },
      { digest: canonicalDigest({ amount: 5_000 }) },
      { digest: 'x' },
      { digest: 5 },
    ])
      expect(await findings(await signedLog(() => ({ statement })))).to.deep.equal(other);
    for (const text of ['not JSON', 'null']) expect(await findings(await signedLog(() => ({ text })))).to.deep.equal(other);
    expect(await findings(await signedLog(() => ({ record: { approved: false } })))).to.deep.equal(other);
    expect(await findings(await signedLog(() => ({ proof: { clientDataJSON: 'e30' } })))).to.deep.equal([
      'The verdict in record has a signature that is not good.',
    ]);
  });

  it('counts for nothing where the statement is another one than was signed', async () => {
    expect(await findings(await signedLog(() => ({ signed: 'something else' })))).to.deep.equal([
      'The verdict in record has a signature over something else.',
    ]);
  });

  it('counts for nothing where it signed no statement at all', async () => {
    expect(await findings(await signedLog(() => ({ record: { statement: undefined } }), { opens: false }))).to.deep.equal([
      'The verdict in record has a signature, and nothing that it is over.',
    ]);
  });

  it('counts for nothing with the signature of another verdict, whose statement was erased', async () => {
    for (const [what, over, expected] of [
      ['the same one, told twice', {}, []],
      ['a no that becomes a yes', { approved: false }, ['other', 'quorum_missing', 'quorum_missing']],
      ['other params', { effective: 'x' }, ['other_params', 'other', 'quorum_missing', 'quorum_missing']],
    ] as const) {
      const log = await signedLog(undefined, { opens: false });
      const at = log.lines.findIndex((line) => line.includes('"kind":"verdict"'));
      const { v: _v, seq: _seq, at: _at, writer: _writer, kind: _kind, ...fields } = JSON.parse(log.lines[at] as string) as VerdictRecord;
      const other = new BuiltLog('a0', { key: log.key }).add('verdict', { ...fields, ...over });
      const { law } = await verifyAudit(builtSource(other.close(), log));
      expect(
        law.findings.map(({ message }) => message).filter((message) => message.includes('signature of another verdict')),
        what,
      ).to.have.length(expected.includes('other' as never) ? 1 : 0);
    }
    // the same signature, for another call
    const log = await signedLog(undefined, { opens: false });
    const record = JSON.parse(log.lines.find((line) => line.includes('"kind":"verdict"')) as string) as VerdictRecord;
    const replayed = builtCall({ amount: 5_000 });
    const { proof, statement } = record;
    const other = new BuiltLog('w1', { key: log.key });
    verdict(askedCall(other, replayed), replayed, { assurance: 'passkey', proof, statement });
    ranApproved(other, replayed);
    const { law } = await verifyAudit(builtSource(log, other.close()));
    expect(law.findings.map(({ code, writer }) => [code, writer])).to.deep.equal([
      ['verdict_signature', 'w1'],
      ['quorum_missing', 'w1'],
      ['quorum_missing', 'w1'],
    ]);
  });

  it('counts for nothing where what is kept of its statement is not what was signed', async () => {
    for (const kept of ['5', '"text"', ''])
      expect(await findings(await signedLog(() => ({ kept })))).to.deep.equal([
        'The verdict in record has a signature over something else.',
      ]);
  });

  it('is bound to its statement as the library writes both', async () => {
    const { id, publicKey, sign: signs } = await passkey();
    for (const [what, over, found] of [
      ['what it says', {}, []],
      ['another tool', { toolName: 'wire_money' }, ['verdict_signature']],
      ['other params', { digest: canonicalDigest({ amount: 5_000 }) }, ['verdict_signature']],
    ] as const) {
      const log = new BuiltLog();
      const call = builtCall(PARAMS);
      log.add('credential', { act: 'registered', person: 'bob', credential: id, publicKey, by: 'bob' });
      askedCall(log, call);
      const signed = recordOf({ ...idsOf(call), requester: 'ann', version: 3, digest: canonicalDigest(PARAMS), verdicts: [], ...over });
      const statement = verdictStatement(signed, { approve: true, reason: undefined, origin: ORIGIN, nonce: 'nonce', tenantId: null });
      const proof = signs(createHash('sha256').update(statement).digest('base64url'));
      const given = { by: 'bob', approve: true, policies: [POLICIES.id], assurance: 'passkey', groups: ['leads'], proof } as const;
      const approval = { ...signed, toolName: call.toolName, digest: canonicalDigest(PARAMS), auditSalt: call.salt, verdicts: [given] };
      const { record, opening } = approvalRecords.verdict(approval as never, { statement });
      const { kind: _, ...fields } = record as Omit<VerdictRecord, 'seq' | 'at' | 'writer' | 'v'>;
      log.add('verdict', fields);
      log.openings.push({ ...(opening as NewOpening), seq: log.lines.length - 1, at: log.at });
      const { law, integrity, counts } = await verifyAudit(builtSource(ranApproved(log, call).close()));
      expect(integrity.findings, what).to.deep.equal([]);
      expect(law.findings.map(({ code }) => code).slice(0, 1), what).to.deep.equal(found);
      expect(counts.erasedStatements, what).to.equal(0);
    }
  });
});

describe('An edit in a log', () => {
  const EDITED = { amount: 4 };
  const [before, after] = [canonicalDigest(PARAMS), canonicalDigest(EDITED)];

  /** A log in which bob edits a call, with a passkey. Alone: and cat approves it. With a yes: bob may approve it too, and one signature is over both. */
  async function editedLog(how: 'alone' | 'with a yes', signed: Over = {}, over: Over = {}): Promise<BuiltLog> {
    const { id, publicKey, sign: signs } = await passkey();
    const log = new BuiltLog();
    const call = builtCall(PARAMS);
    log.add('credential', { act: 'registered', person: 'bob', credential: id, publicKey, by: 'bob' });
    const policies = [{ ...POLICIES, approvers: ['leads'], editorMayApprove: true }];
    opened(decided(log, call, { effect: 'approval_needed' }), call, { policies });
    const amendment = { by: 'bob', atMs: 1, from: before, to: after, params: EDITED, changes: [{ pointer: '/amount' }], superseded: [] };
    const record = recordOf({
      ...idsOf(call),
      requester: 'ann',
      version: 3,
      digest: after,
      policies,
      verdicts: [],
      amendments: [amendment],
    });
    const approve = how === 'alone' ? 'amend' : true;
    const stated = { approve, reason: undefined, origin: ORIGIN, nonce: 'nonce', tenantId: null } as const;
    const statement = verdictStatement({ ...record, ...signed }, stated);
    const proof = signs(createHash('sha256').update(statement).digest('base64url'));
    const given = { by: 'bob', approve: true, policies: [POLICIES.id], assurance: 'passkey', groups: ['leads'] } as const;
    const shown = { ...record, auditSalt: call.salt, policySetHash: SET, status: 'approved' };
    const edit = { ...amendment, assurance: 'passkey', ...(how === 'alone' && { proof }) };
    add(approvalRecords.amended({ ...shown, amendments: [edit] } as never, how === 'alone' ? { statement } : {}), over);
    if (how === 'alone') verdict(log, call, { by: 'cat', effective: committed('effective', call.salt, EDITED) });
    else add(approvalRecords.verdict({ ...shown, verdicts: [{ ...given, proof }] } as never, { statement }), over);
    return ranApproved(log, { ...call, effective: committed('effective', call.salt, EDITED) }).close();

    function add({ record: { kind, ...fields }, opening }: OpenRecord, changed: Over): void {
      log.add(kind, fields as never, changed);
      if (opening !== undefined) log.openings.push({ ...opening, seq: log.lines.length - 1, at: log.at });
    }
  }

  for (const how of ['alone', 'with a yes'] as const) {
    it(`that was signed ${how} is verified from the log`, async () => {
      const { law, integrity, counts } = await verifyAudit(builtSource(await editedLog(how)));
      expect([integrity.findings, law.findings]).to.deep.equal([[], []]);
      expect([counts.signatures, counts.erasedStatements]).to.deep.equal([1, 0]);
    });

    it(`that was signed ${how} is verified also after its statement was erased, as far as that goes`, async () => {
      const log = await editedLog(how);
      log.openings = [];
      const { law, counts } = await verifyAudit(builtSource(log));
      expect(law.findings).to.deep.equal([]);
      expect([counts.signatures, counts.erasedStatements]).to.deep.equal([1, 1]);
    });

    for (const [what, signed] of [
      ['no edit', { amendments: undefined }],
      ['another edit', { amendments: [{ by: 'bob', from: after, to: before }] }],
      ['the edit of someone else', { amendments: [{ by: 'eve', from: before, to: after }] }],
      ['a second edit', { amendments: [{}, { by: 'bob', from: before, to: after }] }],
      ['an edit of other params', { amendments: [{ by: 'bob', from: canonicalDigest({}), to: after }] }],
      ['an edit to other params', { amendments: [{ by: 'bob', from: before, to: canonicalDigest({}) }] }],
      ['the params before', { digest: before }],
      ['another call', { decisionId: 'dec-other' }],
    ] as const)
      it(`that was signed ${how} counts for nothing where ${what} was signed`, async () => {
        const { law } = await verifyAudit(builtSource(await editedLog(how, signed as Over)));
        expect(law.findings[0]?.code).to.equal(how === 'alone' ? 'edit_signature' : 'verdict_signature');
      });
  }

  it('counts for nothing with a signature that is not good', async () => {
    const { law } = await verifyAudit(builtSource(await editedLog('alone', {}, { statement: undefined })));
    expect(law.findings.map(({ code }) => code)).to.deep.equal(['edit_signature']);
  });
});

function signedBy(key: KeyObject): VerdictProof {
  const client = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge: 'YQ', origin: ORIGIN }));
  const authenticator = Buffer.concat([createHash('sha256').update(PARTY).digest(), Buffer.of(5, 0, 0, 0, 0)]);
  const data = Buffer.concat([authenticator, createHash('sha256').update(client).digest()]);
  const algorithm = createPublicKey(key).asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return {
    kind: 'passkey',
    credential: 'c',
    nonce: 'n',
    version: 1,
    clientDataJSON: client.toString('base64url'),
    authenticatorData: authenticator.toString('base64url'),
    signature: sign(algorithm, data, key).toString('base64url'),
  };
}

/** A COSE key, in CBOR. */
function cose(entries: readonly (readonly [label: number, value: number | Buffer])[]): Buffer {
  const head = (major: number, value: number): Buffer =>
    value < 24
      ? Buffer.of((major << 5) | value)
      : value < 256
        ? Buffer.of((major << 5) | 24, value)
        : Buffer.of((major << 5) | 25, value >> 8, value & 255);
  const item = (value: number | Buffer): Buffer =>
    typeof value !== 'number' ? Buffer.concat([head(2, value.length), value]) : value >= 0 ? head(0, value) : head(1, -1 - value);
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([label, value]) => [item(label), item(value)])]);
}

function bytes(base64url: string): Buffer {
  return Buffer.from(base64url, 'base64url');
}
