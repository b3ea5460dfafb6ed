// A Data Plane in a process of its own, which is killed where it is told to.
import { silentLogger } from '../../../lib/common/Logger.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { History } from '../history.js';
import { KillSwitch } from '../killPoints.js';
import { POLICIES } from '../setting.js';
import type { Order } from '../setting.js';
import { STATE_KEY, serverStore } from './servedSetting.js';
import type { ServerSetting } from './servedSetting.js';
import { watchedServerStore } from './serverKillPoints.js';
import type { ServerKillPoint } from './serverKillPoints.js';

const { who, store: at, history: path, port, idleMs = 300, point, nth, signal } = JSON.parse(process.argv[2] as string) as ServerSetting;
const history = new History(path, who);
const kill = new KillSwitch<ServerKillPoint>(point, nth, signal, () => signal === 'SIGSTOP' && history.note('stopped'));
const plane = createDataPlane({
  policies: POLICIES,
  denialTtlMs: 0,
  maxPendingPerTool: 100_000,
  store: watchedServerStore(await serverStore(at), kill),
  stateKey: STATE_KEY,
  logger: { ...silentLogger, warn: said, error: said },
  beforeAnswer: async (batch) => {
    if (batch.some(({ status, route }) => route === 'decide' && status === 200)) kill.at('before-answer');
  },
});

function said(fields: object, message: string): void {
  console.error(who, message, JSON.stringify(fields));
}

async function leave(): Promise<void> {
  const closed = plane.close({ idleMs, graceMs: Math.max(5_000, idleMs) });
  kill.at('draining');
  await closed;
  history.note('left');
  process.exit();
}

process.on('message', ({ do: what }: Order) => what === 'leave' && void leave());
process.on('SIGTERM', () => void leave());
// whoever hired it is gone
process.on('disconnect', () => process.exit());
await plane.ready();
await plane.listen({ port });
process.send?.('ready');
