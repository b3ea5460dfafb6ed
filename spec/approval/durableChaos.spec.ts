import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { AegisGuard } from '../../lib/guard/AegisGuard.js';
import { currentCall } from '../../lib/guard/call/callContext.js';
import type { AegisModule } from '../../lib/guard/module/AegisModule.js';
import type { PendingApproval } from '../../lib/model/PendingApproval.js';
import type { Task } from '../../lib/model/Task.js';
import { diagnosed } from '../support/diagnosed.js';
import { approve, durableModule, LEASE_MS, SWEEP_MS } from '../support/durableModules.js';
import { SharedMemoryStore } from '../support/SharedMemoryStore.js';

const OPERATIONS =
  'insert get ofDecision findOpen transition claim release settle countAttempt beat isLive sweep due approvals.insert approvals.get approvals.replace approvals.list'.split(
    ' ',
  );

let keys = 0;

/** Numbers that are the same at every run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Whatever fails, whoever dies: nothing runs without its claim in the store, nothing twice, and what was approved has an end that says what happened. */
describe('Approvals of two processes whose store fails and that die', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  for (let seed = 1; seed <= 24; seed++) {
    it(`run each call once at the most, and lose none (${seed})`, async () => {
      const next = numbersFrom(seed);
      const runs = new Map<string, number>();
      const unclaimed: string[] = [];
      const key = `chaos-${(keys += 1)}`;
      const inbox = new SharedMemoryStore();
      const desk = durableModule(inbox, { resolve: () => undefined });
      const stores: SharedMemoryStore[] = [];
      const modules: AegisModule[] = [];
      const approved: string[] = [];
      class Till {
        readonly n: number;
        constructor(n: number) {
          this.n = n;
        }
        @AegisGuard({ toolName: 'refund', key, module: (self: Till) => modules[self.n] as AegisModule, params: ['amount'] })
        async refund(amount: number): Promise<number | PendingApproval<number>> {
          const taskId = String(currentCall()?.taskId);
          const task = inbox.tasks.get(taskId) as Task | undefined;
          if (task?.status !== 'executing') unclaimed.push(`${taskId} ${task?.status}`);
          runs.set(taskId, (runs.get(taskId) ?? 0) + 1);
          await new Promise((resolve) => setTimeout(resolve, next(3) === 0 ? 3_000 : 1));
          return amount;
        }
      }
      const tills: Till[] = [];
      const start = (n: number): void => {
        stores[n] = inbox.another({ later: next(2) === 0 });
        modules[n] = durableModule(stores[n], { resolve: () => tills[n] });
        tills[n] = new Till(n);
      };
      start(0);
      start(1);
      const died: SharedMemoryStore[] = [];
      await diagnosed(async () => {
        await time.tickAsync(100);
        for (let step = 0; step < 40; step++) {
          const n = next(2);
          const [store, till] = [stores[n] as SharedMemoryStore, tills[n] as Till];
          switch (next(8)) {
            case 0:
            case 1:
            case 2:
              till.refund(seed * 1_000 + next(12)).catch(() => {});
              break;
            case 3:
            case 4:
              store.faults.fail(OPERATIONS[next(OPERATIONS.length)] as string, {
                nth: 1 + next(3),
                times: 1 + next(3),
                when: next(2) === 0 ? 'before' : 'after',
              });
              break;
            case 5:
              store.faults.delayAnswers('claim', next(2) * (LEASE_MS / 2 + 500));
              break;
            case 6:
              if (next(3) > 0) break;
              store.die();
              died.push(store);
              start(n);
              break;
            default:
          }
          for (const record of await desk.approvals.list()) {
            if (next(3) > 0) continue;
            await approve(desk, record.decisionId);
            approved.push(record.decisionId);
          }
          await time.tickAsync(next(4) * 700);
        }
        for (const store of stores) {
          store.faults.clear();
          store.faults.delayAnswers('claim', 0);
        }
        await time.tickAsync(20 * LEASE_MS + 100 * SWEEP_MS);
      });
      expect(unclaimed).to.deep.equal([]);
      const tasks = (await inbox.tasks.list({ limit: 10_000 })) as Task[];
      const ends = tasks.filter((t) => approved.includes(t.decisionId)).map((t) => t.status);
      for (const end of ends) expect(end).to.be.oneOf(['completed', 'unknown']);
      expect(ends).to.not.be.empty;
      for (const [taskId, times] of runs) expect(times, taskId).to.equal(1);
      // only what died in the middle is for a person to settle
      if (died.length === 0) expect(ends).to.not.include('unknown');
      for (const store of stores) store.die();
    });
  }
});
