// What a remote decision costs over a bare `ky.post().json()` of the same bytes, in CPU time of this process; the server is another process.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import ky from 'ky';
import { AegisModule, guard } from 'aegislib';
import { median } from './compare.js';
import { report } from './figure.js';

const server = fork(fileURLToPath(new URL('./remoteServer.js', import.meta.url)));
const [url] = (await once(server, 'message')) as [string];

const aegis = AegisModule.create({ baseUrl: url, apiKey: 'bench-key', agentId: 'bench', dataPlane: { require: [] } });
const send = guard(async (to: string, text: string) => to.length + text.length, {
  module: aegis,
  toolName: 'send',
  params: ['to', 'text'],
  approval: 'wait',
});
const headers = { 'X-API-KEY': 'bench-key', 'X-DECISION-SOURCE': 'typescript_client', Accept: 'application/json' };
const bare = async (): Promise<unknown> =>
  ky
    .post(`${url}/v1/decision`, {
      json: { agent_id: 'bench', tool: { name: 'send', params: { to: 'ann', text: 'hi' } }, session: null },
      headers,
      retry: 0,
    })
    .json();

const ROUNDS = 15;
const CALLS = 400;
const ratios: number[] = [];
const ours: number[] = [];
for (let round = -4; round < ROUNDS; round++) {
  const [a, b] = round % 2 === 0 ? [await cpu(() => send('ann', 'hi')), await cpu(bare)] : await swapped();
  if (round < 0) continue;
  ratios.push(a / b);
  ours.push(a);
}
report([
  {
    name: 'remote guarded call ÷ bare ky.post().json(), CPU',
    value: median(ratios),
    unit: '×',
    goal: { atMost: 1.15 },
    note: `${median(ours).toFixed(0)} µs`,
  },
]);
await aegis.close();
server.kill();

async function swapped(): Promise<readonly [number, number]> {
  const b = await cpu(bare);
  return [await cpu(() => send('ann', 'hi')), b];
}

async function cpu(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  for (let i = 0; i < CALLS; i++) await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / CALLS;
}
