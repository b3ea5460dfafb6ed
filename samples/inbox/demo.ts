// `npm run demo`: a server, three agents with harmless, risky and hostile calls, and the inbox where you decide about them. Open the link that it prints.
import { auditLog, findAuditKey, jsonlFolder, makeAuditKey } from 'aegislib/audit';
import { createDataPlane } from 'aegislib/server';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { show } from '../show.js';
import { POLICIES } from './policies.js';

const AGENTS = ['support-agent', 'outreach-agent', 'ops-agent'] as const;
const port = Number(process.env['DEMO_PORT'] ?? 4180);

// the key is where the log is not: who can write the log cannot sign it
const folder = process.env['DEMO_AUDIT'] ?? '.aegis/audit';
const file = join(homedir(), '.config', 'aegis', 'audit-keys', 'demo.key');
const { key } = findAuditKey({ env: process.env, file }) ?? makeAuditKey(file);
const audit = auditLog({ sink: jsonlFolder(folder), origin: 'demo', key });
const plane = createDataPlane({ policies: { text: POLICIES }, audit });
const { url } = await plane.listen({ port });
const link = await plane.createSetupLink();
writeFileSync(join(folder, 'key.pub'), `${key.publicKey.toString()}\n`);
show('inbox', 'green', `open ${link?.url.href ?? url}`);
show('', 'gray', 'It works once, for 15 minutes. What is not in the audit log is in memory, and ends with this program: Ctrl+C.');
show('audit', 'gray', `everything that is decided is recorded in ${folder}: npx aegis audit verify ${folder}`);

const agents: ChildProcess[] = [];
for (const agent of AGENTS) {
  const { key } = await plane.createKey({ name: agent, scopes: ['decide'], agents: [agent] });
  const file = fileURLToPath(new URL('./agents.js', import.meta.url));
  const env = { ...process.env, AEGIS_API_KEY: key.reveal() };
  agents.push(spawn(process.execPath, ['--enable-source-maps', file, agent, url], { stdio: ['ignore', 'inherit', 'inherit'], env }));
}

await new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  // where the agents make a few rounds only, as in the spec
  void Promise.all(agents.map((agent) => new Promise((ended) => agent.once('exit', ended)))).then(resolve);
});
for (const agent of agents) agent.kill();
await plane.close({ idleMs: 0 });
