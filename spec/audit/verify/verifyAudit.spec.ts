import { expect } from 'chai';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { signCheckpoint } from '../../../lib/audit/tree/checkpoint.js';
import type { AuditReport } from '../../../lib/audit/verify/report/AuditReport.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import type { StoredUse, VerifyOptions } from '../../../lib/audit/verify/VerifyOptions.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { rejection } from '../../support/rejection.js';
import {
  allowedCall,
  approvedCall,
  askedCall,
  begun,
  builtCall,
  BuiltLog,
  builtSource,
  consumed,
  decided,
  entering,
  settled,
  sourceOf,
  verdict,
} from '../../support/builtLogs.js';

const ZERO = Buffer.alloc(32).toString('base64');

/** A log that is whole, and closed. */
function wholeLog(writer = 'w0', key = AuditKey.generate()): BuiltLog {
  const log = new BuiltLog(writer, { key });
  for (let i = 0; i < 3; i++) allowedCall(log);
  approvedCall(log);
  return log.close();
}

/** A line with a field that this version does not know, of lists in lists. */
function nested({ lines, writer, at }: BuiltLog, depth: number, inside: string): string {
  const place = `{"v":1,"seq":${lines.length},"at":${at},"writer":"${writer}","kind":"dropped","count":0,`;
  return `${place}"x":${'['.repeat(depth)}${inside}${']'.repeat(depth)}}`;
}

/** The codes of what was found. */
function codes({ integrity, completeness, law }: AuditReport): Record<string, readonly string[]> {
  const of = ({ findings }: AuditReport['law']): readonly string[] => findings.map(({ code }) => code);
  return { integrity: of(integrity), completeness: of(completeness), law: of(law) };
}

async function codesOf(log: BuiltLog, options?: VerifyOptions): Promise<Record<string, readonly string[]>> {
  return codes(await verifyAudit(builtSource(log), options));
}

const NONE = { integrity: [], completeness: [], law: [] };

