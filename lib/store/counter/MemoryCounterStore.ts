import type { CounterChange, CounterState, CounterStore, CounterTake, ShownCounter, TakeOutcome, Takes } from './CounterStore.js';
import {
  checkedKeys,
  checkedTakes,
  checkHeld,
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
import { HeldTokens } from './HeldTokens.js';
import { TakeRefusedError } from './TakeRefusedError.js';

interface Counter {
  readonly take: CounterTake;
  /** What is frozen is as it was when it was checked. */
  readonly isFrozen: boolean;
  window: CounterWindow;
}

interface Taken {
  readonly key: string;
  readonly cost: number;
  readonly atMs: number;
  readonly keptUntilMs: number;
}

/** After how many takes all is looked through, at least: as many as there is to look at, so that a take does not cost more where more is kept. */
const PRUNE_EVERY = 1_000;

/** Counts in the memory of this process. */
export class MemoryCounterStore implements CounterStore {
  readonly #counters = new Map<string, Counter>();
  /** What was taken, by token. */
  readonly #tokens = new HeldTokens<readonly Taken[]>();
  #latestMs = 0;
  #untilPrune = PRUNE_EVERY;

  take(given: Takes): TakeOutcome {
    if (--this.#untilPrune <= 0) {
      this.prune();
      this.#untilPrune = Math.max(PRUNE_EVERY, this.#tokens.all().size + this.#counters.size);
    }
    const { token, takes: all, keepMs = TOKEN_KEPT_MS } = given;
    const [sole] = all;
    if (sole !== undefined && all.length === 1) {
      const counter = this.#counters.get(sole.key);
      if (counter?.take === sole && counter.isFrozen && this.#tokens.get(token) === undefined)
        return this.#takeSole(token, counter, keepMs);
    }
    const takes = checkedTakes(given);
    const nowMs = this.#now();
    const taken = this.#tokens.get(token);
    const windows = takes.map((take) => windowAt(take, this.#counters.get(take.key)?.window, nowMs));
    const isNew = (take: CounterTake): boolean => !((takenOf(taken, take)?.keptUntilMs ?? 0) > nowMs);
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
      this.#counters.set(take.key, { take, isFrozen: Object.isFrozen(take), window });
      if (keepMs > 0) this.#keep(token, { key: take.key, cost: take.cost, atMs: nowMs, keptUntilMs: nowMs + keepMs });
    });
    return { ok: true, used: given.takes.map(({ key }) => used.get(key) as number) };
  }

  /** Takes once more what this counter took before. */
  #takeSole(token: string, counter: Counter, keepMs: number): TakeOutcome {
    checkHeld(token, keepMs);
    const { take } = counter;
    const nowMs = this.#now();
    const window = windowAt(take, counter.window, nowMs);
    if (!fits(take, window)) return { ok: false, refused: [refusedTake(take, window)] };
    const next = withCost(window, take.cost);
    counter.window = next;
    // nothing is held by this token
    if (keepMs > 0) this.#tokens.set(token, [{ key: take.key, cost: take.cost, atMs: nowMs, keptUntilMs: nowMs + keepMs }]);
    return { ok: true, used: next.slices.length === 1 ? next.slices : [usedIn(next)] };
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
    for (const { key, cost, atMs, keptUntilMs } of this.#tokens.get(token) ?? []) {
      const counter = this.#counters.get(key);
      if (counter === undefined || keptUntilMs <= nowMs) continue;
      const { take, window } = counter;
      counter.window = withoutCost(windowAt(take, window, nowMs), positionAt(take, atMs), cost);
    }
    this.#tokens.delete(token);
  }

  /** What was taken for a token is given back no more: it stays counted. */
  forget(token: string): void {
    this.#tokens.delete(token);
  }

  peek(takes: readonly CounterTake[], token?: string): readonly CounterState[] {
    checkedKeys(takes);
    const nowMs = this.#now();
    const taken = token === undefined ? undefined : this.#tokens.get(token);
    return takes.map((take) => {
      const window = windowAt(take, this.#counters.get(take.key)?.window, nowMs);
      return { ...refusedTake(take, window), used: usedIn(window), own: ownIn(takenOf(taken, take), nowMs) };
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
    for (const [token, taken] of this.#tokens.all()) {
      const kept = taken.filter(({ keptUntilMs }) => keptUntilMs > nowMs);
      pruned += taken.length - kept.length;
      if (kept.length === 0) this.#tokens.delete(token);
      else if (kept.length < taken.length) this.#tokens.set(token, kept);
    }
    return pruned;
  }

  #keep(token: string, taken: Taken): void {
    const kept = this.#tokens.get(token);
    this.#tokens.set(token, kept === undefined ? [taken] : [...kept.filter(({ key }) => key !== taken.key), taken]);
  }

  /** The time never goes back. */
  #now(): number {
    this.#latestMs = Math.max(this.#latestMs, Date.now());
    return this.#latestMs;
  }
}

function takenOf(taken: readonly Taken[] | undefined, take: CounterTake): Taken | undefined {
  return taken?.find(({ key }) => key === take.key);
}

function ownIn(taken: Taken | undefined, nowMs: number): number {
  return taken !== undefined && taken.keptUntilMs > nowMs ? taken.cost : 0;
}

/** The fullest counters first; the oldest key where they are alike. */
export function fullestFirst(counters: readonly ShownCounter[]): readonly ShownCounter[] {
  const share = ({ used, limit }: ShownCounter): number => (limit === 0 ? Number(used > 0) : used / limit);
  return [...counters].sort((a, b) => share(b) - share(a) || (a.key < b.key ? -1 : 1)).slice(0, LISTED_COUNTERS);
}
