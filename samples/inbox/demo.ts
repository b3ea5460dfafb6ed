// `npm run demo`: a server, three agents with harmless, risky and hostile calls, and the inbox where you decide about them. Open the link that it prints.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { show } from '../show.js';

const AGENTS = ['support-agent', 'outreach-agent', 'ops-agent'] as const;
const { DEMO_PORT: port = '4180', AEGIS_SERVER_DATA: data = '.aegis' } = process.env;
const aegis = fileURLToPath(new URL('dist/cli/aegis.js', import.meta.resolve('aegislib/package.json')));
const children: ChildProcess[] = [];

const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
});
// the very server of `npx aegis serve`, which commands in this folder find
const server = start([aegis, 'serve', 'samples/inbox/policies', '--store', 'memory', '--listen', `127.0.0.1:${port}`]);
const ended = once(server, 'exit');
try {
  await Promise.race([work(), stopped]);
} finally {
  for (const child of children.reverse()) child.kill();
  await ended;
}
process.exitCode = server.exitCode ?? 1;

/** Until someone stops it, the server cannot start, or the agents have made the few rounds that they were told to make. */
async function work(): Promise<void> {
  const url = await serverUrl();
  if (url === undefined) return;
  const keys = await Promise.all(AGENTS.map(makeKey));
  const inbox = `${url.replace('127.0.0.1', 'localhost')}/inbox`;
  const lines = [
    `The inbox is at ${inbox}, once you have opened the link above. To try in another terminal, in this folder:`,
    '  npx aegis halt --agent support-agent --reason test         its next call is denied; halt prints the command that lifts it',
    '  npx aegis approvals list                                   what waits for you, as in the inbox',
    '  npx aegis approvals approve <id> --grant "10 uses; 8h"     a refund of 250: the next ten run without asking, and the eleventh asks',
    '  npx aegis approvals approve <id> --set /amount=200         a refund of 250: it runs with 200, and the agent is told',
    '  npx aegis grants list                                      what your yes covers, and how many uses are left',
    '  npx aegis limits                                           how many replies the agent has sent, of how many',
    `  npx aegis audit verify ${join(data, 'audit').padEnd(36)}checks the record of all that was decided`,
    'All but that record is in memory, and ends with this program: Ctrl+C.',
  ];
  for (const line of lines) show('demo', 'green', line);
  const file = fileURLToPath(new URL('./agents.js', import.meta.url));
  const agents = AGENTS.map((agent, i) => start(['--enable-source-maps', file, agent, url], { AEGIS_API_KEY: keys[i] }));
  await Promise.race([ended, Promise.all(agents.map((agent) => once(agent, 'exit')))]);
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  children.push(child);
  return child;
}

/** Where commands in this folder reach this server, not one of before; `undefined` where it did not start. */
async function serverUrl(): Promise<string | undefined> {
  for (; server.exitCode === null && server.signalCode === null; await sleep(50))
    try {
      const { pid, url } = JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as { pid: number; url: string };
      if (pid === server.pid) return url;
    } catch {
      // not yet
    }
  return undefined;
}

/** As an operator makes one: the key is on standard output, and what is said of it is not. */
async function makeKey(agent: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [aegis, 'keys', 'create', '--name', agent, '--agent', agent]);
  return stdout.trim();
}
