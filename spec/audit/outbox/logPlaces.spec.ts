import { expect } from 'chai';
import { KeptRows } from '../../../lib/audit/outbox/KeptRows.js';
import { logPlaces } from '../../../lib/audit/outbox/logPlaces.js';
import { OutboxRows } from '../../../lib/audit/outbox/OutboxRows.js';
import { approvalRecords } from '../../../lib/audit/record/approvalRecords.js';
import { MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import type { AuditSink } from '../../../lib/audit/sink/AuditSink.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { allowedCall, BuiltLog, sourceOf } from '../../support/builtLogs.js';
import type { StoredLog } from '../../support/builtLogs.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';

type Lines = ReturnType<StoredLog['lines']>;
const sourceWith = (lines: Lines) => sourceOf(new Map([['w0', { lines: () => lines, notes: [], openings: [] }]]));
const entry = approvalRecords.ended({ decisionId: 'dec_1', agentId: 'bot', toolName: 'refund' }, 'expired', {});

describe('Where a change is to be written', () => {
  const { lines } = allowedCall(new BuiltLog('w0'));

  it('is a log that its first line tells from all others; one without has no id', async () => {
    const id = await logPlaces.idOf(sourceWith([lines]), 'w0');
    expect(id).to.match(/^w0:[\w-]{22}$/);
    expect(await logPlaces.idOf(sourceWith([lines.slice(0, 1)]), 'w0')).to.equal(id);
    expect(await logPlaces.idOf(sourceWith([lines.slice(1)]), 'w0')).to.not.equal(id);
    for (const none of [[], [[]], [{ torn: 'x' }]] as const) expect(await logPlaces.idOf(sourceWith(none), 'w0')).to.equal(undefined);
    expect(await logPlaces.writerOf(sourceWith([lines]), id ?? '')).to.equal('w0');
    for (const other of ['', 'w0', 'w0:', `${id}x`, id?.replace('w0', 'w1') ?? ''])
      expect(await logPlaces.writerOf(sourceWith([lines]), other), other).to.equal(undefined);
  });

  it('is found there where it is written, also behind a line that was not finished', async () => {
    const line = '{"v":1,"change":"chg_1"}';
    const source = sourceWith([lines, { torn: '{"change":"chg_2"' }, [line]]);
    const logId = (await logPlaces.idOf(source, 'w0')) ?? '';
    expect(await logPlaces.has(source, 'chg_1', { logId, from: 0 })).to.equal(true);
    for (const change of ['chg_2', 'chg']) expect(await logPlaces.has(source, change, { logId, from: 0 }), change).to.equal(false);
    expect(await logPlaces.has(source, 'chg_1', { logId: 'w9:x', from: 0 })).to.equal(undefined);
  });

  it('is left alone where it cannot be told whether someone has the log open', async () => {
    const sink = new MemorySink();
    const silent: AuditSink = Object.assign(Object.create(sink) as AuditSink, { another: undefined });
    let worked = 0;
    const work = (): Promise<void> => Promise.resolve(void (worked += 1));
    expect([await logPlaces.whileFree(silent, 'w0', work), worked]).to.deep.equal([false, 0]);
  });
});

describe('A row of an outbox', () => {
  const stateKey = new SecretString('state-key-for-specs-0123456789abcdef');

  it('is reported once where it was not made with the state key', async () => {
    const rows = new OutboxRows({ stateKey, tenantId: 'default' });
    const made = new OutboxRows({ stateKey: undefined, tenantId: 'default' }).make(entry, { logId: 'w0:a', from: 3 }, 5);
    const found: unknown[] = [];
    const reported = await diagnosed(() => {
      for (let i = 0; i < 3; i++) found.push(rows.read(made));
    });
    expect(found).to.deep.equal([undefined, undefined, undefined]);
    expect(securityCodes(reported)).to.deep.equal(['audit_row_tampered']);
  });

  it('is of no log where it names none, in a store in which nothing is signed', () => {
    const rows = new OutboxRows({ stateKey: undefined, tenantId: 'default' });
    const made = rows.make(entry, { logId: 'w0:a', from: 3 }, 5);
    expect(rows.read(made)).to.include({ logId: 'w0:a', from: 3, at: 5 });
    expect(rows.read({ ...made, index2: undefined })).to.include({ logId: '' });
  });

  it('is written by one alone in a process', () => {
    const kept = new KeptRows();
    expect([kept.begin('a'), kept.begin('a'), kept.isBusy('a'), kept.begin('b')]).to.deep.equal([true, false, true, true]);
    kept.end('a');
    expect([kept.isBusy('a'), kept.begin('a')]).to.deep.equal([false, true]);
  });
});
