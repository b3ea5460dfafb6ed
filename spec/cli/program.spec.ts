import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { writeJson } from '../../lib/cli/CliIo.js';
import { CliError, EXIT } from '../../lib/cli/CliIo.js';
import { mcpGatewayCommand } from '../../lib/cli/mcpGateway.js';
import type { McpGatewayFlags, McpGatewayCommand } from '../../lib/cli/mcpGateway.js';
import { failureOf, runAegis } from './runAegis.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('The aegis command', function () {
  this.timeout(20_000);

  it('says what it can do, and its version', async () => {
    const { code, stdout, stderr } = await runAegis(['--help']);
    expect([code, stderr]).to.deep.equal([0, '']);
    for (const command of ['policy', 'decide', 'coverage']) expect(stdout).to.include(`\n  ${command}`);
    expect(stdout).to.not.include('mcp-gateway');
    expect(await runAegis(['--version'])).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect((await runAegis(['policy', 'check', '--help'])).stdout).to.include('--schema <file>');
  });

  it('says what it can do on standard error where it was asked nothing', async () => {
    expect(await failureOf([])).to.include('Usage: aegis');
    expect(await failureOf(['policy'])).to.include('Usage: aegis policy');
  });

  const refused: Record<string, [readonly string[], string]> = {
    'an unknown command': [['polcy'], "aegis: unknown command 'polcy'"],
    'an unknown option': [['decide', 'x', '--agent', 'a', '--tool', 't', '--agnt', 'a'], "aegis: unknown option '--agnt'"],
    'a missing option': [['decide', 'x', '--agent', 'a'], "aegis: required option '--tool <name>' not specified"],
    'an option without its value': [['decide', 'x', '--agent', 'a', '--tool'], "aegis: option '--tool <name>' argument missing"],
    'a missing path': [['policy', 'check'], "aegis: missing required argument 'path'"],
    'too many paths': [['decide', 'x', 'y', '--agent', 'a', '--tool', 't'], 'aegis: too many arguments'],
    'the gateway, which is not there': [['mcp-gateway', '--', 'npx'], "aegis: unknown command 'mcp-gateway'"],
  };
  for (const [what, [args, message]] of Object.entries(refused))
    it(`refuses ${what}, with exit code 2`, async () => {
      expect(await failureOf(args)).to.include(message);
    });

  it('never repeats the value of an option that it does not know', async () => {
    expect(await failureOf(['--api-key=canary-7f3'])).to.equal("aegis: unknown option '--api-key'\n");
  });

  it('says nothing of an error that is not ours but its name', async () => {
    for (const [thrown, said] of [
      [new RangeError('canary-7f3'), 'an unexpected error (RangeError)'],
      ['canary-7f3', 'an unexpected error (not an Error)'],
    ] as const) {
      const { code, stderr } = await runAegis(['mcp-gateway', '--', 'x'], { serveGateway: () => Promise.reject(thrown as Error) });
      expect([code, stderr]).to.deep.equal([2, `aegis: ${said}\n`]);
    }
  });

  it('writes numbers that JSON does not know as texts, and no character that moves a cursor', () => {
    let out = '';
    writeJson({ out: (text) => (out += text) }, { big: 1n, text: '\u202e' });
    expect(out).to.equal('{"big":"1","text":"\\u202e"}\n');
  });
});

