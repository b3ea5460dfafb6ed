import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect } from 'chai';
import { POLICIES } from './mail.js';

const AEGIS = fileURLToPath(new URL('../../../dist/cli/aegis.js', import.meta.url));
const UPSTREAM = fileURLToPath(new URL('./mcpUpstream.js', import.meta.url));
/** Where the command finds the MCP SDK. */
const PROJECT = fileURLToPath(new URL('..', import.meta.url));

describe('aegis mcp-gateway', () => {
  let folder: string;
  let policies: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-gateway-'));
    policies = join(folder, 'mail.cedar');
    writeFileSync(policies, POLICIES);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('guards an unmodified server over its standard streams: allowed, sanitized and denied calls', async () => {
    const args = [AEGIS, 'mcp-gateway', '--policies', policies, '--agent', 'mailer', '--', process.execPath, UPSTREAM];
    const client = new Client({ name: 'client', version: '1' });
    await client.connect(new StdioClientTransport({ command: process.execPath, args, cwd: PROJECT, stderr: 'ignore' }));
    const send = async (to: string, amount: number): Promise<[string, unknown]> => {
      const { content, isError } = await client.callTool({ name: 'send', arguments: { to, amount } });
      return [(content as readonly { text: string }[])[0]?.text ?? '', isError];
    };
    expect((await client.listTools()).tools.map(({ name }) => name)).to.include('send');
    expect(await send('ann', 5)).to.deep.equal(['sent to ann', undefined]);
    expect((await send('bob@secret.example', 5))[0]).to.equal('sent to [email]');
    const [text, isError] = await send('ann', 5_000);
    expect([text.includes('over a thousand is too much'), isError]).to.deep.equal([true, true]);
    await client.close();
  });

  const failing: Readonly<Record<string, readonly [args: readonly string[], cwd: string, told: RegExp]>> = {
    'neither a command nor an address': [[], PROJECT, /either --url, or a command after --/],
    'policies that are not there': [['--policies', '/nowhere/at/all', '--', 'x'], PROJECT, /nowhere/],
    'an MCP SDK that is not installed': [['--policies', 'POLICIES', '--', 'x'], tmpdir(), /npm install @modelcontextprotocol\/sdk/],
  };
  for (const [what, [args, cwd, told]] of Object.entries(failing)) {
    it(`ends with 2 and says so for ${what}`, async () => {
      const given = args.map((arg) => (arg === 'POLICIES' ? policies : arg));
      const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) =>
        execFile(process.execPath, [AEGIS, 'mcp-gateway', ...given], { cwd }, (error, out, err) =>
          resolve({ code: error?.code, stdout: out, stderr: err }),
        ),
      );
      expect([code, stdout], stderr).to.deep.equal([2, '']);
      expect(stderr)
        .to.match(told)
        .and.not.match(/^ {4}at /m);
    });
  }
});
