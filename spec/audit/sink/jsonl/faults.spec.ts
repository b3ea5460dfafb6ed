import { expect } from 'chai';
import { JsonlSink } from '../../../../lib/audit/sink/jsonl/JsonlSink.js';
import { StoreError } from '../../../../lib/model/errors/ServiceErrors.js';
import { counted } from '../../../support/assurance.js';
import { LogMaker } from '../LogMaker.js';
import { readBack } from '../readBack.js';
import { LEFTOVERS, PowerFailFiles } from './PowerFailFiles.js';

const FOLDER = '/audit';

/** What a writer was told is on the disk. */
interface Told {
  /** How many records. */
  durable: number;
  checkpoints: number;
  erased: boolean;
  /** The first call to the sink that failed, and what came after it. */
  failed: unknown;
  wroteAfterFailure: boolean;
}

/** A writer that opens a log, fills three segments, erases, and closes; where the sink fails it tries to go on. */
async function write(files: PowerFailFiles, log: LogMaker, told: Told): Promise<void> {
  const sink = new JsonlSink(FOLDER, 1_024, files);
  const step = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      if (told.failed !== undefined) told.wroteAfterFailure = true;
    } catch (error) {
      told.failed ??= error;
    }
  };
  let isOpen = false;
  await step(async () => {
    const { tree } = await sink.open('w0');
    isOpen = true;
    expect(tree.size).to.be.at.least(told.durable);
  });
  if (!isOpen) return;
  for (const count of [1, 4, 9, 1, 12, 2, 7]) {
    await step(async () => {
      await sink.append(log.batch(count));
      told.durable = log.tree.size;
    });
    if (count > 4)
      await step(async () => {
        await sink.checkpoint(log.note());
        told.checkpoints += 1;
      });
  }
  const { failed } = told;
  try {
    await sink.erase(({ seq }) => seq % 4 === 0);
    told.erased = true;
  } catch (error) {
    told.failed ??= error;
  }
  if (failed === undefined)
    await sink.append(log.batch(1)).then(
      () => (told.durable = log.tree.size),
      (error: unknown) => (told.failed ??= error),
    );
  await sink.close();
}

const nothing = (): Told => ({ durable: 0, checkpoints: 0, erased: false, failed: undefined, wroteAfterFailure: false });

/** What was said to be on the disk is there, and the log can be gone on with. */
async function expectKept(files: PowerFailFiles, log: LogMaker, told: Told, what: string): Promise<void> {
  const sink = new JsonlSink(FOLDER, 1_024, files);
  const { tree } = await sink.open('w0');
  expect(tree.size, what).to.be.at.least(told.durable);
  const before = await readBack(sink.source);
  expect(before.torn, what).to.deep.equal([]);
  expect(before.lines, what).to.deep.equal(log.lines.slice(0, tree.size));
  expect(before.checkpoints.length, what).to.be.at.least(told.checkpoints);
  const openings = log.openings.filter(({ seq }) => seq < told.durable && !(seq % 4 === 0));
  expect(
    before.openings.filter(({ seq }) => seq < told.durable && seq % 4 !== 0),
    what,
  ).to.deep.equal(openings);
  expect(
    before.openings.every(({ seq }) => seq < tree.size),
    `${what}: openings of records that are there`,
  ).to.equal(true);
  if (told.erased)
    expect(
      before.openings.filter(({ seq }) => seq % 4 === 0 && seq < told.durable - 1),
      `${what}: erased`,
    ).to.deep.equal([]);
  const next = new LogMaker('w0', tree);
  await sink.append(next.batch(3, 'after'));
  await sink.checkpoint(next.note());
  await sink.close();
  const after = await readBack(new JsonlSink(FOLDER, 1_024, files).source);
  expect(after.lines, what).to.deep.equal([...before.lines, ...next.lines]);
}

describe('The faults of a disk under jsonlFolder', () => {
  let calls = 0;
  before(async () => {
    const files = new PowerFailFiles();
    const told = nothing();
    const log = new LogMaker();
    await write(files, log, told);
    calls = files.calls;
    expect(told.failed).to.equal(undefined);
    expect(told.durable).to.equal(37);
    await expectKept(files, log, told, 'without a fault');
  });

  it('never make it say that something is on the disk which is not, whichever call fails', async () => {
    let cases = 0;
    for (let failAt = 1; failAt <= calls; failAt++) {
      for (const leftover of LEFTOVERS) {
        const files = new PowerFailFiles();
        files.failAt = failAt;
        const [log, told] = [new LogMaker(), nothing()];
        await write(files, log, told);
        const what = `call ${failAt} fails, ${leftover} is left`;
        expect(told.wroteAfterFailure, what).to.equal(false);
        if (told.failed !== undefined) expect(told.failed, what).to.be.instanceOf(StoreError);
        await expectKept(files.afterPowerCut(leftover), log, told, what);
        cases += 1;
      }
    }
    counted({ what: 'each call to the disk fails: what an audit log said to be on it is there after a power cut', cases, wrong: 0 });
  });

  it('leave a log that this process can go on with after it opened it again', async () => {
    let cases = 0;
    for (let failAt = 1; failAt <= calls; failAt++) {
      const files = new PowerFailFiles();
      files.failAt = failAt;
      const [log, told] = [new LogMaker(), nothing()];
      await write(files, log, told);
      const sink = new JsonlSink(FOLDER, 1_024, files);
      const { tree } = await sink.open('w0');
      const kept = new LogMaker('w0', tree);
      await sink.append(kept.batch(5, 'again'));
      await sink.close();
      const what = `call ${failAt} failed, and the log was opened again`;
      const all = new LogMaker();
      all.lines.push(...log.lines.slice(0, tree.size), ...kept.lines);
      expect(tree.size, what).to.be.at.least(told.durable);
      const after = files.afterPowerCut('nothing');
      const read = await readBack(new JsonlSink(FOLDER, 1_024, after).source);
      expect(read.lines, what).to.deep.equal(all.lines);
      cases += 1;
    }
    counted({ what: 'each call to the disk fails, and the audit log goes on: every later record is on the disk', cases, wrong: 0 });
  });

  it('of the power: what was said to be on the disk is there, whenever it fails', async () => {
    let cases = 0;
    for (let cutAt = 1; cutAt <= calls; cutAt++) {
      for (const leftover of LEFTOVERS) {
        const files = new PowerFailFiles();
        files.cutAt = cutAt;
        const [log, told] = [new LogMaker(), nothing()];
        await write(files, log, told);
        await expectKept(files.afterPowerCut(leftover), log, told, `the power fails before call ${cutAt}, ${leftover} is left`);
        cases += 1;
      }
    }
    counted({ what: 'the power fails before each call to the disk: what an audit log said to be on it is there', cases, wrong: 0 });
  });
});
