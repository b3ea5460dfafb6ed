import { subscribe } from 'node:diagnostics_channel';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import type { Diagnostic } from '../../lib/model/diagnostics.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import { History } from './history.js';
import { EDITABLE, POLICIES } from './setting.js';
import type { Order, Setting } from './setting.js';

/** What every process of a scenario does first: opens the history, makes a module on the store, notes its events, and listens for orders. */
export function enrol(setting: Setting): {
  readonly history: History;
  readonly join: (store: StateStore, obey: (order: Order) => Promise<void>) => Promise<AegisModule>;
} {
  const { who, leaseMs, sweepMs, approvalTimeoutMs = 600_000, edits = false } = setting;
  const history = new History(setting.history, who);
  const join = async (store: StateStore, obey: (order: Order) => Promise<void>): Promise<AegisModule> => {
    // a callback that throws, or a store that is away, is told nowhere else
    subscribe('aegis:diagnostics', (told) => console.error(who, JSON.stringify(told as Diagnostic)));
    const aegis = AegisModule.configure({
      policies: edits ? EDITABLE : POLICIES,
      store,
      agentId: 'chaos',
      approvalTimeoutMs,
      denialTtlMs: 0,
      recovery: { leaseMs, sweepMs, maxRuns: 50 },
      tasks: { maxFinished: 1_000_000 },
      env: false,
    });
    aegis.tasks.on('transition', ({ task }) => history.note('event', task.taskId, task.version, task.status));
    process.on('message', (order: Order) => {
      // a call may be refused because its process is leaving
      if (order.do !== 'leave') return void obey(order).catch((error: unknown) => console.error(who, error));
      void aegis.close({ graceMs: 5_000 }).then(() => {
        history.note('left');
        process.exit();
      });
    });
    // whoever hired it is gone
    process.on('disconnect', () => process.exit());
    await aegis.ready();
    history.note('ready', store.tasks.ownerId, aegis.tasks.clock.now());
    return aegis;
  };
  return { history, join };
}
