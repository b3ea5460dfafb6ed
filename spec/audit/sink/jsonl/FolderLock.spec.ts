import { expect } from 'chai';
import sinon from 'sinon';
import { readdirSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { diskFiles } from '../../../../lib/audit/sink/jsonl/AuditFiles.js';
import type { AuditFiles } from '../../../../lib/audit/sink/jsonl/AuditFiles.js';
import { FolderLock } from '../../../../lib/audit/sink/jsonl/FolderLock.js';
import { processMark } from '../../../../lib/audit/sink/processMark.js';
import { rejection } from '../../../support/rejection.js';
import { until } from '../../../support/until.js';
import { auditFolder } from './auditFolder.js';

const LEASE_MS = 30_000;

describe('The lock of a log', () => {
  const folder = auditFolder();
  const take = (files: AuditFiles = diskFiles): Promise<FolderLock | undefined> => FolderLock.take(files, folder.path());
  const locks = (): readonly string[] => readdirSync(folder.path()).sort();
  /** A lock that another process left. */
  const leave = (number: number, text: string, ageMs = 0): void => {
    const path = folder.path(`lock.${number}`);
    writeFileSync(path, text);
    const at = new Date(Date.now() - ageMs);
    utimesSync(path, at, at);
  };
  const ended = JSON.stringify({ ...processMark(), pid: 2 ** 30 });
  const elsewhere = JSON.stringify({ ...processMark(), boot: 'another', pid: 1 });

  it('is held by one, and free once it was released', async () => {
    const first = await take();
    expect(await first?.isHeld()).to.equal(true);
    expect(await take()).to.equal(undefined);
    await first?.release();
    await first?.release();
    expect(await first?.isHeld()).to.equal(false);
    const second = await take();
    expect(await second?.isHeld()).to.equal(true);
    expect(locks()).to.deep.equal(['lock.2']);
    await second?.release();
  });

  it('is free once its process has ended, however young it is', async () => {
    leave(7, ended);
    const lock = await take();
    expect(lock).to.not.equal(undefined);
    expect(locks()).to.deep.equal(['lock.8']);
    await lock?.release();
  });

  it('of a process that cannot be looked up is believed for 30 s', async () => {
    leave(1, elsewhere, LEASE_MS - 5_000);
    expect(await take()).to.equal(undefined);
    leave(1, elsewhere, LEASE_MS + 5_000);
    const lock = await take();
    expect(lock).to.not.equal(undefined);
    await lock?.release();
  });

  for (const text of ['', '{"pi', 'null', '[]', '{"pid":"1"}', '\u0000\u0000'])
    it(`with ${JSON.stringify(text)} in it, after a power cut, is believed for 30 s`, async () => {
      leave(1, text);
      expect(await take()).to.equal(undefined);
      leave(1, text, LEASE_MS + 5_000);
      const lock = await take();
      expect(lock).to.not.equal(undefined);
      await lock?.release();
    });

  it('that a process has left goes to exactly one of any number that take it at once', async () => {
    for (let round = 1; round <= 20; round++) {
      leave(round * 10, ended);
      const taken = (await Promise.all(Array.from({ length: 12 }, () => take()))).filter((lock) => lock !== undefined);
      expect(taken, `round ${round}`).to.have.length(1);
      await taken[0]?.release();
    }
  });

  it('goes to one, also where one that tries was held up between any two of its steps', async () => {
    let cases = 0;
    for (let pauseAt = 1; ; pauseAt++) {
      for (const name of locks()) unlinkSync(folder.path(name));
      leave(3, ended);
      let calls = 0;
      let others: (FolderLock | undefined)[] = [];
      // at that step two others come and go, and a third one stays
      const held = interrupted(async () => {
        calls += 1;
        if (calls !== pauseAt) return;
        for (let i = 0; i < 2; i++) await (await take())?.release();
        others = [await take()];
      });
      const lock = await take(held);
      const holders = [lock, ...others].filter((one) => one !== undefined);
      const stillHeld = await Promise.all(holders.map((one) => one.isHeld()));
      expect(holders.length, `held up before step ${pauseAt}`).to.equal(1);
      expect(stillHeld).to.deep.equal([true]);
      expect(await take()).to.equal(undefined);
      for (const one of holders) await one.release();
      if (calls < pauseAt) break;
      cases += 1;
    }
    expect(cases).to.be.greaterThan(6);
  });

  it('is released where a step after it was taken fails', async () => {
    leave(1, ended);
    const failing: AuditFiles = { ...diskFiles, remove: (path) => (path.endsWith('lock.1') ? failed() : diskFiles.remove(path)) };
    expect(await rejection(take(failing))).to.have.property('code', 'EIO');
    const lock = await take();
    expect(lock).to.not.equal(undefined);
    await lock?.release();
  });

  it('fails where its file cannot be read or made', async () => {
    leave(1, ended);
    expect(await rejection(take({ ...diskFiles, readText: failed }))).to.have.property('code', 'EIO');
    expect(await rejection(take({ ...diskFiles, link: failed }))).to.have.property('code', 'EIO');
    expect(locks(), 'nothing is left').to.deep.equal(['lock.1']);
  });

  describe('as time goes by', () => {
    let clock: sinon.SinonFakeTimers;
    afterEach(() => clock.restore());

    it('is renewed', async () => {
      clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
      let touched = 0;
      const lock = await take({ ...diskFiles, touch: async () => void (touched += 1) });
      for (let i = 0; i < 3; i++) {
        clock.tick(5_000);
        // the renewal asks the disk first
        await until(() => touched > i);
      }
      await lock?.release();
      clock.tick(20_000);
      expect(clock.countTimers()).to.equal(0);
      expect(touched).to.equal(3);
    });

    it('is lost by a process that slept while another one took it', async () => {
      clock = sinon.useFakeTimers({ toFake: ['performance'] });
      const lock = await take();
      // a process of another machine found it too old
      leave(2, elsewhere);
      clock.tick(LEASE_MS);
      expect(await lock?.isHeld()).to.equal(false);
      const before = readFileSync(folder.path('lock.2'), 'utf8');
      await lock?.release();
      expect(readFileSync(folder.path('lock.2'), 'utf8')).to.equal(before);
      expect(locks()).to.deep.equal(['lock.1', 'lock.2']);
    });

    it('is not believed where it cannot be renewed, and says why', async () => {
      clock = sinon.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
      let works = true;
      const lock = await take({ ...diskFiles, touch: (path) => (works ? diskFiles.touch(path) : failed()) });
      works = false;
      clock.tick(LEASE_MS);
      expect(await rejection((lock as FolderLock).isHeld())).to.have.property('code', 'EIO');
      works = true;
      expect(await lock?.isHeld()).to.equal(true);
      await lock?.release();
    });
  });
});

async function failed(): Promise<never> {
  throw Object.assign(new Error('the disk failed'), { code: 'EIO' });
}

/** The disk, with something that happens before each step. */
function interrupted(before: () => Promise<void>): AuditFiles {
  const step =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await before();
      return call(...args);
    };
  return {
    ...diskFiles,
    list: step(diskFiles.list),
    readText: step(diskFiles.readText),
    open: step(diskFiles.open),
    link: step(diskFiles.link),
    remove: step(diskFiles.remove),
    changedAt: step(diskFiles.changedAt),
  };
}