describe('verifyAudit', () => {
  it('finds nothing wrong with a log that is whole, and counts what is in it', async () => {
    const log = new BuiltLog();
    for (let i = 0; i < 20; i++) allowedCall(log);
    approvedCall(log);
    const refused = builtCall();
    verdict(askedCall(log, refused), refused, { approved: false, status: 'denied' });
    log.close();
    const report = await verifyAudit(builtSource(log), { heads: [log.head], keys: [log.key.publicKey] });
    expect(report).to.deep.equal({
      ok: true,
      integrity: { ok: true, findings: [], more: 0 },
      completeness: { ok: true, findings: [], more: 0, proven: true },
      law: { ok: true, findings: [], more: 0 },
      counts: {
        records: 74,
        decisions: 22,
        approvals: 2,
        runs: 21,
        notWitnessed: 0,
        approvedElsewhere: 0,
        open: 0,
        openings: 0,
        signatures: 0,
        erasedStatements: 0,
        grantedElsewhere: 0,
      },
      logs: [
        {
          writer: 'w0',
          origin: 'acme.example/pay/w0',
          size: 74,
          signed: 74,
          covered: 74,
          root: log.tree.root().toString('base64'),
          keys: [log.key.publicKey.toString()],
          closed: true,
        },
      ],
      keys: 'given',
    });
  });

  it('does not say that nothing is missing without a head from outside', async () => {
    const log = wholeLog();
    const report = await verifyAudit(builtSource(log));
    expect(report.completeness).to.deep.equal({ ok: true, findings: [], more: 0, proven: false });
    expect(report).to.include({ ok: false, keys: 'own' });
    expect(codes(await verifyAudit(sourceOf(new Map())))).to.deep.equal(NONE);
  });

  it('passes over fields that it does not know, nested as deep as any record', async () => {
    const log = wholeLog();
    for (const inside of ['1', '']) log.add('closed', {}).addLine(nested(log, 31, inside).replace('"dropped","count":0', '"closed"'));
    const lines = log.lines.slice();
    expect(lines.at(-1)).to.include('[[');
    expect((await codesOf(log.sign()))['integrity']).to.not.include('malformed');
  });

  it('says which records may have been changed, and which was where its opening tells', async () => {
    const params = { amount: 7 };
    const log = new BuiltLog('w0', { every: 4 });
    for (let i = 0; i < 4; i++) {
      const call = builtCall(params);
      decided(log, call).open(call, { original: params });
    }
    log.sign();
    log.lines[5] = (log.lines[5] as string).replace(/"original":"(.)/, (_, first: string) => `"original":"${first === 'A' ? 'B' : 'A'}`);
    const { integrity } = await verifyAudit(builtSource(log));
    expect(integrity.findings).to.deep.equal([
      {
        code: 'changed',
        writer: 'w0',
        seq: 4,
        message: 'One of the records 4 to 5 was changed, removed or added after that was signed; what follows cannot be compared.',
      },
      {
        code: 'opening',
        writer: 'w0',
        seq: 5,
        message: "The opening of record 5 is not its own: it has another value of 'original' than the record commits to.",
      },
    ]);
  });

  for (const [what, found, make] of [
    ['a line that is not JSON', ['malformed', 'changed'], (log: BuiltLog) => (log.lines[4] = 'x')],
    ['a line that is a list', ['malformed', 'changed'], (log: BuiltLog) => (log.lines[4] = '[]')],
    ['a line that is null', ['malformed', 'changed'], (log: BuiltLog) => (log.lines[4] = 'null')],
    ['a space', ['malformed', 'changed'], (log: BuiltLog) => (log.lines[4] = (log.lines[4] as string).replace(',', ', '))],
    [
      'a field that is there twice',
      ['malformed', 'changed'],
      (log: BuiltLog) => (log.lines[4] = (log.lines[4] as string).replace('}', ',"toolName":"x"}')),
    ],
    [
      'fields in another order',
      ['malformed', 'changed'],
      (log: BuiltLog) => (log.lines[4] = (log.lines[4] as string).replace(/^\{("v":1),("seq":4)/, '{$2,$1')),
    ],
    [
      'later fields in another order',
      ['malformed', 'changed'],
      (log: BuiltLog) => (log.lines[3] = (log.lines[3] as string).replace(/("agentId":"[^"]*"),("decisionId":"[^"]*")/, '$2,$1')),
    ],
    [
      'a letter written as an escape',
      ['malformed', 'changed'],
      (log: BuiltLog) => (log.lines[4] = (log.lines[4] as string).replace('refund', '\\u0072efund')),
    ],
    [
      'a number in another writing',
      ['malformed', 'changed'],
      (log: BuiltLog) => (log.lines[4] = (log.lines[4] as string).replace('"v":1', '"v":1.0')),
    ],
    ['too few fields', ['malformed', 'changed'], (log: BuiltLog) => (log.lines[4] = '{"v":1}')],
    ['another version', ['malformed', 'changed'], (log: BuiltLog) => (log.lines[4] = (log.lines[4] as string).replace('"v":1', '"v":2'))],
  ] as const)
    it(`finds ${what}`, async () => {
      const log = wholeLog();
      make(log);
      expect((await codesOf(log))['integrity']?.toSorted()).to.deep.equal(found.toSorted());
    });

  // these were made by the writer itself, with its key
  for (const [what, verdictName, found, make] of [
    ['a kind that there is not', 'integrity', ['malformed'], (log: BuiltLog) => log.add('closed', {}, { kind: 'constructor' })],
    ['a record without its fields', 'integrity', ['malformed'], (log: BuiltLog) => log.add('begun', {} as never)],
    ['a record with a wrong field', 'integrity', ['malformed'], (log: BuiltLog) => log.add('dropped', { count: -1 })],
    ['policies that are not policies', 'integrity', ['malformed'], (log: BuiltLog) => decided(log, builtCall(), { policies: [null] })],
    ...(
      [
        ['a quorum of nobody', { quorum: 0 }],
        ['people apart that are not said to be', { distinct: 'true' }],
        ['groups that are added at no time', { escalate: [{ groups: ['a'] }] }],
        ['groups that are added and are none', { escalate: [{ afterMs: 1, groups: 'a' }] }],
        ['groups that are added, and are not a list', { escalate: {} }],
      ] as const
    ).map(
      ([what, more]) =>
        [
          what,
          'integrity',
          ['malformed'],
          (log: BuiltLog) =>
            askedCall(log).add('opened', {
              ...idsOfCall(),
              policies: [{ id: 'a', hash: 'b', ...more }] as never,
              expiresAt: 1,
              original: '',
              effective: '',
            }),
        ] as const,
    ),
    ['a field nested without end', 'integrity', ['malformed'], (log: BuiltLog) => log.addLine(nested(log, 100_000, '1'))],
    ['a field nested without end, of no numbers', 'integrity', ['malformed'], (log: BuiltLog) => log.addLine(nested(log, 100_000, ''))],
    ['a field nested just too deep', 'integrity', ['malformed'], (log: BuiltLog) => log.addLine(nested(log, 32, '1'))],
    ['a field nested just too deep, of no numbers', 'integrity', ['malformed'], (log: BuiltLog) => log.addLine(nested(log, 32, ''))],
    ['a proof that is not a proof', 'integrity', ['malformed'], (log: BuiltLog) => verdict(log, builtCall(), { proof: {} })],
    ['a record that says another place', 'completeness', ['sequence'], (log: BuiltLog) => log.add('closed', {}, { seq: 99 })],
    ['a record that says another log', 'integrity', ['foreign'], (log: BuiltLog) => log.add('closed', {}, { writer: 'w1' })],
    ['a record that is older than the one before', 'integrity', ['time'], (log: BuiltLog) => log.add('closed', {}, { at: 1 })],
    ['records that were dropped', 'completeness', ['dropped'], (log: BuiltLog) => log.add('dropped', { count: 3 })],
    [
      'a record after the end',
      'integrity',
      ['after_close'],
      (log: BuiltLog) => log.add('closed', {}).add('dropped', { count: 0 }).add('closed', {}),
    ],
    ['a start with another key', 'integrity', ['key_changed'], (log: BuiltLog) => start(log, AuditKey.generate()).add('closed', {})],
    ['a last start with another key', 'integrity', ['key_changed'], (log: BuiltLog) => start(log, AuditKey.generate())],
    [
      'a start with another key than the record after it',
      'integrity',
      ['key_changed'],
      (log: BuiltLog) => start(log, AuditKey.generate()).changeKey(AuditKey.generate()),
    ],
    [
      'a change from a key that was not in use',
      'integrity',
      ['key_chain'],
      (log: BuiltLog) =>
        log.add('key', { publicKey: log.key.publicKey.toString(), previousPublicKey: AuditKey.generate().publicKey.toString() }),
    ],
    [
      'a change to a key that is not one',
      'integrity',
      ['key_malformed'],
      (log: BuiltLog) => log.add('key', { publicKey: 'x', previousPublicKey: log.key.publicKey.toString() }),
    ],
  ] as const)
    it(`finds ${what}`, async () => {
      const log = allowedCall(new BuiltLog());
      make(log);
      log.sign();
      const all = await codesOf(log);
      expect(all[verdictName]).to.include.members([...found]);
      expect(all[verdictName === 'integrity' ? 'completeness' : 'integrity']?.filter((code) => code !== 'dropped')).to.deep.equal([]);
    });

  it('wants a start first', async () => {
    expect(await codesOf(new BuiltLog('w0', { starts: false }).add('closed', {}).sign())).to.deep.include({ integrity: ['no_start'] });
    const log = new BuiltLog('w0', { starts: false }).add('started', { source: 'library', version: '1', mode: 'required', publicKey: 'x' });
    expect(await codesOf(log.sign())).to.deep.include({ integrity: ['key_malformed'] });
  });

  it('finds what becomes of a log whose last records no checkpoint covers', async () => {
    const log = allowedCall(allowedCall(new BuiltLog()).sign());
    const report = await verifyAudit(builtSource(log));
    expect(report.integrity.findings).to.deep.equal([
      {
        code: 'unsigned',
        writer: 'w0',
        seq: 5,
        message:
          'Records 5 to 7 are in no checkpoint: the writer died before it signed, or they were added. When the writer starts again, it signs what it wrote.',
      },
    ]);
    expect(codes(await verifyAudit(builtSource(log), { allowUnsigned: true }))).to.deep.equal(NONE);
    expect(
      (await verifyAudit(builtSource(log.add('dropped', { count: 0 }).sign().add('closed', {})))).integrity.findings[0]?.message,
    ).to.match(/^Record 9 is in no checkpoint/);
    expect(await codesOf(new BuiltLog())).to.deep.include({ integrity: ['unsigned'] });
  });

  it('finds a line that is not finished, at the end and before others', async () => {
    const log = wholeLog();
    const { lines, notes, openings } = log;
    const torn = { torn: '{"v":1' };
    const source = (...parts: (readonly string[] | { torn: string })[]): ReturnType<typeof sourceOf> =>
      sourceOf(new Map([['w0', { lines: () => parts, notes, openings }]]));
    expect(codes(await verifyAudit(source(lines, torn)))).to.deep.include({ integrity: ['torn_line'] });
    expect(codes(await verifyAudit(source(lines, torn), { allowUnsigned: true }))).to.deep.equal(NONE);
    expect(codes(await verifyAudit(source(lines.slice(0, 3), torn, lines.slice(3)), { allowUnsigned: true }))).to.deep.include({
      integrity: ['torn_line'],
    });
  });

  it('waits for the checkpoint of a log that is being written', async () => {
    const log = allowedCall(new BuiltLog());
    const source = builtSource(log);
    let looks = 0;
    const live = {
      ...source,
      checkpoints: (writer: string) => {
        looks += 1;
        if (looks === 2) log.notes.push('not a checkpoint');
        // more was written since, and signed
        if (looks === 3) allowedCall(allowedCall(log).sign());
        return source.checkpoints(writer);
      },
    };
    const report = await verifyAudit(live, { waitMs: 10_000, keys: [log.key.publicKey], heads: [] });
    expect(codes(report)).to.deep.equal(NONE);
    expect(report.logs[0]).to.include({ signed: 8 });
    expect(looks).to.equal(3);
    expect(codes(await verifyAudit(builtSource(allowedCall(new BuiltLog())), { waitMs: 1 }))).to.deep.include({ integrity: ['unsigned'] });
  });

  it('finds a checkpoint that is not one, of another log, older, or with another name', async () => {
    const log = wholeLog();
    const other = wholeLog('w1', log.key);
    log.notes.push('x', other.head, signCheckpoint({ origin: log.origin, size: 1, root: ZERO }, [log.key]));
    expect((await codesOf(log))['integrity']).to.deep.equal(['checkpoint_malformed', 'checkpoint_of_another_log', 'checkpoint_order']);
    const renamed = wholeLog();
    renamed.notes.push(signCheckpoint({ origin: 'evil.example/w0', size: renamed.tree.size, root: rootOf(renamed) }, [renamed.key]));
    expect((await codesOf(renamed))['integrity']).to.deep.equal(['origin']);
    const two = wholeLog();
    two.notes.push(signCheckpoint({ origin: two.origin, size: two.tree.size, root: ZERO }, [two.key]));
    expect((await codesOf(two))['integrity']).to.deep.equal(['changed']);
  });

  describe('with keys', () => {
    it('takes a log that one of them signed, also where its key was changed before or after', async () => {
      const [first, second, third] = [AuditKey.generate(), AuditKey.generate(), AuditKey.generate()];
      const log = allowedCall(new BuiltLog('w0', { key: first }));
      allowedCall(log.sign().changeKey(second).sign());
      allowedCall(start(log, third).changeKey(third).sign()).close();
      for (const keys of [
        [first.publicKey],
        [second.publicKey],
        [third.publicKey.toString()],
        [AuditKey.generate().publicKey, third.publicKey],
      ])
        expect(await codesOf(log, { keys })).to.deep.equal(NONE);
      const report = await verifyAudit(builtSource(log));
      expect(report.logs[0]?.keys).to.deep.equal([first, second, third].map(({ publicKey }) => publicKey.toString()));
      expect(await codesOf(log, { keys: [AuditKey.generate().publicKey] })).to.deep.include({ integrity: ['key_not_trusted'] });
    });

    it('finds a checkpoint of another key, and a change that one key alone signed', async () => {
      const log = wholeLog();
      log.notes.push(signCheckpoint({ origin: log.origin, size: log.tree.size, root: rootOf(log) }, [AuditKey.generate()]));
      expect((await codesOf(log))['integrity']).to.deep.equal(['checkpoint_signature']);
      const [first, second] = [AuditKey.generate(), AuditKey.generate()];
      for (const signer of [first, second]) {
        const changed = allowedCall(new BuiltLog('w0', { key: first }))
          .sign()
          .changeKey(second);
        changed.notes.push(signCheckpoint({ origin: changed.origin, size: changed.tree.size, root: rootOf(changed) }, [signer]));
        const { integrity } = await verifyAudit(builtSource(changed), { keys: [first.publicKey] });
        expect(integrity.findings.map(({ code }) => code)).to.deep.equal(['checkpoint_signature']);
        expect(integrity.findings[0]?.message).to.contain('both keys');
      }
    });

    it('does not take a log that a stranger made and called its key changed to one that is trusted', async () => {
      const [trusted, evil] = [AuditKey.generate(), AuditKey.generate()];
      const log = allowedCall(new BuiltLog('w0', { key: evil })).changeKey(trusted);
      log.notes.push(signCheckpoint({ origin: log.origin, size: log.tree.size, root: rootOf(log) }, [evil]));
      expect((await codesOf(log, { keys: [trusted.publicKey] }))['integrity']).to.deep.equal(
        ['checkpoint_signature', 'key_not_trusted'].toSorted(),
      );
    });
  });

  describe('with heads', () => {
    it('finds a log that was cut off, together with its checkpoints', async () => {
      const log = wholeLog();
      const { head } = log;
      const short = { lines: () => [log.lines.slice(0, 8)], notes: [], openings: [] };
      const source = sourceOf(new Map([['w0', short]]));
      const report = await verifyAudit(source, { heads: [head], allowUnsigned: true });
      expect(report.completeness.findings).to.deep.equal([
        {
          code: 'shorter_than_head',
          writer: 'w0',
          seq: 8,
          message: `${log.tree.size - 8} records from 8 on are missing: the log has 8, and a head from outside says ${log.tree.size}.`,
        },
      ]);
      const own = await verifyAudit(sourceOf(new Map([['w0', { ...short, lines: () => [log.lines.slice(0, -1)], notes: [head] }]])));
      expect(own.completeness.findings[0]).to.deep.include({ code: 'truncated', seq: log.tree.size - 1 });
      expect(own.completeness.findings[0]?.message).to.match(/^Record \d+ is missing: .*its own checkpoint says/);
    });

    it('takes several heads of one log, and names the one record that was changed between two', async () => {
      const log = new BuiltLog('w0', { every: 1 });
      allowedCall(log);
      expect(await codesOf(log, { heads: log.notes })).to.deep.equal(NONE);
      log.lines[3] = (log.lines[3] as string).replace('refund', 'rebate');
      const { integrity } = await verifyAudit(builtSource(log));
      expect(integrity.findings.map(({ seq, message }) => [seq, message])).to.deep.equal([
        [3, 'Record 3 was changed after that was signed; what follows cannot be compared.'],
      ]);
    });

    it('finds a log of which only others still speak: its checkpoints, the store, and heads from outside', async () => {
      const [log, gone] = [wholeLog(), wholeLog('w1')];
      const report = await verifyAudit(builtSource(log), { heads: [`${log.head}\n${gone.head}`] });
      expect(report.completeness.findings).to.deep.equal([
        {
          code: 'log_missing',
          writer: 'w1',
          message: `The log 'w1' is not there: a head from outside says that it has ${gone.tree.size} records.`,
        },
      ]);
      const store = { heads: () => [gone.head] };
      expect(await codesOf(log, { store })).to.deep.include({ completeness: ['log_missing'] });
      expect(await codesOf(log, { store: { heads: () => ['x'] } })).to.deep.include({ completeness: ['stored_head'] });
      const tells = allowedCall(new BuiltLog('w0')).sign([{ writer: 'w1', size: 7, root: ZERO }]);
      expect((await verifyAudit(builtSource(tells))).completeness.findings[0]?.message).to.contain(
        "the log 'w0' says that it has 7 records",
      );
    });

    it('finds a log that is not the one of which another log, the store or a head from outside speaks', async () => {
      const log = wholeLog();
      const other = wholeLog('w0', log.key);
      for (const options of [{ heads: [other.head] }, { store: { heads: () => [other.head] } }])
        expect(await codesOf(log, options)).to.deep.include({ integrity: ['head_differs'] });
      const tells = new BuiltLog('w1').sign([{ writer: 'w0', size: 3, root: ZERO }]);
      expect(codes(await verifyAudit(builtSource(log, tells)))).to.deep.include({ integrity: ['head_differs'] });
      const honest = new BuiltLog('w1').sign([{ writer: 'w0', size: log.tree.size, root: rootOf(log) }]);
      expect(codes(await verifyAudit(builtSource(log, honest)))).to.deep.equal(NONE);
      const first = new BuiltLog('w1').sign([{ writer: 'w0', size: 0, root: ZERO }]);
      expect((await verifyAudit(builtSource(log, first))).integrity.ok).to.equal(false);
    });

    it('finds a head that no key of the log signed', async () => {
      const log = wholeLog();
      const head = signCheckpoint({ origin: log.origin, size: log.tree.size, root: rootOf(log) }, [AuditKey.generate()]);
      expect(await codesOf(log, { heads: [head] })).to.deep.include({ completeness: ['head_signature'] });
    });

    it('does not take a head that cannot be read', async () => {
      for (const [text, message] of [
        ['', 'heads[0]: There is no checkpoint in it'],
        ['x\n', 'heads[0]: Checkpoint 1 in it cannot be read'],
        [`${wholeLog().head}\nx\n`, 'heads[0]: Checkpoint 2 in it cannot be read'],
      ] as const) {
        const error = await rejection(verifyAudit(builtSource(), { heads: [text] }));
        expect(error).to.be.instanceOf(ConfigError);
        expect((error as Error).message).to.contain(message);
      }
    });
  });

  it('compares the uses of approvals with the store', async () => {
    const log = new BuiltLog();
    const [used, half] = [builtCall(), builtCall()];
    begun(consumed(verdict(askedCall(log, used), used), used), used);
    consumed(verdict(askedCall(log, half), half), half);
    log.close();
    const use = (decisionId: string, atMs = log.at): StoredUse => ({
      decisionId,
      consumed: { token: 't', atMs },
      begun: { claimToken: 'c', atMs },
    });
    const found = async (...uses: readonly StoredUse[]): Promise<readonly string[]> => {
      const { completeness } = await verifyAudit(builtSource(log), { store: { approvals: () => uses } });
      return completeness.findings.map(({ message }) => message);
    };
    expect(await found(use(used.decisionId), { decisionId: 'dec-pending', consumed: undefined, begun: undefined })).to.deep.equal([]);
    expect(await found(use(half.decisionId))).to.deep.equal(['The store has an approval that was begun, and no log says so.']);
    expect(await found(use('dec-erased'))).to.deep.equal([
      'The store has an approval that was used, and no log says so.',
      'The store has an approval that was begun, and no log says so.',
    ]);
    expect(await found(use('dec-before-the-log', 5))).to.deep.equal([]);
    const verdicts = [{ atMs: log.at }, { atMs: log.at }];
    expect(await found({ ...use(used.decisionId), verdicts: verdicts.slice(1) })).to.deep.equal([]);
    expect(await found({ ...use(used.decisionId), verdicts })).to.deep.equal([
      'The store has an approval that was decided, and no log says so.',
    ]);
  });

  it('finds entries whose end a closed log does not have, and counts them in one that is open', async () => {
    const [log, call] = [new BuiltLog(), builtCall()];
    entering(decided(log, call), call).sign();
    const open = await verifyAudit(builtSource(log));
    expect(open.completeness.findings).to.deep.equal([]);
    expect(open.counts.open).to.equal(1);
    const closed = await verifyAudit(builtSource(log.close()));
    expect(closed.completeness.findings.map(({ code, seq }) => [code, seq])).to.deep.equal([['open_entry', 3]]);
    start(log, log.key);
    settled(log, call, { outcome: 'unknown', bySuccessor: true });
    expect((await verifyAudit(builtSource(log.close()))).ok).to.equal(false);
    expect(codes(await verifyAudit(builtSource(log)))).to.deep.equal(NONE);
  });

  it('compares openings, in their order', async () => {
    const params = { amount: 7, 'ü\u2028': 'x' };
    const log = new BuiltLog();
    const calls = [builtCall(params), builtCall(params), builtCall(params)];
    for (const call of calls) decided(log, call).open(call, { original: params, requester: call.requester });
    log.close();
    const report = await verifyAudit(builtSource(log));
    expect(codes(report)).to.deep.equal(NONE);
    expect(report.counts.openings).to.equal(3);
    log.openings = [...log.openings.slice(1), ...log.openings.slice(0, 1)];
    expect((await codesOf(log))['integrity']).to.deep.equal(['opening_misplaced']);
    log.openings.unshift(log.openings[0] as (typeof log.openings)[number]);
    expect((await codesOf(log))['integrity']).to.deep.equal(['opening_misplaced', 'opening_misplaced']);
    expect((await verifyAudit(builtSource(log), { openings: false })).counts.openings).to.equal(0);
    log.openings = [{ ...(log.openings[0] as (typeof log.openings)[number]), seq: 0 }];
    expect((await codesOf(log))['integrity']).to.deep.equal(['opening']);
  });

  it('verifies as much of a log from which openings were erased', async () => {
    const log = new BuiltLog();
    for (let i = 0; i < 9; i++) {
      const call = builtCall({ i });
      decided(log, call).open(call, { original: { i } });
    }
    log.close().openings = log.openings.filter((_, i) => i % 3 === 0);
    const report = await verifyAudit(builtSource(log));
    expect(codes(report)).to.deep.equal(NONE);
    expect(report.counts.openings).to.equal(3);
  });

  it('keeps as many findings as it is told, in order, and counts the rest', async () => {
    const log = new BuiltLog();
    for (let i = 0; i < 9; i++) entering(log, builtCall());
    const report = await verifyAudit(builtSource(log.sign()), { maxFindings: 4 });
    expect(report.law.findings.map(({ seq }) => seq)).to.deep.equal([2, 3, 4, 5]);
    expect(report.law).to.include({ ok: false, more: 5 });
    expect((await verifyAudit(builtSource(log), { maxFindings: 0 })).law).to.deep.equal({ ok: false, findings: [], more: 9 });
  });

  it('tells how far it has come', async () => {
    const told: unknown[] = [];
    await verifyAudit(builtSource(wholeLog(), wholeLog('w1')), { onProgress: (progress) => told.push(progress) });
    expect(told).to.deep.equal([
      { writer: 'w0', records: 20 },
      { writer: 'w1', records: 40 },
    ]);
  });

  it('does not take options that it does not know', async () => {
    for (const options of [{ head: [] }, { keys: 'x' }, { waitMs: -1 }, { keys: ['x'] }])
      expect(await rejection(verifyAudit(builtSource(), options as never))).to.be.instanceOf(ConfigError);
  });
});

function start(log: BuiltLog, key: AuditKey): BuiltLog {
  return log.add('started', { source: 'library', version: '1.0.0', mode: 'required', publicKey: key.publicKey.toString() });
}

function rootOf({ tree }: BuiltLog): string {
  return tree.root().toString('base64');
}

function idsOfCall(): { decisionId: string; agentId: string; toolName: string } {
  return { decisionId: 'dec-x', agentId: 'shop-agent', toolName: 'refund' };
}
