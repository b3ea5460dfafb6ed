import { expect } from 'chai';
import { resolve } from 'node:path';
import { failureOf, folderOf, runAegis } from './runAegis.js';

const GUARDED = resolve('.build/spec/cli/fixtures/guardedTools.js');
const CARELESS = resolve('.build/spec/cli/fixtures/carelessTools.js');

describe('aegis coverage', function () {
  this.timeout(20_000);
  const files = folderOf({
    'package.json': '{"type": "module"}',
    'unguarded.js': 'export const tools = [{ name: "a", execute() {} }, { name: "b", run() {} }];',
    'nothing.js': 'export const text = "x"; export const f = () => {};',
    'throws.js': 'throw Object.assign(new Error("canary-7f3"), { code: "E_CANARY" });',
    'throws-named.js': 'throw new RangeError("canary-7f3");',
    'throws-text.js': 'throw "canary-7f3";',
    'syntax.js': 'export const canary-7f3',
    'common.cjs': 'module.exports = { tool: { name: "a", execute() {} } };',
  });
  after(() => files.remove());

  it('finds every tool covered where guards cover it: functions, classes', async () => {
    expect(await runAegis(['coverage', GUARDED])).to.deep.equal({
      code: 0,
      stdout: '1 module: 2 covered, 0 not covered, 0 not judged\n',
      stderr: '',
    });
  });

  it('names what no guard covers, and what it cannot judge, and exits with 1', async () => {
    const { code, stdout } = await runAegis(['coverage', GUARDED, CARELESS]);
    expect(code).to.equal(1);
    expect(stdout.split('\n')).to.deep.equal([
      `${CARELESS}: not covered: CarelessDesk.close: it overrides a guarded method, but is not guarded itself`,
      `${CARELESS}: not covered: default.wipe: a tool without a guard`,
      `${CARELESS}: not judged: CarelessDesk.label: a method without a guard in a class that has guards`,
      `${CARELESS}: not judged: format: a function without a guard`,
      '2 modules: 2 covered, 2 not covered, 2 not judged',
      '',
    ]);
  });

  it('prints one JSON document with --json', async () => {
    const { code, stdout } = await runAegis(['coverage', '--json', CARELESS]);
    expect(code).to.equal(1);
    const answer = JSON.parse(stdout) as { guarded: number; uncovered: { path: string; module: string }[]; unknown: { path: string }[] };
    expect(answer.guarded).to.equal(0);
    expect(answer.uncovered[0]).to.include({ path: 'CarelessDesk.close', module: CARELESS });
    expect(answer.unknown.map(({ path }) => path)).to.deep.equal(['CarelessDesk.label', 'format']);
  });

  it('takes exceptions by name, and no stale one', async () => {
    const excepted = ['CarelessDesk.close', 'default.wipe'].flatMap((name) => ['--except', name]);
    expect((await runAegis(['coverage', CARELESS, ...excepted])).stdout).to.include('0 covered, 0 not covered, 2 not judged');
    expect(await failureOf(['coverage', GUARDED, '--except', 'send', '--except', 'gone'])).to.equal(
      'aegis: --except send: there is no unguarded tool of that name; remove the option, or copy the name from the list\naegis: --except gone: there is no unguarded tool of that name; remove the option, or copy the name from the list\n',
    );
  });

  it('counts what it cannot judge with --strict, unless it is excepted', async () => {
    const known = ['CarelessDesk.close', 'default.wipe', 'format'].flatMap((name) => ['--except', name]);
    const { code, stdout } = await runAegis(['coverage', '--strict', CARELESS, ...known]);
    expect(code).to.equal(1);
    expect(stdout).to.include('not covered: CarelessDesk.label').and.include('1 not covered, 0 not judged');
    expect((await runAegis(['coverage', '--strict', CARELESS, ...known, '--except', 'CarelessDesk.label'])).code).to.equal(0);
  });

  it('finds tools of any module format', async () => {
    for (const [name, tools] of [
      ['unguarded.js', ['tools.a', 'tools.b']],
      ['common.cjs', ['default.tool']],
    ] as const) {
      const { code, stdout } = await runAegis(['coverage', files.path(name)]);
      expect(code).to.equal(1);
      for (const tool of tools) expect(stdout).to.include(`not covered: ${tool}: a tool without a guard`);
    }
  });

  it('takes no module without a tool for a covered one', async () => {
    expect(await failureOf(['coverage', files.path('nothing.js')])).to.equal(
      'aegis: no export of these modules looks like a tool; pass the modules that export your tools\n',
    );
  });

  const broken: Record<string, [string, string]> = {
    'is not there': ['nowhere.js', 'nowhere.js: there is no such file or folder'],
    'is a folder': ['.', 'it is a folder'],
    'has a syntax error': ['syntax.js', 'it cannot be loaded (SyntaxError); run it with node to see the error'],
    'throws an error with a code': ['throws.js', 'it cannot be loaded (E_CANARY)'],
    'throws an error': ['throws-named.js', 'it cannot be loaded (RangeError)'],
    'throws anything': ['throws-text.js', 'it cannot be loaded (it threw a value that is not an Error)'],
  };
  for (const [what, [name, message]] of Object.entries(broken))
    it(`fails for a module that ${what}, and quotes nothing of it`, async () => {
      const said = await failureOf(['coverage', GUARDED, files.path(name)]);
      expect(said).to.include(message).and.not.include('canary-7f3');
    });
});
