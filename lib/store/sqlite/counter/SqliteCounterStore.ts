import type { CounterState, CounterStore, CounterTake, ShownCounter, TakeOptions, TakeOutcome, Takes } from '../../counter/CounterStore.js';
import { checkedKeys, checkedTakes, checkToken } from '../../counter/counterWindow.js';
import type { CounterConnection } from './CounterConnection.js';
import { giveRows, listRows, peekRows, pruneRows, takeRows } from './CounterSql.js';
import type { CounterSql } from './CounterSql.js';

/** Runs transactions on the connection of the store, whose commits are on the disk. */
export interface DurableSql extends CounterSql {
  write<T>(work: () => T): T;
}

const PRUNE_EVERY = 1_000;

/** Counts for one tenant in a SQLite file. */
export class SqliteCounterStore implements CounterStore {
  readonly #durable: DurableSql;
  readonly #quick: CounterConnection;
  readonly #tenantId: string;
  #count = 0;

  constructor(durable: DurableSql, quick: CounterConnection, tenantId: string) {
    this.#durable = durable;
    this.#quick = quick;
    this.#tenantId = tenantId;
  }

  take(takes: Takes, { durable = false }: TakeOptions = {}): TakeOutcome {
    checkedTakes(takes);
    const sql = durable ? this.#durable : this.#quick;
    const outcome = sql.write(() => takeRows(sql, this.#tenantId, takes));
    if (++this.#count % PRUNE_EVERY === 0) this.prune();
    return outcome;
  }

  give(token: string): void {
    checkToken(token);
    this.#quick.write(() => giveRows(this.#quick, this.#tenantId, token));
  }

  peek(takes: readonly CounterTake[], token?: string): readonly CounterState[] {
    checkedKeys(takes);
    return this.#quick.read(() => peekRows(this.#quick, this.#tenantId, takes, token));
  }

  list(): readonly ShownCounter[] {
    return this.#quick.read(() => listRows(this.#quick, this.#tenantId));
  }

  prune(): number {
    return this.#quick.write(() => pruneRows(this.#quick, this.#tenantId));
  }
}
