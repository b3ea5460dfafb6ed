import type { CounterChange, CounterState, CounterStore, CounterTake, ShownCounter, TakeOutcome, Takes } from './CounterStore.js';
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
} from './counterWindow.js';
import type { CounterWindow } from './counterWindow.js';
import { TakeRefusedError } from './TakeRefusedError.js';

interface Counter {
  take: CounterTake;
  window: CounterWindow;
}

interface Taken {
  readonly cost: number;
  readonly atMs: number;
  readonly keptUntilMs: number;
}

/** Counters in the order in which they were made are looked through as often as this, in takes. */
const PRUNE_EVERY = 1_000;

/** Counts in the memory of this process. */
export class MemoryCounterStore implements CounterStore {
  readonly #counters = new Map<string, Counter>();
  /** What was taken, by token, then by key. */
  readonly #tokens = new Map<string, Map<string, Taken>>();
  #latestMs = 0;
  #count = 0;

  take(given: Takes): TakeOutcome {
    const takes = checkedTakes(given);
    const { token, keepMs = TOKEN_KEPT_MS } = given;
    if (++this.#count % PRUNE_EVERY === 0) this.prune();
    const nowMs = this.#now();
    const taken = this.#tokens.get(token);
    const windows = takes.map((take) => windowAt(take, this.#counters.get(take.key)?.window, nowMs));
    const isNew = (take: CounterTake): boolean => !((taken?.get(take.key)?.keptUntilMs ?? 0) > nowMs);
    const refused = takes.flatMap((take, i) => {
      const window = windows[i] as CounterWindow;
      return isNew(take) && !fits(take, window) ? [refusedTake(take, window)] : [];
    });
    if (refused.length > 0) return { ok: false, refused };
    const used = new Map<string, number>();
    takes.forEach((take, i) => {
      const before = windows[i] as CounterWindow;
      const window = isNew(take) ? withCost(before, take.cost) : before;
      used.set(take.key, usedIn(window));
      if (!isNew(take)) return;
      this.#counters.set(take.key, { take, window });
      if (keepMs > 0) this.#keep(token, take, { cost: take.cost, atMs: nowMs, keptUntilMs: nowMs + keepMs });
    });
    return { ok: true, used: given.takes.map(({ key }) => used.get(key) as number) };
  }

  /** Does what is counted together with a change that is made in the same tick. @throws TakeRefusedError where it does not fit */
  change(change: CounterChange | undefined): void {
    if (change === undefined) return;
    if ('giveBack' in change) return this.give(change.giveBack);
    const outcome = this.take(change);
    if (!outcome.ok) throw new TakeRefusedError(outcome.refused);
  }

  give(token: string): void {
    checkToken(token);
    const nowMs = this.#now();
    for (const [key, { cost, atMs, keptUntilMs }] of this.#tokens.get(token) ?? []) {
      const counter = this.#counters.get(key);
      if (counter === undefined || keptUntilMs <= nowMs) continue;
      const { take, window } = counter;
      counter.window = withoutCost(windowAt(take, window, nowMs), positionAt(take, atMs), cost);
    }
    this.#tokens.delete(token);
  }

  peek(takes: readonly CounterTake[], token?: string): readonly CounterState[] {
    checkedKeys(takes);
    const nowMs = this.#now();
    const taken = token === undefined ? undefined : this.#tokens.get(token);
    return takes.map((take) => {
      const window = windowAt(take, this.#counters.get(take.key)?.window, nowMs);
      return { ...refusedTake(take, window), used: usedIn(window), own: ownIn(taken?.get(take.key), nowMs) };
    });
  }

  list(): readonly ShownCounter[] {
    const nowMs = this.#now();
    const shown = [...this.#counters.values()].flatMap(({ take, window: before }) => {
      if (endOf(take, before.position) <= nowMs) return [];
      const window = windowAt(take, before, nowMs);
      const { kind, windowMs, label, limit } = take;
      return [{ ...refusedTake(take, window), used: usedIn(window), limit, kind, windowMs, label }];
    });
    return fullestFirst(shown);
  }

  prune(): number {
    const nowMs = this.#now();
    let pruned = 0;
    for (const [key, { take, window }] of this.#counters)
      if (endOf(take, window.position) <= nowMs && this.#counters.delete(key)) pruned += 1;
    for (const [token, taken] of this.#tokens) {
      for (const [key, { keptUntilMs }] of taken) if (keptUntilMs <= nowMs && taken.delete(key)) pruned += 1;
      if (taken.size === 0) this.#tokens.delete(token);
    }
    return pruned;
  }

  #keep(token: string, { key }: CounterTake, taken: Taken): void {
    const kept = this.#tokens.get(token);
    if (kept === undefined) this.#tokens.set(token, new Map([[key, taken]]));
    else kept.set(key, taken);
  }

  /** The time never goes back. */
  #now(): number {
    this.#latestMs = Math.max(this.#latestMs, Date.now());
    return this.#latestMs;
  }
}

function ownIn(taken: Taken | undefined, nowMs: number): number {
  return taken !== undefined && taken.keptUntilMs > nowMs ? taken.cost : 0;
}

/** The fullest counters first; the oldest key where they are alike. */
export function fullestFirst(counters: readonly ShownCounter[]): readonly ShownCounter[] {
  const share = ({ used, limit }: ShownCounter): number => (limit === 0 ? Number(used > 0) : used / limit);
  return [...counters].sort((a, b) => share(b) - share(a) || (a.key < b.key ? -1 : 1)).slice(0, LISTED_COUNTERS);
}
