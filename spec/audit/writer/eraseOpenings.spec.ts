import { expect } from 'chai';
import type { DecidedRecord } from '../../../lib/audit/record/AuditRecord.js';
import { commitmentOf } from '../../../lib/audit/record/commitment.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { AuditLog } from '../../../lib/audit/writer/AuditLog.js';
import { selectedOpenings } from '../../../lib/audit/writer/eraseOpenings.js';
import type { Erasure } from '../../../lib/audit/writer/eraseOpenings.js';
import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { builtCall, BuiltLog, committed, decided, opened, sourceOf, verdict } from '../../support/builtLogs.js';
import type { StoredLog } from '../../support/builtLogs.js';
import { rejection } from '../../support/rejection.js';
import { readBack } from '../sink/readBack.js';

describe('Erasing openings', () => {
  const START = Date.UTC(2026, 0, 1);
  const key = AuditKey.generate();
  let logs: MemoryLogs;
  let log: AuditLog;
  beforeEach(async () => {
    logs = new MemoryLogs();
    log = auditLog({ sink: new MemorySink(logs), origin: 'spec.example', key });
    for (const [i, requester] of ['alice', 'bob', undefined, 'Alice ', 'carol'].entries())
      await log.write(
        { kind: 'policies', hash: `h${i}` },
        { decisionId: `dec_${i}`, salt: 'AAAAAAAAAAAAAAAAAAAAAA', values: {}, ...(requester !== undefined && { requester }) },
      );
    // by the time that they were written
    for (const one of logs.logs.values()) one.openings = one.openings.map((opening, i) => ({ ...opening, at: START + i * 1_000 }));
  });
  afterEach(() => log.close());

  const left = async (): Promise<readonly string[]> => (await readBack(logs)).openings.map(({ decisionId }) => decisionId);
  const erasedRecords = async (): Promise<readonly unknown[]> =>
    (await readBack(logs)).lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ kind }) => kind === 'erased');

  const CASES: readonly (readonly [string, Omit<Erasure, 'by'>, string, readonly string[]])[] = [
    ['of a user, without regard to case', { user: 'ALICE' }, 'user', ['dec_1', 'dec_2', 'dec_4']],
    ['of a decision', { decision: 'dec_2' }, 'decision', ['dec_0', 'dec_1', 'dec_3', 'dec_4']],
    ['before a time', { before: new Date(START + 2_000) }, 'before', ['dec_2', 'dec_3', 'dec_4']],
  ];
  for (const [what, erasure, selector, expected] of CASES)
    it(`deletes those ${what}, and says so in the log without naming a user`, async () => {
      expect(await log.erase({ ...erasure, by: 'dpo' })).to.equal(5 - expected.length);
      expect(await left()).to.deep.equal(expected);
      const [record, ...more] = await erasedRecords();
      expect(more).to.deep.equal([]);
      expect(record).to.deep.include({ kind: 'erased', selector, by: 'dpo', count: 5 - expected.length });
      expect(JSON.stringify(record).toLowerCase()).to.not.include('alice');
      expect(await log.erase({ ...erasure, by: 'dpo' })).to.equal(0);
      expect(await erasedRecords(), 'nothing was erased').to.have.length(1);
    });

  describe('of one call', () => {
    const DIGEST = canonicalDigest({ amount: 5 });

    /** A call that is asked about, refused an answer, asked about anew, and approved: by its decision and by that made anew. */
    const openings = async (): Promise<void> => {
      logs = new MemoryLogs();
      const built = new BuiltLog('w0', { key });
      const [call, other, unasked] = [builtCall(), builtCall(), builtCall()];
      const anew = builtCall({ amount: 5 }, { decisionId: 'dec-anew' });
      for (const one of [call, other, unasked]) decided(built, one, { effect: 'approval_needed' }).open(one, { original: { amount: 5 } });
      opened(built, call).wait(10_000);
      decided(built, anew, { effect: 'approval_needed', approvalId: call.decisionId }).open(anew, { original: { amount: 5 } });
      verdict(built, anew, { reason: committed('reason', anew.salt, 'fine') }).open(anew, { reason: 'fine' });
      verdict(built, other, { reason: committed('reason', other.salt, 'fine') }).open(other, { reason: 'fine' });
      built.addLine('not a record with an "approvalId":"x"').addLine('{"v":1,"approvalId":"x"}');
      ids = [call, other, unasked].map(({ decisionId }) => decisionId);
      decidedAt = built.openings[0]?.at ?? 0;
      const memory = new MemorySink(logs);
      memory.open('w0');
      memory.append({ lines: built.lines, openings: built.openings, tree: { ...built.tree.state(), lastAt: built.at } });
      memory.close();
    };
    let ids: readonly string[] = [];
    let decidedAt = 0;
    const erase = async (erasure: Omit<Erasure, 'by'>): Promise<readonly string[]> => {
      const eraser = auditLog({ sink: new MemorySink(logs), origin: 'spec.example', key, writer: 'erase' });
      await eraser.erase({ ...erasure, by: 'dpo' });
      await eraser.close();
      return (await readBack(logs)).openings.map(({ decisionId }) => decisionId);
    };

    it('deletes those of what was decided anew, by either decision', async () => {
      for (const by of [0, 1]) {
        await openings();
        const [call = '', other, unasked] = ids;
        expect(await erase({ decision: by === 0 ? call : 'dec-anew' })).to.deep.equal([other, unasked, other]);
      }
      await openings();
      const [call, other = '', unasked] = ids;
      expect(await erase({ decision: other })).to.deep.equal([call, unasked, 'dec-anew', 'dec-anew']);
    });

    it('is found in a log that is damaged, and not by what only looks like a decision made anew', async () => {
      const built = new BuiltLog('w0', { key });
      decided(built, builtCall(), { x: { approvalId: 'dec-a' }, decisionId: 'dec-b' });
      built.add('security', { code: 'c', decisionId: 'dec-c' }, { approvalId: 'dec-a' });
      decided(built, builtCall(), { approvalId: 'dec-a', decisionId: 'dec-d' });
      decided(built, builtCall(), { approvalId: 'dec-d', decisionId: 'dec-e' });
      const lines = (): ReturnType<StoredLog['lines']> => [built.lines, { torn: 'x"approvalId":"' }];
      const source = sourceOf(new Map([['w0', { lines, notes: [], openings: [] }]]));
      const { which } = await selectedOpenings(source, { decision: 'dec-a', by: 'dpo' });
      const found = ['dec-a', 'dec-b', 'dec-c', 'dec-d', 'dec-e'].filter((decisionId) =>
        which({ decisionId, seq: 0, at: 0, salt: '', values: {} }),
      );
      expect(found).to.deep.equal(['dec-a', 'dec-d', 'dec-e']);
    });

    it('leaves no salt of what was decided before a time, with which its params could be guessed', async () => {
      await openings();
      expect(await erase({ before: new Date(decidedAt + 3) })).to.deep.equal(['dec-anew', 'dec-anew']);
      const records = (await readBack(logs)).lines.flatMap((line) =>
        line.includes('"kind":"decided"') ? [JSON.parse(line) as DecidedRecord] : [],
      );
      const salts = (await readBack(logs)).openings.map(({ salt }) => salt);
      const guessed = records.filter(({ original }) => salts.some((salt) => commitmentOf('original', salt, DIGEST) === original));
      expect(guessed.map(({ decisionId }) => decisionId)).to.deep.equal(['dec-anew']);
    });
  });

  it('deletes what was told before, too', async () => {
    const told = log.write({ kind: 'policies', hash: 'late' }, { decisionId: 'dec_late', salt: 'AAAAAAAAAAAAAAAAAAAAAA', values: {} });
    expect(await log.erase({ decision: 'dec_late', by: 'dpo' })).to.equal(1);
    await told;
  });

  const WRONG: readonly (readonly [string, unknown])[] = [
    ['nothing', {}],
    ['no one who erases', { user: 'alice' }],
    ['an empty name of who erases', { user: 'alice', by: '' }],
    ['a long name of who erases', { user: 'alice', by: 'x'.repeat(257) }],
    ['nothing to erase', { by: 'dpo' }],
    ['two things to erase', { user: 'alice', decision: 'dec_0', by: 'dpo' }],
    ['an empty user', { user: '', by: 'dpo' }],
    ['a time that is none', { before: new Date(NaN), by: 'dpo' }],
    ['a time as a number', { before: 5, by: 'dpo' }],
    ['a time as an object', { before: {}, by: 'dpo' }],
    ['an option that does not exist', { users: 'alice', by: 'dpo' }],
    ['null', null],
  ];
  for (const [what, erasure] of WRONG)
    it(`refuses ${what}`, async () => {
      expect(await rejection(log.erase(erasure as Erasure))).to.be.instanceOf(ConfigError);
      expect(await left()).to.have.length(5);
      expect(await erasedRecords()).to.deep.equal([]);
    });
});
