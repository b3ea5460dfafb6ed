import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runInChild } from '../../support/runInChild.js';
import type { ChildResult } from '../../support/runInChild.js';

const LIBRARY = new URL('../../../lib/', import.meta.url).href;
const STORE = JSON.stringify(`${LIBRARY}store/memory/MemoryApprovalStore.js`);
const DESK = JSON.stringify(`${LIBRARY}decision/desk/ApprovalDesk.js`);
const APPROVER = JSON.stringify(`${LIBRARY}decision/terminal/terminalApprover.js`);
const OPENINGS = JSON.stringify(new URL('../../support/approvalRecords.js', import.meta.url).href);

/** Asks at the terminal of the process, leaves it again, and says what became of the approval. */
const PROGRAM = `
  const { ApprovalDesk } = await import(${DESK});
  const { terminalApprover } = await import(${APPROVER});
  const { MemoryApprovalStore } = await import(${STORE});
  const { openingOf } = await import(${OPENINGS});
  const desk = new ApprovalDesk(new MemoryApprovalStore());
  const detach = terminalApprover({ by: 'bob' }).attach(desk);
  const before = desk.attended;
  const { record } = await desk.open(openingOf());
  // an idle keyboard keeps no program alive
  const alive = setInterval(() => {}, 1_000);
  if (before) await new Promise((resolve) => desk.once('settled', resolve));
  await new Promise((resolve) => setImmediate(resolve));
  clearInterval(alive);
  detach();
  const { status } = await desk.get(record.decisionId);
  process.stdout.write(JSON.stringify({ before, after: desk.attended, status }));`;

/** Gives a program a terminal of its own, and types there what it is asked to type. */
const TYPIST = `
  import { spawn } from 'node:child_process';
  const child = spawn('script', ['-qec', process.argv.at(-1), '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let seen = '';
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    const before = seen;
    seen += chunk;
    const asked = /Type (\\w{4}) to approve, anything else to refuse/;
    if (asked.test(seen) && !asked.test(before)) child.stdin.write(asked.exec(seen)[1] + '\\n');
  });
  child.on('close', (code) => {
    process.exitCode = code;
    child.stdin.destroy();
  });`;

describe('The terminal of a process', () => {
  let folder: string;
  // util-linux's script gives a program a terminal; every Debian has it
  before(function () {
    const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' });
    if (process.platform !== 'linux' || !String(stdout).includes('util-linux')) this.skip();
    folder = mkdtempSync(join(tmpdir(), 'aegis-terminal-'));
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  function atTerminal(program: string, cwd = folder): Promise<ChildResult> {
    const command = [process.execPath, '--input-type=module', '--eval', program].map((part) => `'${part.replaceAll("'", `'\\''`)}'`);
    return runInChild(TYPIST, { cwd, args: [command.join(' ')] });
  }

  it('is opened to ask, whatever standard input is, and closed again, so that the program ends', async () => {
    const { code, stdout } = await atTerminal(PROGRAM);
    expect(stdout).to.contain('── Approval needed ──').and.contain('Approved.');
    expect(stdout).to.contain('{"before":true,"after":false,"status":"approved"}');
    expect(code).to.equal(0);
  });

  const onWindows = `Object.defineProperty(process, 'platform', { value: 'win32' });${PROGRAM}`;

  it('has other names on Windows', async () => {
    // a file here may have those names, and be the terminal
    for (const name of ['CONIN$', 'CONOUT$']) symlinkSync('/dev/tty', join(folder, `\\\\.\\${name}`));
    const { code, stdout } = await atTerminal(onWindows);
    expect(stdout).to.contain('── Approval needed ──').and.contain('{"before":true,"after":false,"status":"approved"}');
    expect(code).to.equal(0);
  });

  it('is missing where nothing has its name', async () => {
    const { code, stdout } = await atTerminal(onWindows, mkdtempSync(join(folder, 'bare-')));
    expect(stdout).to.contain('{"before":false,"after":false,"status":"pending"}').and.not.contain('Approval needed');
    expect(code).to.equal(0);
  });
});

describe('A terminal that fails', () => {
  for (const side of ['input', 'output'])
    it(`on its ${side} before what asks is loaded ends no program, and asks then`, async () => {
      const { code, stdout } = await runInChild(`
        const { PassThrough } = await import('node:stream');
        const { ApprovalDesk } = await import(${DESK});
        const { terminalApprover } = await import(${APPROVER});
        const { MemoryApprovalStore } = await import(${STORE});
        const { openingOf } = await import(${OPENINGS});
        const terminal = { input: new PassThrough(), output: new PassThrough() };
        const desk = new ApprovalDesk(new MemoryApprovalStore());
        const detach = terminalApprover({ by: 'bob', terminal }).attach(desk);
        terminal.${side}.emit('error', new Error('it is gone'));
        const { record } = await desk.open(openingOf());
        const [shown] = await (await import('node:events')).once(terminal.output, 'data');
        detach();
        const { status } = await desk.get(record.decisionId);
        process.stdout.write(JSON.stringify({ shown: String(shown).length > 0, status }));`);
      expect(stdout).to.equal('{"shown":true,"status":"pending"}');
      expect(code).to.equal(0);
    });
});
