import { expect } from 'chai';
import { chmodSync } from 'node:fs';
import sinon from 'sinon';
import { ConfigError } from '../../lib/index.js';
import { CedarPolicyEngine } from '../../lib/policy/engine/CedarPolicyEngine.js';
import { failureOf, folderOf, runAegis, SHOP } from './runAegis.js';

const PERMIT_ALL = '@id("all") permit (principal, action, resource);\n';

describe('aegis policy check', function () {
  this.timeout(20_000);
  const files = folderOf({
    'good/shop.cedar': SHOP,
    'good/notes.txt': 'not a policy',
    'wide.cedar': PERMIT_ALL,
    'bad/a.cedar': `${PERMIT_ALL}\n@id("typo") permit (principal, action == Action::"x", resource);\n`,
    'bad/b.cedar': '@id("all") permit (principal, action == Aegis::Action::"\\u{202e}x", resource);',
    'typed.cedar': '@id("t") permit (principal, action == Aegis::Action::"pay", resource) when { context.input.amuont > 1 };\n',
    'schema.cedarschema': `namespace Aegis {
      entity Role; entity Agent in [Role]; entity Toolset;
      action "pay" appliesTo { principal: [Agent], resource: [Toolset], context: { input: { amount: Long } } };
    }`,
    'broken.cedarschema': 'entity',
    'deep.cedar': `@id("deep") permit (principal, action, resource) when { ${'('.repeat(300)}true${')'.repeat(300)} };`,
    'latin.cedar': '',
    'empty/readme.md': '',
  });
  after(() => files.remove());

  it('finds nothing wrong where nothing is, and lists soft forbids for the reviewer', async () => {
    const good = files.path('good');
    const { code, stdout, stderr } = await runAegis(['policy', 'check', good]);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout.split('\n')).to.deep.equal([
      `${good}/shop.cedar:4:1: info: [large] A soft forbid: it does not refuse the call but asks a person.`,
      `${good}/shop.cedar:6:1: info: [mail] A soft forbid: it does not refuse the call but changes it.`,
      '1 file: 0 errors, 0 warnings',
      '',
    ]);
  });

  it('names every problem by file and line, and exits with 1', async () => {
    const bad = files.path('bad');
    const { code, stdout } = await runAegis(['policy', 'check', bad, files.path('good')]);
    expect(code).to.equal(1);
    expect(stdout).to.include(`${bad}/a.cedar:3:`).and.include('error: [typo]');
    expect(stdout).to.match(/b\.cedar:1:1: error: \[all\]/);
    expect(stdout).to.match(/\n3 files: \d+ errors, \d+ warnings?\n$/);
  });

  it('takes each path as a set of its own', async () => {
    const path = files.path('wide.cedar');
    const { code, stdout } = await runAegis(['policy', 'check', path, path]);
    expect([code, stdout.split('\n').at(-2)]).to.deep.equal([0, '2 files: 0 errors, 2 warnings']);
  });

  it('makes warnings problems with --strict', async () => {
    const path = files.path('wide.cedar');
    expect((await runAegis(['policy', 'check', path])).code).to.equal(0);
    expect((await runAegis(['policy', 'check', '--strict', path])).code).to.equal(1);
    expect((await runAegis(['policy', 'check', '--strict', files.path('good')])).code).to.equal(0);
  });

  it('runs the validator of Cedar with a schema', async () => {
    const [path, schema] = [files.path('typed.cedar'), files.path('schema.cedarschema')];
    expect((await runAegis(['policy', 'check', path])).code).to.equal(0);
    const { code, stdout } = await runAegis(['policy', 'check', path, '--schema', schema]);
    expect(code).to.equal(1);
    expect(stdout).to.match(/typed\.cedar:1:\d+: error: \[t\].*amuont/);
    const broken = files.path('broken.cedarschema');
    expect((await runAegis(['policy', 'check', path, '--schema', broken])).stdout).to.include(`${broken}:1:`);
  });

  it('prints one JSON document with --json', async () => {
    const { code, stdout } = await runAegis(['policy', 'check', '--json', files.path('bad')]);
    expect(code).to.equal(1);
    const answer = JSON.parse(stdout) as { files: number; errors: number; findings: { file: string; line: number; severity: string }[] };
    expect(answer.files).to.equal(2);
    expect(answer.findings.filter(({ severity }) => severity === 'error')).to.have.length(answer.errors);
    expect(answer.findings.find(({ line }) => line === 3)?.file).to.equal(files.path('bad/a.cedar'));
  });

  it('loads what lint has passed, and says where that fails', async () => {
    const problem = {
      where: 'policies',
      message: 'The policies cannot be evaluated: a trial decision failed. Simplify the largest policy.',
    };
    const load = sinon.stub(CedarPolicyEngine, 'load').throws(new ConfigError([problem]));
    try {
      const path = files.path('wide.cedar');
      const { code, stdout } = await runAegis(['policy', 'check', path]);
      expect([code, stdout.split('\n')[1]]).to.deep.equal([1, `${path}: error: ${problem.message}`]);
      const { stdout: json } = await runAegis(['policy', 'check', path, '--json']);
      expect((JSON.parse(json) as { findings: object[] }).findings[1]).to.deep.equal({
        file: path,
        severity: 'error',
        message: problem.message,
      });
    } finally {
      load.restore();
    }
  });

  it('checks what is too deep without a crash', async () => {
    const { code, stdout } = await runAegis(['policy', 'check', files.path('deep.cedar')]);
    expect(code).to.equal(1);
    expect(stdout).to.include('error:');
  });

  it('cannot check what is not there, empty, or may not be read', async () => {
    expect(await failureOf(['policy', 'check', files.path('nowhere')])).to.match(/^aegis: .*nowhere: There is no such file/);
    expect(await failureOf(['policy', 'check', files.path('empty')])).to.include('has no *.cedar file');
    expect(await failureOf(['policy', 'check', files.path('wide.cedar/inside')])).to.include('or it cannot be read');
    expect(await failureOf(['policy', 'check', files.path('good'), '--schema', files.path('none')])).to.include(
      'there is no such file or folder',
    );
    expect(await failureOf(['policy', 'check', files.path('good'), '--schema', files.path('good')])).to.include('it is a folder');
  });

  it('cannot check a folder that it may not read', async function () {
    // the administrator reads everything
    if (process.getuid?.() === 0) chmodSync(files.path('empty'), 0o700);
    else chmodSync(files.path('empty'), 0o000);
    expect(await failureOf(['policy', 'check', files.path('empty')])).to.match(/cannot be read|has no \*\.cedar file/);
    chmodSync(files.path('empty'), 0o700);
  });
});

