import { StoreError } from '../../../model/errors/ServiceErrors.js';
import type { CounterChange, CounterState, CounterTake, ShownCounter, TakeOutcome, Takes } from '../../counter/CounterStore.js';
import {
  checkedKeys,
  checkedTakes,
  checkToken,
  endOf,
  fits,
  LISTED_COUNTERS,
  positionAt,
  refusedTake,
  TOKEN_KEPT_MS,
  usedIn,
  windowAt,
  withCost,
  withoutCost,
} from '../../counter/counterWindow.js';
import type { CounterWindow } from '../../counter/counterWindow.js';
import { fullestFirst } from '../../counter/MemoryCounterStore.js';
import { TakeRefusedError } from '../../counter/TakeRefusedError.js';
import { GOVERNANCE_VERSION } from '../file/schema.js';

/** Runs SQL in a transaction that is open. */
export interface CounterSql {
  run(sql: string, ...values: readonly (string | number | null)[]): unknown;
  get<R>(sql: string, ...values: readonly (string | number | null)[]): R | undefined;
  all<R>(sql: string, ...values: readonly (string | number | null)[]): readonly R[];
  /** The later of the given time and the latest one that any handle of this file ever passed, in epoch milliseconds. */
  clock(nowMs: number): number;
}

interface CounterRow {
  readonly kind: string;
  readonly window_ms: number;
  readonly position: number;
  readonly slices: string;
  readonly latest_ms: number;
}

interface TokenRow {
  readonly cost: number;
  readonly at: number;
}

interface Found {
  readonly take: CounterTake;
  readonly window: CounterWindow;
  readonly nowMs: number;
  readonly own: TokenRow | undefined;
  readonly isNew: boolean;
}

/** Takes all of it or nothing, in the transaction that is open. */
export function takeRows(sql: CounterSql, tenantId: string, given: Takes): TakeOutcome {
  const takes = checkedTakes(given);
  const { token, keepMs = TOKEN_KEPT_MS } = given;
  const found = takes.map((take) => find(sql, tenantId, take, token));
  const refused = found.flatMap(({ take, window, own }) => (own === undefined && !fits(take, window) ? [refusedTake(take, window)] : []));
  if (refused.length > 0) return { ok: false, refused };
  const used = new Map<string, number>();
  for (const one of found) {
    const { take, own, nowMs, isNew } = one;
    const window = own === undefined ? withCost(one.window, take.cost) : one.window;
    used.set(take.key, usedIn(window));
    if (own !== undefined) continue;
    // code that knows no limits would count nothing
    if (isNew) sql.run("UPDATE meta SET value = ? WHERE key = 'min_reader' AND value < ?", GOVERNANCE_VERSION, GOVERNANCE_VERSION);
    sql.run(
      `INSERT INTO counter (tenant_id, key, kind, window_ms, position, slices, used, most, latest_ms, expires_at, label)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, key) DO UPDATE SET position = excluded.position, slices = excluded.slices,
        used = excluded.used, most = excluded.most, latest_ms = excluded.latest_ms, expires_at = excluded.expires_at, label = excluded.label`,
      tenantId,
      take.key,
      take.kind,
      take.windowMs,
      window.position,
      JSON.stringify(window.slices),
      usedIn(window),
      take.limit,
      nowMs,
      endOf(take, window.position),
      take.label ?? null,
    );
    if (keepMs > 0)
      sql.run(
        'INSERT OR REPLACE INTO counter_token (tenant_id, token, key, cost, at, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
        tenantId,
        token,
        take.key,
        take.cost,
        nowMs,
        Math.min(nowMs + keepMs, Number.MAX_SAFE_INTEGER),
      );
  }
  return { ok: true, used: given.takes.map(({ key }) => used.get(key) as number) };
}

/** Does what is counted together with a change, in its transaction. @throws TakeRefusedError where it does not fit */
export function changeRows(sql: CounterSql, tenantId: string, change: CounterChange | undefined): true {
  if (change === undefined) return true;
  if ('giveBack' in change) giveRows(sql, tenantId, change.giveBack);
  else {
    const outcome = takeRows(sql, tenantId, change);
    if (!outcome.ok) throw new TakeRefusedError(outcome.refused);
  }
  return true;
}

