import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { failureOf, folderOf, runBuilt, SHOP } from './runAegis.js';

const { version, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string; bin: object };
const SHOP_TOOLS = resolve('.build/spec/cli/fixtures/shopTools.js');

describe('The built aegis command', function () {
  this.timeout(20_000);
  const files = folderOf({
    'package.json': '{"type": "module"}',
    'shop.cedar': SHOP,
    'wrong.cedar': 'permit',
    'empty/readme.md': '',
    'shop.test.json': '{"tests":[{"name":"small","agent":"a","tool":"refund","params":{"amount":1},"expect":{"effect":"allow"}}]}',
    'syntax.test.json': '{canary-7f3',
    'noisy.js': `console.log('loading prints'); process.stdout.write('{}');
      setInterval(() => {}, 1_000); export const tools = [{ name: 'wipe', execute() {} }];`,
    'exits.js': 'process.exit(0);',
    'hangs.js': 'await new Promise(() => {});',
    'later.js': `setImmediate(() => { throw new Error('canary-7f3'); });
      await new Promise((resolve) => setTimeout(resolve, 5_000)); export const tools = [];`,
  });
  after(() => files.remove());
  const shop = files.path('shop.cedar');

  it('is a script of Node, and brings its parser with it, under its licence', () => {
    expect(bin).to.deep.equal({ aegis: './dist/cli/aegis.js' });
    const text = readFileSync('dist/cli/aegis.js', 'utf8');
    expect(text.startsWith('#!/usr/bin/env node\n')).to.equal(true);
    expect(text).to.include("from '../chunks/commander.js'");
    expect(readFileSync('dist/chunks/commander.js', 'utf8')).to.match(/^\/\*!\ncommander, bundled:[^]*The MIT License[^]*TJ Holowaychuk/);
  });

  it('says its version, and what it can do', async () => {
    expect(await runBuilt(['--version'])).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
    const { code, stdout } = await runBuilt(['--help']);
    expect([code, stdout.split('\n')[0]]).to.deep.equal([0, 'Usage: aegis [options] [command]']);
  });

  it('checks and tests policies', async () => {
    const checked = await runBuilt(['policy', 'check', shop]);
    expect([checked.code, checked.stderr, checked.stdout.split('\n').at(-2)]).to.deep.equal([0, '', '1 file: 0 errors, 0 warnings']);
    const wrong = await runBuilt(['policy', 'check', files.path('wrong.cedar')]);
    expect([wrong.code, wrong.stderr]).to.deep.equal([1, '']);
    expect(wrong.stdout).to.include(`${files.path('wrong.cedar')}:1:7: error: `);
    expect((await runBuilt(['policy', 'test', shop, files.path('shop.test.json')])).stdout).to.equal('1 test: 1 passed, 0 failed\n');
  });

  it('decides, with an exit code for each effect', async () => {
    for (const [params, effect, exit] of [
      ['{"amount":1}', 'allow', 0],
      ['{"amount":5000}', 'deny', 3],
      ['{"amount":500}', 'approval_needed', 4],
      ['{"note":"a@example.com"}', 'sanitize', 5],
    ] as const) {
      const { code, stdout } = await runBuilt(['decide', shop, '--agent', 'a', '--tool', 'refund', '--params', params]);
      expect([code, stdout.split('\n')[0]]).to.deep.equal([exit, effect]);
    }
  });

  const refused: Record<string, [readonly string[], string]> = {
    'an unknown option': [['policy', 'check', shop, '--key=canary-7f3'], "aegis: unknown option '--key'\n"],
    'bad JSON': [['decide', shop, '--agent', 'a', '--tool', 't', '--params', '{canary-7f3'], 'aegis: --params: not valid JSON\n'],
    'a missing file': [['policy', 'check', files.path('nowhere')], 'There is no such file or folder'],
    'a file for a folder': [['policy', 'test', shop, `${shop}/inside`], 'it cannot be read (ENOTDIR)'],
    'an empty folder': [['policy', 'test', shop, files.path('empty')], 'the folder has no *.test.json file'],
    'a file that is no JSON': [['policy', 'test', shop, files.path('syntax.test.json')], 'syntax.test.json: not valid JSON'],
    'policies that do not load': [['decide', files.path('wrong.cedar'), '--agent', 'a', '--tool', 't'], 'aegis: wrong.cedar:1:7: '],
    'a module that is not there': [['coverage', files.path('nowhere.js')], 'nowhere.js: there is no such file or folder'],
    'a module that ends the process': [['coverage', files.path('exits.js')], 'aegis: the process ended before the command had finished'],
    'a module that never loads': [['coverage', files.path('hangs.js')], 'aegis: the process ended before the command had finished'],
    'a module that fails in the background': [['coverage', files.path('later.js')], 'aegis: an error was thrown outside of the command\n'],
  };
  for (const [what, [args, message]] of Object.entries(refused))
    it(`fails with exit code 2 for ${what}, on standard error, and quotes nothing of it`, async () => {
      expect(await failureOf(args, runBuilt))
        .to.include(message)
        .and.not.include('canary-7f3');
    });

  it('starts a gateway with the source of decisions that the environment names, also a Data Plane', async () => {
    const none = { AEGIS_POLICIES: undefined, AEGIS_API_KEY: undefined };
    const gateway = async (env: Readonly<Record<string, string | undefined>>, ...flags: readonly string[]): Promise<string> =>
      failureOf(['mcp-gateway', ...flags, '--', 'server'], (args) => runBuilt(args, { ...none, ...env }));
    // the SDK is asked for once the module is configured; this repository does not have it
    for (const said of [
      await gateway({ AEGIS_API_KEY: 'canary-7f3' }),
      await gateway({ AEGIS_POLICIES: shop }),
      await gateway({ AEGIS_API_KEY: 'canary-7f3' }, '--policies', shop),
    ])
      expect(said).to.match(/^aegis: @modelcontextprotocol\/sdk: .*npm install.*\n$/);
    expect(await gateway({})).to.equal(
      'aegis: mcp-gateway needs to know where decisions come from: give --policies, or set AEGIS_POLICIES, or AEGIS_API_KEY for a Data Plane\n',
    );
  });

  it('knows what an adapter of the same package guards', async () => {
    // adapters are measured where the frameworks are
    expect(await runBuilt(['coverage', SHOP_TOOLS], { NODE_V8_COVERAGE: undefined })).to.deep.equal({
      code: 0,
      stdout: '1 module: 4 covered, 0 not covered, 0 not judged\n',
      stderr: '',
    });
  });

  it('keeps what modules print out of its answer, and does not wait for what they leave open', async () => {
    const { code, stdout, stderr } = await runBuilt(['coverage', '--json', files.path('noisy.js')]);
    expect([code, stderr]).to.deep.equal([1, 'loading prints\n{}']);
    expect((JSON.parse(stdout) as { uncovered: { path: string }[] }).uncovered.map(({ path }) => path)).to.deep.equal(['tools.wipe']);
  });
});
