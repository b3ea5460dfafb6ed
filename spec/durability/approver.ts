// A process that has none of the tools, and decides every approval it finds: a desk, as a command line or an inbox is one.
import { ApprovalDesk } from '../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import { VerdictError } from '../../lib/model/errors/SetupErrors.js';
import { History } from './history.js';
import type { Order, Setting } from './setting.js';
import { stateStore } from './setting.js';

const LOOK_MS = 50;

/** Decides what is pending from now on, and notes each verdict before it is given and after it was acknowledged. Returns how to stop. */
export function decideAll(desk: ApprovalDesk, history: History, denyEvery = Infinity): () => void {
  const deciding = new Set<string>();
  const decide = async ({ decisionId, digest, params }: ApprovalRecord): Promise<void> => {
    if (deciding.has(decisionId)) return;
    deciding.add(decisionId);
    const deny = Number(params['n']) % denyEvery === 3;
    history.note(deny ? 'denying' : 'approving', decisionId);
    try {
      await desk[deny ? 'deny' : 'approve'](decisionId, { by: 'ann', digest });
      history.note(deny ? 'denied' : 'approved', decisionId);
    } catch (error) {
      // decided, over or withdrawn: that stands. Anything else is tried again
      if (!(error instanceof VerdictError)) deciding.delete(decisionId);
    }
  };
  const look = async (): Promise<void> => {
    for (const record of await desk.list()) await decide(record);
  };
  const timer = setInterval(() => void look().catch((error: unknown) => console.error('looking', error)), LOOK_MS);
  return () => clearInterval(timer);
}

if (process.argv[1] === import.meta.filename) {
  const setting = JSON.parse(process.argv[2] as string) as Setting;
  const history = new History(setting.history, setting.who);
  const store = await stateStore(setting.store);
  await store.open();
  const stop = decideAll(new ApprovalDesk(store.approvals), history, setting.denyEvery);
  process.on('message', ({ do: what }: Order) => {
    if (what !== 'leave') return;
    stop();
    void Promise.resolve(store.close()).then(() => process.exit());
  });
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}
