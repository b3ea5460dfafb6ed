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

/** Asks about a call that may be edited and granted, and says with what it ran. */
const TOOL = `
  const { AegisModule } = await import(${JSON.stringify(`${LIBRARY}guard/module/AegisModule.js`)});
  const { guard } = await import(${JSON.stringify(`${LIBRARY}guard/guard.js`)});
  const { terminalApprover } = await import(${APPROVER});
  const text = '@id("all") permit (principal, action, resource); ' +
    '@id("ask") @effect("approval_needed") @editable("/amount") @grantable("5 uses; 1h") @editor_may_approve("true") forbid (principal, action, resource);';
  const aegis = AegisModule.create({ policies: { text }, agentId: 'bot', approver: terminalApprover({ by: 'bob' }) });
  const refund = guard(async (amount) => 'refunded ' + amount, { toolName: 'refund', params: ['amount'], approval: 'wait', module: aegis });
  const alive = setInterval(() => {}, 1_000);
  const first = await refund(250);
  const grants = await aegis.grants.list();
  clearInterval(alive);
  await aegis.close();
  process.stdout.write(JSON.stringify([first, grants.map(({ maxUses, by }) => ({ maxUses, by }))]));`;

/** Gives a program a terminal of its own, and types a line there each time that it is asked: the code that it is asked for, in the end. */
const TYPIST = `
  import { spawn } from 'node:child_process';
  const [lines, command] = process.argv.slice(-2);
  const typed = JSON.parse(lines);
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let unanswered = '';
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    unanswered += chunk;
    const [, code] = /Type (\\w{4}) to approve, anything else to refuse \\[No\\]: /.exec(unanswered) ?? [];
    if (code === undefined) return;
    unanswered = '';
    child.stdin.write((typed.shift() ?? code) + '\\n');
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

  function atTerminal(
    program: string,
    { cwd = folder, typed = [] }: { cwd?: string; typed?: readonly string[] } = {},
  ): Promise<ChildResult> {
    const command = [process.execPath, '--input-type=module', '--eval', program].map((part) => `'${part.replaceAll("'", `'\\''`)}'`);
    return runInChild(TYPIST, { cwd, args: [JSON.stringify(typed), command.join(' ')] });
  }

  it('is opened to ask, whatever standard input is, and closed again, so that the program ends', async () => {
    const { code, stdout } = await atTerminal(PROGRAM);
    expect(stdout).to.contain('── Approval needed ──').and.contain('Approved.');
    expect(stdout).to.contain('{"before":true,"after":false,"status":"approved"}');
    expect(code).to.equal(0);
  });

  it('takes an edit, and the code of the edited call', async () => {
    const { code, stdout } = await atTerminal(TOOL, { typed: ['set /amount=999999999999999999999', 'set /amount=200'] });
    expect(stdout).to.contain('/amount: 250 → 200').and.contain('Approved.').and.contain('["refunded 200",[]]');
    expect(code).to.equal(0);
  });

  it('takes a grant, and says what it lifts', async () => {
    const { code, stdout } = await atTerminal(TOOL, { typed: ['grant 9 uses; 1h', 'grant 2 uses; 1h', 'loosen /amount=0..300'] });
    expect(stdout)
      .to.contain('a whole number from 1 to 5')
      .and.contain('Lifts     ask: nothing else')
      .and.contain('and the grant is made.');
    expect(stdout).to.contain('["refunded 250",[{"maxUses":2,"by":"bob"}]]');
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
    const { code, stdout } = await atTerminal(onWindows, { cwd: mkdtempSync(join(folder, 'bare-')) });
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
