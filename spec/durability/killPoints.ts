import { chain } from '../../lib/common/awaitable.js';
import type { Awaitable } from '../../lib/common/awaitable.js';
import type { DecisionService } from '../../lib/decision/DecisionService.js';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import type { TaskChange, TaskClaim, TaskInsertion, TaskOutcome } from '../../lib/store/TaskStore.js';
import type { History } from './history.js';

/** Where a process can be killed, in the order a call comes by. */
export const KILL_POINTS = [
  'before-insert',
  'after-insert',
  'during-poll',
  'after-approve',
  'after-dispatch',
  'during-consume',
  'before-claim',
  'after-claim',
  'mid-method',
  'before-settle',
  'after-settle',
] as const;

export type KillPoint = (typeof KILL_POINTS)[number];

/** Sends this process a signal the `nth` time it comes by a point. Both signals act before the next instruction. */
export class KillSwitch<Point extends string = KillPoint> {
  readonly #point: string | undefined;
  readonly #signal: 'SIGKILL' | 'SIGSTOP';
  readonly #beforehand: () => void;
  #left: number;

  /** @param beforehand called just before the signal */
  constructor(point: string | undefined, nth = 1, signal: 'SIGKILL' | 'SIGSTOP' = 'SIGKILL', beforehand: () => void = () => {}) {
    this.#beforehand = beforehand;
    this.#point = point;
    this.#left = nth;
    this.#signal = signal;
  }

  at(point: Point): void {
    if (point !== this.#point || --this.#left !== 0) return;
    this.#beforehand();
    process.kill(process.pid, this.#signal);
  }
}

interface Around {
  readonly before?: (...args: never[]) => void;
  readonly after?: (result: never, ...args: never[]) => void;
}

/** The same object, with something before and after some of its methods; one that answers at once still does. */
export function around<T extends object>(target: T, hooks: { readonly [K in keyof T]?: Around }): T {
  return new Proxy(target, {
    get(_, key) {
      const found: unknown = Reflect.get(target, key);
      if (typeof found !== 'function') return found;
      const hook = hooks[key as keyof T];
      return (...args: never[]): Awaitable<unknown> => {
        hook?.before?.(...args);
        return chain(Reflect.apply(found, target, args) as Awaitable<never>, (result) => {
          hook?.after?.(result, ...args);
          return result;
        });
      };
    },
  });
}

/** The store, whose acknowledged inserts, claims and outcomes are noted, with kill points around its writes. */
export function watchedStore(store: StateStore, history: History, kill: KillSwitch): StateStore {
  const tasks = around(store.tasks, {
    insert: {
      before: () => kill.at('before-insert'),
      after: ({ outcome, task }: TaskInsertion) => {
        if (outcome === 'created') history.note('inserted', task.taskId, task.decisionId);
        kill.at('after-insert');
      },
    },
    transition: {
      after: (task: unknown, _: string, __: unknown, change: TaskChange) => {
        if (task !== undefined && change.to === 'approved') kill.at('after-approve');
      },
    },
    claim: {
      before: () => kill.at('before-claim'),
      after: (task: unknown, { taskId, token }: TaskClaim) => {
        if (task === undefined) return;
        history.note('claimed', taskId, token);
        kill.at('after-claim');
      },
    },
    settle: {
      before: () => kill.at('before-settle'),
      after: (task: unknown, taskId: string, token: string, { to }: TaskOutcome) => {
        if (task === undefined) return;
        history.note('settled', taskId, token, to);
        kill.at('after-settle');
      },
    },
  });
  const approvals = around(store.approvals, {
    replace: {
      after: (replaced: boolean, { consumed }: ApprovalRecord) => {
        if (replaced && consumed !== undefined) kill.at('during-consume');
      },
    },
  });
  return { tasks, approvals, open: () => store.open(), close: () => store.close() };
}

/** Puts the kill points of questions into the decision service a module has made for itself. */
export function watchDecisions(decisions: DecisionService, kill: KillSwitch): void {
  const { status, reevaluate } = decisions;
  decisions.status = (...args) => {
    kill.at('during-poll');
    return status.apply(decisions, args);
  };
  decisions.reevaluate = (...args) => {
    kill.at('after-dispatch');
    return (reevaluate as NonNullable<typeof reevaluate>).apply(decisions, args);
  };
}