/** Gives back what was taken for a token. */
export function giveRows(sql: CounterSql, tenantId: string, token: string): void {
  checkToken(token);
  const taken = sql.all<TokenRow & CounterRow & { readonly key: string }>(
    `SELECT key, cost, at, kind, window_ms, position, slices, latest_ms FROM counter_token JOIN counter USING (tenant_id, key)
      WHERE tenant_id = ? AND token = ? AND counter_token.expires_at > ?`,
    tenantId,
    token,
    sql.clock(Date.now()),
  );
  for (const row of taken) {
    const shape = { kind: row.kind as CounterTake['kind'], windowMs: row.window_ms };
    const nowMs = Math.max(sql.clock(Date.now()), row.latest_ms);
    const window = withoutCost(windowAt(shape, windowIn(row), nowMs), positionAt(shape, row.at), row.cost);
    sql.run(
      'UPDATE counter SET position = ?, slices = ?, used = ?, latest_ms = ?, expires_at = ? WHERE tenant_id = ? AND key = ?',
      window.position,
      JSON.stringify(window.slices),
      usedIn(window),
      nowMs,
      endOf(shape, window.position),
      tenantId,
      row.key,
    );
  }
  sql.run('DELETE FROM counter_token WHERE tenant_id = ? AND token = ?', tenantId, token);
}

/** What counters hold, in the order of the takes. */
export function peekRows(sql: CounterSql, tenantId: string, takes: readonly CounterTake[], token = ''): readonly CounterState[] {
  checkedKeys(takes);
  return takes.map((one) => {
    const { take, window, own } = find(sql, tenantId, one, token);
    return { ...refusedTake(take, window), used: usedIn(window), own: own?.cost ?? 0 };
  });
}

/** The counters of windows that are not over, the fullest first. */
export function listRows(sql: CounterSql, tenantId: string): readonly ShownCounter[] {
  const now = sql.clock(Date.now());
  const rows = sql.all<CounterRow & { readonly key: string; readonly most: number; readonly label: string | null }>(
    `SELECT key, kind, window_ms, position, slices, latest_ms, most, label FROM counter WHERE tenant_id = ? AND expires_at > ?
      ORDER BY CAST(used AS REAL) / max(most, 1) DESC, key LIMIT ${LISTED_COUNTERS}`,
    tenantId,
    now,
  );
  return fullestFirst(
    rows.map((row) => {
      const shape = { key: row.key, kind: row.kind as CounterTake['kind'], windowMs: row.window_ms };
      const window = windowAt(shape, windowIn(row), Math.max(now, row.latest_ms));
      const label = row.label ?? undefined;
      return { ...shape, used: usedIn(window), limit: row.most, retryAtMs: endOf(shape, window.position), label };
    }),
  );
}

/** Deletes what is over. */
export function pruneRows(sql: CounterSql, tenantId: string): number {
  const now = sql.clock(Date.now());
  const before = sql.get<{ n: number }>(
    `SELECT (SELECT count(*) FROM counter WHERE tenant_id = ?1 AND expires_at <= ?2)
      + (SELECT count(*) FROM counter_token WHERE tenant_id = ?1 AND expires_at <= ?2) AS n`,
    tenantId,
    now,
  );
  // if the clock of this process is ahead, what it deletes must not be counted anew by the clocks of the others
  sql.run("INSERT INTO meta VALUES ('high_water_ms', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", now);
  sql.run('DELETE FROM counter WHERE tenant_id = ? AND expires_at <= ?', tenantId, now);
  sql.run('DELETE FROM counter_token WHERE tenant_id = ? AND expires_at <= ?', tenantId, now);
  return before?.n ?? 0;
}

function find(sql: CounterSql, tenantId: string, take: CounterTake, token: string): Found {
  const row = sql.get<CounterRow>(
    'SELECT kind, window_ms, position, slices, latest_ms FROM counter WHERE tenant_id = ? AND key = ?',
    tenantId,
    take.key,
  );
  if (row !== undefined && (row.kind !== take.kind || row.window_ms !== take.windowMs)) throw changed();
  const nowMs = Math.max(sql.clock(Date.now()), row?.latest_ms ?? 0);
  const own =
    token === ''
      ? undefined
      : sql.get<TokenRow>(
          'SELECT cost, at FROM counter_token WHERE tenant_id = ? AND token = ? AND key = ? AND expires_at > ?',
          tenantId,
          token,
          take.key,
          nowMs,
        );
  return { take, window: windowAt(take, row && windowIn(row), nowMs), nowMs, own, isNew: row === undefined };
}

function windowIn({ position, slices }: CounterRow): CounterWindow {
  const parts: unknown = JSON.parse(slices);
  if (!Array.isArray(parts) || !parts.every((part) => Number.isSafeInteger(part) && part >= 0)) throw changed();
  return { position, slices: parts as number[] };
}

function changed(): StoreError {
  return new StoreError('A stored counter is not what this library writes; nothing was counted. Check who can write the store.');
}
