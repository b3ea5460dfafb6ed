// Parts of `.ci/run`, as it runs them. A step that looks at nothing must not pass.
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

describe('The step of CI that looks at coverage', function () {
  this.timeout(60_000);
  const [covered = ''] = /^covered\(\) \{\n[\s\S]*?\n\}$/m.exec(readFileSync('.ci/run', 'utf8')) ?? [];
  let logs: string;
  before(function () {
    if (spawnSync('bash', ['-c', 'true']).status !== 0) this.skip();
  });
  beforeEach(() => (logs = mkdtempSync(join(tmpdir(), 'aegis-ci-'))));
  afterEach(() => rmSync(logs, { recursive: true, force: true }));

  function look(...limits: readonly string[]): { readonly status: number | null; readonly stdout: string } {
    const script = `set -euo pipefail\nlogs=$1\n${covered}\nverdict=ok\ncovered adapters "\${@:2}" || verdict=FAILED\necho $verdict`;
    const { status, stdout } = spawnSync('bash', ['-c', script, 'bash', logs, ...limits], { encoding: 'utf8' });
    return { status, stdout };
  }

  /** What a Node writes that ran a file. */
  function ran(file: string): void {
    mkdirSync(join(logs, 'adapters'));
    const code = readFileSync(file, 'utf8');
    const functions = [{ functionName: '', isBlockCoverage: true, ranges: [{ startOffset: 0, endOffset: code.length, count: 1 }] }];
    const result = [{ scriptId: '1', url: pathToFileURL(resolve(file)).href, functions }];
    writeFileSync(join(logs, 'adapters', 'coverage-1-1-0.json'), JSON.stringify({ result }));
  }

  it('fails where the specs that make it did not run', () => {
    const { stdout } = look();
    expect(stdout).to.match(/^there is no coverage to look at.*\nFAILED\n$/);
    mkdirSync(join(logs, 'adapters'));
    expect(look().stdout).to.match(/\nFAILED\n$/);
  });

  it('fails where none of the files meant was loaded', () => {
    ran('spec/support/reporter.mjs');
    expect(look('--include', 'lib/adapter/**', '--branches', '88').stdout).to.match(/no line of these files was loaded.*\nFAILED\n$/);
  });

  it('passes where they were, and fails below a limit', () => {
    ran('spec/support/reporter.mjs');
    const limits = ['--branches', '0', '--lines', '90', '--functions', '0', '--statements', '90'];
    expect(look('--include', 'spec/support/**', ...limits).stdout).to.match(/\nok\n$/);
    writeFileSync(
      join(logs, 'adapters', 'coverage-1-1-0.json'),
      readFileSync(join(logs, 'adapters', 'coverage-1-1-0.json'), 'utf8').replace('"count":1', '"count":0'),
    );
    expect(look('--include', 'spec/support/**', ...limits).stdout).to.match(/\nFAILED\n$/);
  });
});

describe('A promise that rejects and that nobody waits for', function () {
  this.timeout(60_000);
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-rejections-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const SPECS = `
    const waiting = () => new Promise((resolve) => setTimeout(resolve, 200));
    it('an error', async () => { Promise.reject(new Error('down')); await waiting(); });
    it('no error', async () => { Promise.reject(undefined); await waiting(); });
    it('seen', async () => { Promise.reject(new Error('seen')).catch(() => {}); await waiting(); });
    it('goes on', () => {});`;
  for (const [how, more] of [
    ['in one process', []],
    ['in several', ['--parallel', '--jobs', '2']],
  ] as const)
    it(`is an error of the spec that runs, ${how}`, () => {
      const file = join(folder, 'waits.spec.mjs');
      writeFileSync(file, SPECS);
      const mocha = ['node_modules/mocha/bin/mocha.js', '--no-config', '--require', './spec/support/rejections.mjs', ...more, file];
      const { stdout } = spawnSync(process.execPath, mocha, { encoding: 'utf8' });
      expect(stdout).to.match(/2 passing[\s\S]*2 failing[\s\S]*1\) an error:[\s\S]*down[\s\S]*2\) no error:[\s\S]*not an Error/);
    });

  it('is one in every run of specs', () => {
    const runners = ['.mocharc.json', '.ci/assurance.mjs', '.ci/durability.mjs', '.ci/flood.mjs', 'spec/frameworks/package.json'];
    for (const runner of runners) expect(readFileSync(runner, 'utf8'), runner).to.include('support/rejections.mjs');
  });
});
