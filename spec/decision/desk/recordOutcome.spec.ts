import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { writeApproval } from '../../../lib/decision/wire/approvalAnswer.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { SignedApprovalStore } from '../../../lib/store/SignedApprovalStore.js';
import { BINDING_BASE, openingOf } from '../../support/approvalRecords.js';

const TOKEN = 'task-1';

/** A desk with one approval that was used. */
async function used(store = new MemoryApprovalStore(), desk = new ApprovalDesk(store)) {
  const opened = await desk.open(openingOf());
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  const { decisionId, digest } = opened.record;
  await desk.approve(decisionId, { by: 'bob', digest });
  expect(await desk.consume({ decisionId, digest, token: TOKEN, bindingBase: BINDING_BASE })).to.equal(true);
  const read = async (): Promise<ApprovalRecord> => (await store.get(decisionId)) as ApprovalRecord;
  return { store, desk, decisionId, read };
}

describe('The outcome of a run, on the record of its approval', () => {
  it('is the first word, and the same word again; another one is a conflict', async () => {
    const { desk, decisionId, read } = await used();
    const report = { decisionId, token: TOKEN, status: 'failed', errorCode: 'E_DISK' } as const;
    expect(await desk.recordOutcome(report)).to.equal('recorded');
    const { outcome, version } = await read();
    expect(outcome).to.include({ status: 'failed', errorCode: 'E_DISK' });
    expect(await desk.recordOutcome({ ...report, errorCode: 'E_OTHER' })).to.equal('recorded');
    expect(await desk.recordOutcome({ ...report, status: 'completed' })).to.equal('conflict');
    expect(await read()).to.deep.include({ outcome, version });
    expect(writeApproval(await read(), false)).to.contain('"error_code":"E_DISK"');
  });

  it('is replaced where it was unknown', async () => {
    const { desk, decisionId, read } = await used();
    expect(await desk.recordOutcome({ decisionId, token: TOKEN, status: 'unknown' })).to.equal('recorded');
    expect(writeApproval(await read(), false)).to.contain('"error_code":null');
    expect(await desk.recordOutcome({ decisionId, token: TOKEN, status: 'completed' })).to.equal('recorded');
    expect((await read()).outcome).to.include({ status: 'completed' });
  });

  it('is no one else’s to say than of the task that used the approval', async () => {
    const { desk, decisionId } = await used();
    expect(await desk.recordOutcome({ decisionId, token: 'task-2', status: 'completed' })).to.equal('not_used');
    expect(await desk.recordOutcome({ decisionId: 'unknown', token: TOKEN, status: 'completed' })).to.equal('not_used');
  });

  it('is recorded on what another change left; it is a conflict where the store takes none', async () => {
    const { store, desk, decisionId, read } = await used();
    const replace = store.replace.bind(store);
    let times = 0;
    store.replace = (next, version) =>
      (times += 1) === 1 ? (replace({ ...next, outcome: undefined }, version), false) : replace(next, version);
    expect(await desk.recordOutcome({ decisionId, token: TOKEN, status: 'completed' })).to.equal('recorded');
    expect([times, (await read()).outcome?.status]).to.deep.equal([2, 'completed']);
    const other = await used();
    other.store.replace = () => false;
    expect(await other.desk.recordOutcome({ decisionId: other.decisionId, token: TOKEN, status: 'completed' })).to.equal('conflict');
  });

  it('is not recorded by a process without the key that signed, nor on what demands more than this code knows', async () => {
    const rows = new MemoryApprovalStore();
    const signed = new SignedApprovalStore(rows, new SecretString('a state key of 32 characters, and more'));
    const { decisionId } = await used(rows, new ApprovalDesk(signed));
    const keyless = new ApprovalDesk(rows);
    expect(await keyless.recordOutcome({ decisionId, token: TOKEN, status: 'completed' })).to.equal('conflict');
    const newer = await used();
    const record = await newer.read();
    newer.store.replace({ ...record, requires: ['something new'], version: record.version + 1 }, record.version);
    expect(await newer.desk.recordOutcome({ decisionId: newer.decisionId, token: TOKEN, status: 'completed' })).to.equal('conflict');
  });
});

describe('What becomes of an approval that was used', () => {
  for (const [how, get] of [
    ['cannot be read', () => Promise.reject(new Error('away'))],
    ['is gone', () => undefined],
  ] as const)
    it(`is not told where it ${how}: it was used all the same`, async () => {
      const store = new MemoryApprovalStore();
      const desk = new ApprovalDesk(store);
      const opened = await desk.open(openingOf());
      if (opened.kind !== 'opened') throw new Error(opened.kind);
      const { decisionId, digest } = opened.record;
      await desk.approve(decisionId, { by: 'bob', digest });
      let told = 0;
      desk.on('changed', () => (told += 1));
      const read = store.get.bind(store);
      let reads = 0;
      // the first read is that of the use itself
      store.get = (id) => ((reads += 1) === 1 ? read(id) : (get() as never));
      expect(await desk.consume({ decisionId, digest, token: TOKEN, bindingBase: BINDING_BASE })).to.equal(true);
      await new Promise(setImmediate);
      expect([told, reads]).to.deep.equal([0, 2]);
    });

  it('is told, with the record as it is then', async () => {
    const store = new MemoryApprovalStore();
    const desk = new ApprovalDesk(store);
    const told: unknown[] = [];
    desk.on('changed', ({ status, version, consumed }) => told.push([status, version, consumed?.token]));
    const { decisionId } = await used(store, desk);
    expect(await desk.begin({ decisionId, token: TOKEN, claimToken: 'claim-1' })).to.equal(true);
    expect(told).to.deep.equal([
      ['approved', 3, TOKEN],
      ['approved', 4, TOKEN],
    ]);
  });

  it('is not told where it was not used', async () => {
    const desk = new ApprovalDesk(new MemoryApprovalStore());
    let told = 0;
    desk.on('changed', () => (told += 1));
    expect(await desk.consume({ decisionId: 'unknown', digest: 'd', token: TOKEN, bindingBase: BINDING_BASE })).to.equal(false);
    await new Promise(setImmediate);
    expect(told).to.equal(0);
  });
});
