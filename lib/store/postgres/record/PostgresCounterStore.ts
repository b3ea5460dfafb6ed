import type { CounterState, CounterStore, CounterTake, ShownCounter, TakeOptions, TakeOutcome, Takes } from '../../counter/CounterStore.js';
import { checkedKeys, endOf, LISTED_COUNTERS, refusedTake, usedIn, windowAt } from '../../counter/counterWindow.js';
import { fullestFirst } from '../../counter/MemoryCounterStore.js';
import { giveStatement, outcomeOf, takeStatement } from '../counter/countBeside.js';
import type { PostgresSession } from '../PostgresSession.js';
import { SCHEMA_VERSION } from '../schema.js';

const PRUNE_EVERY = 1_000;

interface CounterRow {
  readonly key: string;
  readonly kind: CounterTake['kind'];
  readonly window_ms: string;
  readonly position: string;
  readonly slices: readonly string[];
  readonly latest_ms: string;
  readonly most: string;
  readonly label: string | null;
}

/** Counts for one tenant in PostgreSQL. A take is one statement. */
export class PostgresCounterStore implements CounterStore {
  readonly #session: PostgresSession;
  readonly #tenantId: string;
  #count = 0;

  constructor(session: PostgresSession, tenantId: string) {
    this.#session = session;
    this.#tenantId = tenantId;
  }

  async take(takes: Takes, { durable = false }: TakeOptions = {}): Promise<TakeOutcome> {
    const statement = takeStatement(this.#place, takes, durable);
    if (++this.#count % PRUNE_EVERY === 0) this.prune().catch(() => {});
    // not tried again where its answer is lost: without a kept token it would count twice, and that is only too much
    const rows = await this.#session.certainly(() => this.#session.once<unknown>(statement));
    return outcomeOf(takes, rows);
  }

  async give(token: string): Promise<void> {
    const statement = giveStatement(this.#place, token);
    await this.#session.certainly(() => this.#session.once(statement));
  }

  async peek(takes: readonly CounterTake[], token?: string): Promise<readonly CounterState[]> {
    checkedKeys(takes);
    const s = this.#session.schema;
    const keys = takes.map(({ key }) => key);
    const [now, rows, own] = await Promise.all([
      this.#now(),
      this.#session.read<CounterRow>({
        text: `SELECT * FROM ${s}.counter WHERE tenant_id = $1 AND key = ANY($2)`,
        values: [this.#tenantId, keys],
      }),
      this.#session.read<{ key: string; cost: string }>({
        text: `SELECT key, cost FROM ${s}.counter_token WHERE tenant_id = $1 AND token = $2 AND key = ANY($3) AND expires_at > ${s}.now_ms()`,
        values: [this.#tenantId, token ?? '', keys],
      }),
    ]);
    return takes.map((take) => {
      const row = rows.find(({ key }) => key === take.key);
      const window = windowAt(take, row && windowIn(row), Math.max(now, Number(row?.latest_ms ?? 0)));
      return { ...refusedTake(take, window), used: usedIn(window), own: Number(own.find(({ key }) => key === take.key)?.cost ?? 0) };
    });
  }

  async list(): Promise<readonly ShownCounter[]> {
    const s = this.#session.schema;
    const text = `SELECT * FROM ${s}.counter WHERE tenant_id = $1 AND expires_at > ${s}.now_ms()
      ORDER BY used::float8 / greatest(most, 1) DESC, key LIMIT ${LISTED_COUNTERS}`;
    const [now, rows] = await Promise.all([this.#now(), this.#session.read<CounterRow>({ text, values: [this.#tenantId] })]);
    return fullestFirst(
      rows.map((row) => {
        const shape = { key: row.key, kind: row.kind, windowMs: Number(row.window_ms) };
        const window = windowAt(shape, windowIn(row), Math.max(now, Number(row.latest_ms)));
        const label = row.label ?? undefined;
        return { ...shape, used: usedIn(window), limit: Number(row.most), retryAtMs: endOf(shape, window.position), label };
      }),
    );
  }

  async prune(): Promise<number> {
    const s = this.#session.schema;
    const over = 'tenant_id = $1 AND expires_at <= (SELECT clock_ms FROM clock)';
    // if the clock is ahead now, what is deleted must not be counted anew once it is set back; what a take has locked is being filled anew
    const text = `WITH clock AS (UPDATE ${s}.meta SET clock_ms = ${s}.now_ms() RETURNING clock_ms),
      counters AS (DELETE FROM ${s}.counter WHERE tenant_id = $1 AND key IN
        (SELECT key FROM ${s}.counter WHERE ${over} FOR UPDATE SKIP LOCKED) RETURNING 1),
      tokens AS (DELETE FROM ${s}.counter_token WHERE ${over} RETURNING 1)
      SELECT ((SELECT count(*) FROM counters) + (SELECT count(*) FROM tokens))::int AS count`;
    const [row] = await this.#session.read<{ count: number }>({ text, values: [this.#tenantId] });
    return row?.count ?? 0;
  }

  async #now(): Promise<number> {
    const [row] = await this.#session.read<{ now: string }>({ text: `SELECT ${this.#session.schema}.now_ms() AS now`, values: [] });
    return Number(row?.now);
  }

  get #place(): { schema: string; tenantId: string; reader: number } {
    return { schema: this.#session.schema, tenantId: this.#tenantId, reader: SCHEMA_VERSION };
  }
}

function windowIn({ position, slices }: CounterRow): { position: number; slices: readonly number[] } {
  return { position: Number(position), slices: slices.map(Number) };
}
