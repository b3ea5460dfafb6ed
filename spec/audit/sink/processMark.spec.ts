import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning, processMark } from '../../../lib/audit/sink/processMark.js';
import type { ProcessMark } from '../../../lib/audit/sink/processMark.js';

/** No process has this number: Linux counts to 2^22. */
const NO_PID = 2 ** 30;

describe('The mark of a process', () => {
  const own = processMark();

  it('says that this one runs', () => {
    expect(isRunning(own, processMark())).to.equal(process.platform === 'linux' ? true : undefined);
  });

  it('says that one that has ended does not', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    expect(isRunning({ ...own, pid: child.pid ?? NO_PID }, own)).to.equal(false);
    expect(isRunning({ ...own, pid: NO_PID }, own)).to.equal(false);
  });

  it('cannot tell of one on another machine, after another start, or in another container', () => {
    const elsewhere: readonly Partial<ProcessMark>[] = [
      { boot: 'another' },
      { space: 'pid:[1]' },
      { boot: undefined },
      { space: undefined },
    ];
    for (const other of elsewhere) expect(isRunning({ ...own, ...other, pid: NO_PID }, own), JSON.stringify(other)).to.equal(undefined);
  });

  describe('by what the system tells', () => {
    let proc: string;
    before(() => {
      proc = mkdtempSync(join(tmpdir(), 'aegis-proc-'));
      const stat = (pid: string | number, text: string): void => {
        mkdirSync(join(proc, String(pid)), { recursive: true });
        writeFileSync(join(proc, String(pid), 'stat'), text);
      };
      mkdirSync(join(proc, 'sys/kernel/random'), { recursive: true });
      writeFileSync(join(proc, 'sys/kernel/random/boot_id'), 'boot-1\n');
      mkdirSync(join(proc, 'self/ns'), { recursive: true });
      symlinkSync('pid:[42]', join(proc, 'self/ns/pid'));
      const rest = Array.from({ length: 18 }, (_, i) => i + 2).join(' ');
      stat(process.pid, `${process.pid} (node) S ${rest.split(' ').join(' ')} 777 1 2`);
      stat(101, `101 (a) b) ) R ${rest} 555 9`);
      stat(102, `102 (killed) Z ${rest} 556 9`);
      stat(103, `103 (gone) X ${rest} 557 9`);
    });
    after(() => rmSync(proc, { recursive: true }));

    it('reads when this process was started, on which start of the machine', () => {
      expect(processMark(proc)).to.include({ pid: process.pid, boot: 'boot-1', space: 'pid:[42]', start: '777' });
    });

    it('tells a process from a later one with its number, and one that was killed from one that runs', () => {
      const mark = { ...processMark(proc), pid: 101, start: '555' };
      expect(isRunning(mark, processMark(proc), proc)).to.equal(true);
      expect(isRunning({ ...mark, start: '554' }, processMark(proc), proc)).to.equal(false);
      expect(isRunning({ ...mark, pid: 102, start: '556' }, processMark(proc), proc)).to.equal(false);
      expect(isRunning({ ...mark, pid: 103, start: '557' }, processMark(proc), proc)).to.equal(false);
    });

    it('does not take a process that is hidden for one that has ended', () => {
      // it exists: the system does not show it here, as it may not show those of other users
      const hidden = { ...processMark(proc), pid: process.ppid, start: '1' };
      expect(isRunning(hidden, processMark(proc), proc)).to.equal(undefined);
      expect(isRunning({ ...hidden, pid: NO_PID }, processMark(proc), proc)).to.equal(false);
    });

    it('tells by the number alone where the system tells nothing, and on this machine only', () => {
      const nowhere = join(proc, 'nowhere');
      const here = processMark(nowhere);
      expect(here).to.deep.equal({ pid: process.pid, host: own.host, boot: undefined, space: undefined, start: undefined });
      expect(isRunning({ ...here, pid: NO_PID }, here, nowhere)).to.equal(false);
      expect(isRunning(here, here, nowhere), 'it may be a later one').to.equal(undefined);
      expect(isRunning({ ...here, pid: NO_PID, host: 'another' }, here, nowhere)).to.equal(undefined);
    });
  });

  it('does not take a process of another user for one that has ended', () => {
    // without rights, signal 0 is refused: the process exists
    if (process.getuid?.() === 0) return;
    expect(isRunning({ ...own, pid: 1, start: undefined }, own)).to.equal(undefined);
  });
});
