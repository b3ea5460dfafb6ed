import type { CounterChange, CounterTake, TakeOutcome, Takes } from '../../counter/CounterStore.js';
import { checkedTakes, checkToken, TOKEN_KEPT_MS } from '../../counter/counterWindow.js';
import { TakeRefusedError } from '../../counter/TakeRefusedError.js';

/** Runs SQL in a transaction that is open. */
type RunSql = (text: string, values: unknown[]) => Promise<{ readonly rows: readonly unknown[] }>;

/** Whose counters they are. */
interface Place {
  readonly schema: string;
  readonly tenantId: string;
  /** The version that this code writes. */
  readonly reader: number;
}

/** A statement that counts. */
export interface CountStatement {
  readonly text: string;
  readonly values: unknown[];
}

/** The values of a take in the statement: its functions know no absent ones. */
function sent({ key, cost, limit, windowMs, kind, force = false, label }: CounterTake): object {
  return { key, cost, limit, windowMs, kind, force, label };
}

/** Takes all of it or nothing. */
export function takeStatement({ schema: s, tenantId, reader }: Place, given: Takes, durable: boolean): CountStatement {
  const { token, keepMs = TOKEN_KEPT_MS } = given;
  const takes = JSON.stringify(checkedTakes(given).map(sent));
  // the first one of a statement is done first
  const commit = `${s}.durably(${reader})${durable ? '' : `, set_config('synchronous_commit', 'off', true)`}`;
  return {
    text: `SELECT ${commit}, ${s}.counter_take($1, $2, $3, $4) AS outcome`,
    values: [tenantId, token, takes, Math.min(Math.ceil(keepMs), 4e15)],
  };
}

/** Gives back what was taken for a token. */
export function giveStatement({ schema: s, tenantId, reader }: Place, token: string): CountStatement {
  checkToken(token);
  return { text: `SELECT ${s}.durably(${reader}), ${s}.counter_give($1, $2)`, values: [tenantId, token] };
}

/** What a take found: in the order of the takes as they were given, which the statement has by their keys. */
export function outcomeOf({ takes }: Takes, rows: readonly unknown[]): TakeOutcome {
  const { outcome } = rows[0] as { outcome: TakeOutcome };
  if (!outcome.ok) return outcome;
  const keys = takes.map(({ key }) => key).sort();
  return { ok: true, used: takes.map(({ key }) => outcome.used[keys.indexOf(key)] as number) };
}

/** Counts what is counted together with a change, in its transaction. @throws TakeRefusedError where it does not fit */
export async function countBeside(run: RunSql, place: Place, change: CounterChange | undefined): Promise<true> {
  if (change === undefined) return true;
  if ('giveBack' in change) {
    const { text, values } = giveStatement(place, change.giveBack);
    await run(text, values);
    return true;
  }
  const { text, values } = takeStatement(place, change, true);
  const outcome = outcomeOf(change, (await run(text, values)).rows);
  if (!outcome.ok) throw new TakeRefusedError(outcome.refused);
  return true;
}
