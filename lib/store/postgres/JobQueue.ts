import { createHash } from 'node:crypto';
import type { Awaitable } from '../../common/awaitable.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { isPassing } from './errors.js';
import type { ChangeListener } from './ChangeListener.js';
import type { JobQueue, RunSql } from './jobs.js';
import { requirePgBoss } from './peers.js';

const DAY_S = 86_400;

/** pg-boss deletes a job that nobody took in 14 days, and runs a failed one twice more: approvals wait longer, and run once. */
const QUEUE = {
  policy: 'short',
  notify: true,
  retryLimit: 0,
  retentionSeconds: 400 * DAY_S,
  deleteAfterSeconds: 3_600,
  expireInSeconds: DAY_S / 24,
} as const;

/** With notifications polling is only the floor, and after a burst the rest is fetched at once. */
const WORK = { batchSize: 20, burstWhenBatchFull: true, pollingIntervalSeconds: 2, notifyPollingIntervalSeconds: 30 } as const;

/** Timers that do not keep a process alive: what waits in the database needs no process. */
const UNHELD = {
  now: () => Date.now(),
  setTimeout: (then: () => void, ms: number) => setTimeout(then, ms).unref(),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
  setInterval: (then: () => void, ms: number) => setInterval(then, ms).unref(),
  clearInterval: (timer: unknown) => clearInterval(timer as NodeJS.Timeout),
};

/** The queue does not do what it should, though the connection holds. */
export class QueueTrouble extends Error {}

/** Hands approved tasks to one process each, by pg-boss in the same database and over the same connections. */
export class PostgresQueue {
  readonly #boss: JobQueue;
  readonly #made = new Map<string, Promise<void>>();

  private constructor(boss: JobQueue) {
    this.#boss = boss;
  }

  /** `undefined` where there is no pg-boss, or it is not wanted. */
  static async start(options: {
    readonly wanted: boolean | undefined;
    readonly schema: string;
    readonly run: RunSql;
    readonly listener: ChangeListener;
  }): Promise<PostgresQueue | undefined> {
    const Boss = requirePgBoss(options.wanted);
    if (Boss === undefined) return undefined;
    const boss = new Boss({
      db: {
        executeSql: options.run,
        listen: async (channel, heard, back) => {
          const unhear = await options.listener.hear(channel, { heard, back });
          return { close: async () => unhear() };
        },
      },
      schema: options.schema,
      useListenNotify: true,
      // it has no schedules here, and nobody reads its registry
      schedule: false,
      registerInstance: false,
      clock: UNHELD,
    });
    // it tries again by itself, and its jobs are only hints
    boss.on('error', () => undefined);
    await boss.start();
    return new PostgresQueue(boss);
  }

  /** Makes sure that there is a queue for the guard: outside of any transaction. */
  async prepare(guardKey: string): Promise<void> {
    const name = queueOf(guardKey);
    const made = this.#made.get(name) ?? this.#boss.createQueue(name, QUEUE);
    this.#made.set(name, made);
    try {
      await made;
    } catch (error) {
      this.#made.delete(name);
      throw troubleOf(error);
    }
  }

  /** Says that a task can be run, as part of a transaction. A task that waits in the queue already waits there once. */
  async send(guardKey: string, taskId: string, run: RunSql): Promise<void> {
    try {
      await this.#boss.send(queueOf(guardKey), { taskId }, { db: { executeSql: run }, singletonKey: taskId });
    } catch (error) {
      throw troubleOf(error);
    }
  }

  /** Says it on its own. */
  async hint(guardKey: string, taskId: string): Promise<void> {
    await this.#boss.send(queueOf(guardKey), { taskId }, { singletonKey: taskId });
  }

  /** Forgets which queues there are: somebody may have dropped them. */
  forget(): void {
    this.#made.clear();
  }

  async serve(guardKey: string, run: (taskId: string) => Awaitable<void>): Promise<() => Promise<void>> {
    await this.prepare(guardKey);
    const name = queueOf(guardKey);
    const id = await this.#boss.work(name, WORK, async (jobs) => {
      // not awaited: the claim decides who runs it and the lease what becomes of it, and the next task need not wait for this one
      for (const { data } of jobs) void told(run, data.taskId);
    });
    return () => this.#boss.offWork(name, { id, wait: true });
  }

  async stop(): Promise<void> {
    await this.#boss.stop({ graceful: true, timeout: 1_000, close: false }).catch(() => undefined);
  }
}

function troubleOf(error: unknown): unknown {
  return isPassing(error) ? error : new QueueTrouble('pg-boss failed', { cause: error });
}

async function told(run: (taskId: string) => Awaitable<void>, taskId: string): Promise<void> {
  try {
    await run(taskId);
  } catch (error) {
    publishCallbackError('TaskStore.serve', error);
  }
}

/** pg-boss takes letters, digits and `_.-/` in a queue's name; a colon or a very long key becomes a hash. */
function queueOf(guardKey: string): string {
  const safe = /^[\w-]{1,60}$/.test(guardKey);
  return safe ? `aegis.run.${guardKey}` : `aegis.run..${createHash('sha256').update(guardKey).digest('base64url')}`;
}
