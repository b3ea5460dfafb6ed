// node runner.js <folder> <lanes> <pause>: guarded calls, so many at a time and so many milliseconds apart, with an audit log in `required`. Each method writes down that it ran, before the log may say how it ended.
import { openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { currentCall } from '../../../lib/guard/call/callContext.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';

const [folder = '', lanes, pauseMs] = process.argv.slice(2);
const runs = openSync(join(folder, 'runs'), 'a');
const log = auditLog({
  sink: jsonlFolder(join(folder, 'audit'), { segmentBytes: 65_536 }),
  origin: 'spec.example/kills',
  key: readFileSync(join(folder, 'key.pem'), 'utf8'),
  checkpointEvery: { records: 64 },
});
const aegis = AegisModule.create({
  policies: { text: '@id("all") permit (principal, action, resource);' },
  agentId: 'runner',
  journal: log,
});
const run = guard(
  async (_n: number) => {
    writeSync(runs, `${currentCall()?.decisionId}\n`);
    await new Promise((resolve) => setImmediate(resolve));
  },
  { toolName: 'count', params: ['n'], module: aegis },
);

let isOver = false;
process.stdin.on('end', () => (isOver = true)).resume();
await log.ready();
process.stdout.write(`${log.status().writer}\n`);
let n = 0;
const lane = async (): Promise<void> => {
  while (!isOver) {
    await run((n += 1));
    if (pauseMs !== '0') await sleep(Number(pauseMs));
  }
};
await Promise.all(Array.from({ length: Number(lanes) }, lane));
await aegis.close();
await log.close();
