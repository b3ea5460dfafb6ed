import { createHash } from 'node:crypto';
import type { Awaitable } from '../../common/awaitable.js';
import { findPackage } from '../../common/findPackage.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { ChangeListener } from './ChangeListener.js';
import { badSetting, isNotInstalled, isPassing, missingPeer } from './errors.js';
import type { RunSql } from './statements.js';

const DAY_S = 86_400;

/** By default pg-boss deletes a job that was not taken within 14 days, and runs a failed one twice more. Approvals wait longer, and run once. */
const QUEUE = {
  policy: 'short',
  notify: true,
  retryLimit: 0,
  retentionSeconds: 400 * DAY_S,
  deleteAfterSeconds: 3_600,
  expireInSeconds: DAY_S / 24,
} as const;

/** Polling is only the fallback for notifications, and after a burst the rest is fetched at once. */
const WORK = { batchSize: 20, burstWhenBatchFull: true, pollingIntervalSeconds: 2, notifyPollingIntervalSeconds: 30 } as const;

/** Timers that do not keep a process alive: what waits in the database needs no process. */
const UNREF_CLOCK = {
  now: () => Date.now(),
  setTimeout: (then: () => void, ms: number) => setTimeout(then, ms).unref(),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
  setInterval: (then: () => void, ms: number) => setInterval(then, ms).unref(),
  clearInterval: (timer: unknown) => clearInterval(timer as NodeJS.Timeout),
};

/** What is used of pg-boss 12, declared here because its own declarations do not compile without `skipLibCheck`. */
interface PgBoss {
  on(event: 'error', listener: (error: Error) => void): unknown;
  start(): Promise<unknown>;
  stop(options: { readonly graceful: boolean; readonly timeout: number; readonly close: boolean }): Promise<void>;
  createQueue(name: string, options: object): Promise<void>;
  send(
    name: string,
    data: object,
    options: { readonly singletonKey: string; readonly db?: { readonly executeSql: RunSql } },
  ): Promise<string | null>;
  work(
    name: string,
    options: object,
    handler: (jobs: readonly { readonly data: { readonly taskId: string } }[]) => Promise<void>,
  ): Promise<string>;
  offWork(name: string, options: { readonly id: string; readonly wait: boolean }): Promise<void>;
}

type PgBossClass = new (options: {
  readonly db: {
    readonly executeSql: RunSql;
    readonly listen: (
      channel: string,
      onNotice: (payload: string) => void,
      onReconnect: () => void,
    ) => Promise<{ readonly close: () => Promise<void> }>;
  };
  readonly schema: string;
  readonly useListenNotify: boolean;
  readonly schedule: boolean;
  readonly registerInstance: boolean;
  readonly clock: object;
}) => PgBoss;

/** pg-boss failed although the connection works. */
export class QueueTrouble extends Error {}

/** Hands each approved task to one process, by pg-boss in the same database and over the same connections. */
export class JobQueue {
  readonly #boss: PgBoss;
  readonly #made = new Map<string, Promise<void>>();

  private constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  /** Resolves to `undefined` where pg-boss is not installed or not wanted. */
  static async start(options: {
    readonly wanted: boolean | undefined;
    readonly schema: string;
    readonly run: RunSql;
    readonly listener: ChangeListener;
  }): Promise<JobQueue | undefined> {
    const Boss = requirePgBoss(options.wanted);
    if (Boss === undefined) return undefined;
    const boss = new Boss({
      db: {
        executeSql: options.run,
        listen: async (channel, onNotice, onReconnect) => {
          const unlisten = await options.listener.listen(channel, { onNotice, onReconnect });
          return { close: async () => unlisten() };
        },
      },
      schema: options.schema,
      useListenNotify: true,
      // it has no schedules here, and nothing reads its registry
      schedule: false,
      registerInstance: false,
      clock: UNREF_CLOCK,
    });
    // it tries again by itself, and its jobs are only hints
    boss.on('error', () => undefined);
    await boss.start();
    return new JobQueue(boss);
  }

  /** Makes sure that the guard has a queue. Call it outside of any transaction. */
  async prepare(guardKey: string): Promise<void> {
    const name = queueName(guardKey);
    const made = this.#made.get(name) ?? this.#boss.createQueue(name, QUEUE);
    this.#made.set(name, made);
    try {
      await made;
    } catch (error) {
      this.#made.delete(name);
      throw troubleOf(error);
    }
  }

  /** Queues a task as part of a transaction. A task that is queued already is not queued twice. */
  async send(guardKey: string, taskId: string, run: RunSql): Promise<void> {
    try {
      await this.#boss.send(queueName(guardKey), { taskId }, { db: { executeSql: run }, singletonKey: taskId });
    } catch (error) {
      throw troubleOf(error);
    }
  }

  /** Queues a task in a transaction of its own. */
  async hint(guardKey: string, taskId: string): Promise<void> {
    await this.#boss.send(queueName(guardKey), { taskId }, { singletonKey: taskId });
  }

  /** Forgets which queues exist, because they may have been dropped. */
  forget(): void {
    this.#made.clear();
  }

  async serve(guardKey: string, run: (taskId: string) => Awaitable<void>): Promise<() => Promise<void>> {
    await this.prepare(guardKey);
    const name = queueName(guardKey);
    const id = await this.#boss.work(name, WORK, async (jobs) => {
      // not awaited, so that the next task does not wait for this one: the claim decides who runs it, and the lease what becomes of it
      for (const { data } of jobs) void runSafely(run, data.taskId);
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

async function runSafely(run: (taskId: string) => Awaitable<void>, taskId: string): Promise<void> {
  try {
    await run(taskId);
  } catch (error) {
    publishCallbackError('TaskStore.serve', error);
  }
}

/** pg-boss allows letters, digits and `_.-/` in a queue's name, so that a key with a colon, or a very long one, becomes a hash. */
function queueName(guardKey: string): string {
  const safe = /^[\w-]{1,60}$/.test(guardKey);
  return safe ? `aegis.run.${guardKey}` : `aegis.run..${createHash('sha256').update(guardKey).digest('base64url')}`;
}

/**
 * Requires pg-boss rather than importing it: its type declarations do not compile by themselves, and an import would bring them along. It is an ES
 * module, which Node can require from 22.12 on, the version that pg-boss needs anyway.
 *
 * @param wanted `undefined`: where it is installed and runs on this Node
 * @throws ConfigError where it is wanted but cannot be loaded
 */
function requirePgBoss(wanted: boolean | undefined): PgBossClass | undefined {
  if (wanted === false) return undefined;
  try {
    const { require, path } = findPackage('pg-boss');
    return (require(path) as { readonly PgBoss: PgBossClass }).PgBoss;
  } catch (error) {
    if (wanted === undefined) return undefined;
    if (isNotInstalled(error)) throw missingPeer('pg-boss');
    throw badSetting(
      'queue',
      `pg-boss does not run on this Node (${process.version}): use Node 22.12 or later, or leave \`queue\` out`,
      error,
    );
  }
}
