// A process that calls the two tools as it is told, and runs what was approved: its own calls, and those of workers that have died.
import { setTimeout as sleep } from 'node:timers/promises';
import { AegisGuard } from '../../lib/guard/AegisGuard.js';
import { currentCall } from '../../lib/guard/call/callContext.js';
import type { Guarded } from '../../lib/model/PendingApproval.js';
import { KillSwitch, watchDecisions, watchedStore } from './killPoints.js';
import { enrol } from './enrol.js';
import type { Setting } from './setting.js';
import { fraction, stateStore } from './setting.js';

const setting = JSON.parse(process.argv[2] as string) as Setting;
const { seed, methodMs = 10, throwEvery, point, nth, signal } = setting;
// that it was killed is told by whoever sees its end; that it stands still can only be told by itself
const kill = new KillSwitch(point, nth, signal, () => signal === 'SIGSTOP' && history.note('stopped'));

class Tools {
  @AegisGuard({ params: ['n'] })
  async once(n: number): Promise<Guarded<number>> {
    return work(n);
  }

  @AegisGuard({ params: ['n'], idempotent: true })
  async idempotent(n: number): Promise<Guarded<number>> {
    return work(n);
  }
}

async function work(n: number): Promise<number> {
  const { taskId = '', decisionId = '' } = currentCall() ?? {};
  history.note('start', n, taskId, decisionId);
  await sleep(fraction(seed, n) * methodMs);
  kill.at('mid-method');
  if (throwEvery !== undefined && n % throwEvery === 1) {
    history.note('threw', n, taskId, decisionId);
    throw new Error('as the tool does now and then');
  }
  history.note('end', n, taskId, decisionId);
  return n;
}

const { history, join } = enrol(setting);
const store = watchedStore(await stateStore(setting.store), history, kill);
const aegis = await join(store, async (order) => {
  if (order.do !== 'call') return;
  for (const n of order.ns) await tools[order.tool](n);
});
watchDecisions(aegis.decisions, kill);
const tools = new Tools();
process.send?.('ready');
