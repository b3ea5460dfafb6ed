// A process that has none of the tools, and decides every approval it finds: a desk, as a command line or an inbox is one.
import { ApprovalDesk } from '../../lib/decision/desk/ApprovalDesk.js';
import { EmbeddedDecisionService } from '../../lib/decision/embedded/EmbeddedDecisionService.js';
import { ReloadablePolicies } from '../../lib/policy/live/ReloadablePolicies.js';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import { VerdictError } from '../../lib/model/errors/SetupErrors.js';
import { History } from './history.js';
import type { Order, Setting } from './setting.js';
import { EDITABLE, editedOf, stateStore } from './setting.js';

const LOOK_MS = 50;

/** Decides what is pending from now on, and notes each edit and verdict before it is given, and a verdict after it was acknowledged. Returns how to stop. */
export function decideAll(
  desk: ApprovalDesk,
  history: History,
  { denyEvery = Infinity, edits = false }: Pick<Setting, 'denyEvery' | 'edits'> = {},
): () => void {
  const deciding = new Set<string>();
  const decide = async ({ decisionId, digest, params }: ApprovalRecord): Promise<void> => {
    if (deciding.has(decisionId)) return;
    deciding.add(decisionId);
    const n = Number(params['n']);
    const deny = n % denyEvery === 3;
    const edited = edits && !deny ? editedOf(n) : undefined;
    if (edited !== undefined) history.note('editing', decisionId, edited);
    history.note(deny ? 'denying' : 'approving', decisionId);
    try {
      if (edited === undefined) await desk[deny ? 'deny' : 'approve'](decisionId, { by: 'ann', digest });
      else await approveEdited(decisionId, digest, edited);
      history.note(deny ? 'denied' : 'approved', decisionId);
    } catch (error) {
      // decided, over or withdrawn: that stands. Anything else is tried again
      if (!(error instanceof VerdictError)) deciding.delete(decisionId);
    }
  };
  /** In one step, or in two, between which it may be killed. */
  const approveEdited = async (decisionId: string, digest: string, n: number): Promise<void> => {
    const set = { '/n': n };
    if (n % 2 === 0) await desk.approve(decisionId, { by: 'ann', digest, edit: { set } });
    else {
      const amended = await desk.amend(decisionId, { by: 'ann', digest, set });
      await desk.approve(decisionId, { by: 'ann', digest: amended.digest });
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
  const desk = new ApprovalDesk(store.approvals);
  // it decides the edited calls of the desk
  void new EmbeddedDecisionService({ policies: new ReloadablePolicies({ source: EDITABLE }), desk });
  const stop = decideAll(desk, history, setting);
  process.on('message', ({ do: what }: Order) => {
    if (what !== 'leave') return;
    stop();
    void Promise.resolve(store.close()).then(() => process.exit());
  });
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}