describe('aegis policy test', function () {
  this.timeout(20_000);
  const call = (amount: number, effect: string) => ({ name: `${amount}`, params: { amount }, expect: { effect } });
  const suite = (...tests: object[]): string => JSON.stringify({ defaults: { agent: 'bot', tool: 'refund' }, tests });
  const files = folderOf({
    'policies/shop.cedar': SHOP,
    'tests/b.test.json': suite(call(5000, 'deny'), call(500, 'approval_needed')),
    'tests/a.test.json': suite(call(1, 'allow')),
    'tests/.hidden.test.json': 'not JSON',
    'tests/other.json': 'not JSON',
    'wrong.test.json': suite(call(1, 'deny'), call(2, 'allow'), { ...call(3, 'deny'), name: 'x\u001b[2J' }),
    'none.test.json': suite(),
    'syntax.test.json': '{"tests": [canary-7f3]}',
    'shape.test.json': '{"tests": [{"name": "canary-7f3"}]}',
    'array.test.json': '"canary-7f3"',
    'params.test.json': suite({ name: 'a', params: { __entity: 'canary-7f3' }, expect: { effect: 'deny' } }),
    'empty/readme.md': '',
    'bad.cedar': 'permit',
  });
  after(() => files.remove());
  const policies = files.path('policies');

  it('runs every test of a folder, and says nothing of those that pass', async () => {
    expect(await runAegis(['policy', 'test', policies, files.path('tests')])).to.deep.equal({
      code: 0,
      stdout: '3 tests: 3 passed, 0 failed\n',
      stderr: '',
    });
  });

  it('says what differs where a test fails, and exits with 1', async () => {
    const wrong = files.path('wrong.test.json');
    const { code, stdout } = await runAegis(['policy', 'test', policies, files.path('tests/a.test.json'), wrong]);
    expect(code).to.equal(1);
    expect(stdout.split('\n')).to.deep.equal([
      `${wrong}: failed: 1`,
      '  effect: expected "deny", got "allow"',
      `${wrong}: failed: x\\u{1b}[2J`,
      '  effect: expected "deny", got "allow"',
      '4 tests: 2 passed, 2 failed',
      '',
    ]);
  });

  it('prints one JSON document with --json', async () => {
    const { code, stdout } = await runAegis(['policy', 'test', policies, files.path('wrong.test.json'), '--json']);
    const answer = JSON.parse(stdout) as { passed: number; failed: number; results: { name: string; passed: boolean }[] };
    expect([code, answer.passed, answer.failed]).to.deep.equal([1, 1, 2]);
    expect(answer.results.map(({ name, passed }) => [name, passed])[1]).to.deep.equal(['2', true]);
  });

  const broken: Record<string, [string, RegExp]> = {
    'a file that is not there': ['nowhere.test.json', /nowhere\.test\.json: there is no such file or folder/],
    'a folder without tests': ['empty', /the folder has no \*\.test\.json file/],
    'a file without tests': ['none.test.json', /these files hold no test/],
    'what is no JSON': ['syntax.test.json', /syntax\.test\.json: not valid JSON/],
    'what is no file of tests': ['shape.test.json', /shape\.test\.json: tests\.0\.expect: This key is missing/],
    'what is no object': ['array.test.json', /array\.test\.json: Expected Object/],
    'params that no call could have': ['params.test.json', /params\.test\.json: .*__entity/],
  };
  for (const [what, [name, message]] of Object.entries(broken))
    it(`cannot run ${what}, and quotes nothing of it`, async () => {
      const said = await failureOf(['policy', 'test', policies, files.path(name)]);
      expect(said).to.match(message).and.not.include('canary-7f3');
    });

  it('cannot test policies that do not load', async () => {
    expect(await failureOf(['policy', 'test', files.path('bad.cedar'), files.path('tests')])).to.match(/^aegis: bad\.cedar:1:/);
  });
});