describe('docs/cli.md', () => {
  const page = readFileSync('docs/cli.md', 'utf8');

  for (const command of ['policy check', 'policy test', 'decide', 'coverage', 'audit verify', 'audit show', 'audit export'])
    it(`has every option of ${command}, and no other`, async () => {
      const { stdout } = await runAegis([...command.split(' '), '--help']);
      const options = [...stdout.matchAll(/^ {2}(--[\w-]+(?: <[\w:]+>)?)/gm)].map(([, option]) => option);
      const [, section = ''] = new RegExp(`\\n## aegis ${command}\\n([^]*?)(?:\\n## |$)`).exec(page) ?? [];
      const said = [...section.matchAll(/^\| `(--[^`]+)`/gm)].map(([, option]) => option);
      expect(options).to.not.be.empty;
      expect(said).to.deep.equal(options);
    });

  it('has every exit code, and no other', () => {
    const codes = [...page.matchAll(/^\| (\d) {4}\|/gm)].map(([, code]) => Number(code));
    expect(codes).to.deep.equal(Object.values(EXIT));
  });
});

describe('aegis mcp-gateway', () => {
  const local = { policies: undefined, agentId: 'mcp-gateway', listen: undefined, store: undefined };
  const command = (name: string, ...args: string[]) => ({ kind: 'command', command: name, args }) as const;

  it('is in the program where there is a gateway to run, and hands over what was typed', async () => {
    const ran: McpGatewayCommand[] = [];
    const serveGateway = async (options: McpGatewayCommand): Promise<void> => void ran.push(options);
    const flags = ['--listen', '8080', '--policies', './p', '--agent', 'bot', '--store', './a.db'];
    expect((await runAegis(['mcp-gateway', ...flags, '--', 'npx', 'server', '--flag', '--', '-x'], { serveGateway })).code).to.equal(0);
    expect((await runAegis(['mcp-gateway', '--url', 'https://mcp.example/x'], { serveGateway })).code).to.equal(0);
    expect(ran).to.deep.equal([
      {
        upstream: command('npx', 'server', '--flag', '--', '-x'),
        listen: { host: '127.0.0.1', port: 8080 },
        policies: './p',
        agentId: 'bot',
        store: './a.db',
      },
      { ...local, upstream: { kind: 'url', url: new URL('https://mcp.example/x') } },
    ]);
  });

  it('hands nothing over where the options are wrong', async () => {
    const serveGateway = (): never => {
      throw new Error('it ran');
    };
    const { code, stderr } = await runAegis(['mcp-gateway'], { serveGateway });
    expect([code, stderr]).to.deep.equal([
      2,
      'aegis: mcp-gateway needs a server to guard: either --url, or a command after --, and not both\n',
    ]);
  });

  it('listens where it is told', () => {
    const cases: Record<string, [string, number]> = {
      '0': ['127.0.0.1', 0],
      '8080': ['127.0.0.1', 8080],
      'localhost:80': ['localhost', 80],
      '0.0.0.0:65535': ['0.0.0.0', 65_535],
      '[::1]:8080': ['::1', 8080],
    };
    for (const [listen, [host, port]] of Object.entries(cases))
      expect(mcpGatewayCommand(['x'], { listen })).to.deep.equal({ ...local, upstream: command('x'), listen: { host, port } });
  });

  const wrong: [readonly string[], McpGatewayFlags, string][] = [
    [[], {}, 'either --url, or'],
    [['x'], { url: 'http://a.example' }, 'either --url, or'],
    [[], { url: 'canary' }, '--url must be an http or https URL'],
    [[], { url: 'file:///canary' }, '--url must be an http or https URL'],
    [[], { url: 'https://canary@a.example' }, '--url must not contain credentials'],
    [[], { url: 'https://:canary@a.example' }, '--url must not contain credentials'],
    ...['', 'canary', ':80', 'a:', 'a:65536', 'a:-1', '::1:80', 'a b:80', 'http://a:80', '80x'].map(
      (listen): [readonly string[], McpGatewayFlags, string] => [
        ['x'],
        { listen },
        '--listen must be a port from 0 to 65535, or host:port',
      ],
    ),
  ];
  for (const [args, flags, message] of wrong)
    it(`refuses ${JSON.stringify(flags)} with ${args.length} words of a command`, () => {
      expect(() => mcpGatewayCommand(args, flags))
        .to.throw(CliError, message)
        .with.property('message')
        .that.does.not.include('canary');
    });
});
