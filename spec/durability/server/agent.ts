// A program whose calls are decided by a server, which it knows by its address and a key. Nobody kills it.
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import { currentCall } from '../../../lib/guard/call/callContext.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { Diagnostic } from '../../../lib/model/diagnostics.js';
import { AegisError } from '../../../lib/model/AegisError.js';
import { isPending } from '../../../lib/model/PendingApproval.js';
import type { Guarded, PendingApproval } from '../../../lib/model/PendingApproval.js';
import { History } from '../history.js';
import type { Order } from '../setting.js';
import type { AgentOrder, AgentReport, AgentSetting } from './servedSetting.js';

const { who, history: path, baseUrl, apiKey, tasksAt, approvalTimeoutMs, retries } = JSON.parse(process.argv[2] as string) as AgentSetting;
const history = new History(path, who);
// what went wrong and was caught is told nowhere else
subscribe('aegis:diagnostics', (told) => console.error(who, JSON.stringify(told as Diagnostic)));
const aegis = AegisModule.configure({
  baseUrl,
  apiKey,
  agentId: 'chaos',
  ...(tasksAt !== undefined && { store: tasksAt }),
  ...(approvalTimeoutMs !== undefined && { approvalTimeoutMs }),
  ...(retries !== undefined && { retries }),
  approvalPolling: { initialDelayMs: 500, maxDelayMs: 5_000 },
  env: false,
});

class Tools {
  @AegisGuard({ params: ['n'] })
  async pay(n: number): Promise<Guarded<number>> {
    const { taskId = '', decisionId = '' } = currentCall() ?? {};
    history.note('start', n, taskId, decisionId);
    await Promise.resolve();
    history.note('end', n, taskId, decisionId);
    return n;
  }
}

/** How long a refused call counts as one that asks. */
const REFUSED_MS = 300;

const tools = new Tools();
const open = new Map<number, PendingApproval<number>>();
let [asking, ended] = [0, 0];
const report = (): void => void process.send?.({ asking, open: open.size, ended } satisfies AgentReport, () => {});

async function ask(n: number): Promise<void> {
  asking += 1;
  report();
  try {
    history.note('calling', n);
    const pending = await tools.pay(n);
    if (!isPending(pending)) throw new Error(`${n} ran at once`);
    history.note('opened', n, pending.decisionId);
    open.set(n, pending);
    void pending.completed.then(
      () => over(n),
      (error: unknown) => over(n, error),
    );
  } catch (error) {
    history.note('refused', n, codeOf(error));
    // a program does not ask again at once
    await sleep(REFUSED_MS);
  } finally {
    asking -= 1;
    report();
  }
}

function over(n: number, error?: unknown): void {
  if (error !== undefined) history.note('over', n, codeOf(error));
  open.delete(n);
  ended += 1;
  report();
}

function codeOf(error: unknown): string {
  return AegisError.is(error) ? error.code : String(error).replaceAll(/\s/g, '_');
}

process.on('message', (order: Order | AgentOrder) => {
  if (order.do === 'ask') for (const n of order.ns) void ask(n);
  if (order.do === 'cancel')
    for (const n of order.ns) {
      history.note('cancelling', n);
      void open.get(n)?.cancel();
    }
  if (order.do === 'leave')
    void aegis.close({ graceMs: 2_000 }).then(() => {
      history.note('left');
      process.exit();
    });
});
process.on('disconnect', () => process.exit());
await aegis.ready();
process.send?.('ready');
