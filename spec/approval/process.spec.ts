import { expect } from 'chai';
import { runInChild } from '../support/runInChild.js';

/** How a process fares while an approval is pending in it (T27): what it prints last, and whether it ends by itself. */
describe('A process with a pending approval', () => {
  const cases: Readonly<Record<string, readonly [program: string, prints: string]>> = {
    'lives until the approval ends, by default': ['await setup.submit(soon());', 'timeout'],
    'lives until its polls are over': [
      'const { handle } = await setup.submit(later()); setTimeout(() => handle.cancel(), 150).unref();',
      'cancelled',
    ],
    'ends before, when nobody waits in the background': ['await setup.hold(later());', 'pending'],
    'ends before, when the store is durable': ['setup.store.durable = true; await setup.submit(later());', 'pending'],
    'ends before, when it is told not to be kept alive': [
      'setup = schedulerSetup({ keepAlive: false }); await setup.submit(later());',
      'pending',
    ],
    'lives, when it is told so, though the store is durable': [
      'setup = schedulerSetup({ keepAlive: true, store: Object.assign(new MemoryTaskStore(), { durable: true }) }); await setup.submit(soon());',
      'timeout',
    ],
    'ends at once when it is cancelled': ['const { handle } = await setup.submit(later()); await handle.cancel();', 'cancelled'],
    'ends at once when it is shut down': ['await setup.submit(later()); await setup.scheduler.shutdown();', 'cancelled'],
    'ends at once when what was held is redeemed': [
      'const { entry } = await setup.hold(later()); await setup.scheduler.redeem(entry, () => 1);',
      'completed',
    ],
    'lives for the one of several that is left': [
      'const a = await setup.submit(later()); await setup.submit(later(900)); await a.handle.cancel();',
      'timeout',
    ],
    'lives for the one that is left when the other has run': [
      'approves = true; const a = await setup.submit(later(900)); await a.handle.completed; approves = false; await setup.submit(later(900));',
      'timeout',
    ],
    'ends when nobody waits but one that is held, however often others were followed, before and after their end': [
      'const a = await setup.submit(later()); setup.scheduler.follow(a.entry); await a.handle.cancel(); setup.scheduler.follow(a.entry); await setup.hold(later());',
      'pending',
    ],
    'is not kept alive by listening alone': [
      "setup = schedulerSetup({ service: { pushes: true } }); setup.scheduler.start(); last = 'pending';",
      'pending',
    ],
  };
  for (const [what, [program, prints]] of Object.entries(cases)) {
    it(what, async () => {
      const { code, stdout, stderr } = await runInChild(
        `
        import { stopwatch } from './spec/support/pace.js';
        import { schedulerSetup } from './spec/support/schedulerSetup.js';
        import { MemoryTaskStore } from './lib/store/memory/MemoryTaskStore.js';
        const soon = () => ({ expiresAtMs: Date.now() + 300 });
        const later = (ms = 3_600_000) => ({ expiresAtMs: Date.now() + ms });
        let last = 'nothing';
        let approves = ${prints === 'completed'};
        const status = (decisionId) => ({ decisionId, state: approves ? 'approved' : 'pending' });
        let setup = schedulerSetup({ service: { status } });
        const ms = stopwatch();
        process.on('exit', () => console.log(setup.changes.at(-1)?.task.status ?? last, ms() < 2_000 ? 'soon' : 'late'));
        ${program}`,
        { cwd: new URL('../..', import.meta.url).pathname, timeoutMs: 8_000 },
      );
      expect([code, stdout.trim(), stderr]).to.deep.equal([0, `${prints} soon`, '']);
    }).timeout(20_000);
  }
});
