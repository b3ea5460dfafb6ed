import type { QueryResult } from 'pg';

/** Runs SQL: on any connection, or on that of a transaction. */
export type RunSql = (text: string, values?: unknown[]) => Promise<QueryResult>;

/** What we use of pg-boss 12, written down here because its own declarations do not compile without `skipLibCheck`. */
export interface JobQueue {
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

/** Its class. */
export type JobQueueClass = new (options: {
  readonly db: {
    readonly executeSql: RunSql;
    readonly listen: (
      channel: string,
      heard: (payload: string) => void,
      back: () => void,
    ) => Promise<{ readonly close: () => Promise<void> }>;
  };
  readonly schema: string;
  readonly useListenNotify: boolean;
  readonly schedule: boolean;
  readonly registerInstance: boolean;
  readonly clock: object;
}) => JobQueue;
