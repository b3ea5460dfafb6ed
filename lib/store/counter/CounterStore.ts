import type { Awaitable } from '../../common/awaitable.js';

/** Something that is counted towards a limit. Amounts are whole numbers. */
export interface CounterTake {
  /** Names the counter: 1 to 128 characters. Another kind or another window is another key. */
  readonly key: string;
  /** How much is taken: 0 to 2^53 - 1. */
  readonly cost: number;
  /** How much one window may hold. */
  readonly limit: number;
  /** How long the window is, in milliseconds. */
  readonly windowMs: number;
  /**
   * `fixed`: windows follow each other, counted from the epoch. `sliding`: the window ends now; it is counted in sixteenths, so that up to a sixteenth more
   * time counts, never less.
   */
  readonly kind: 'fixed' | 'sliding';
  /** Counts it also where it goes beyond the limit. @defaultValue false */
  readonly force?: boolean | undefined;
  /** What people are shown of the counter, as JSON, at most 4,000 characters; kept with it. */
  readonly label?: string | undefined;
}

/** Takes for one call: all of them, or none. */
export interface Takes {
  /** Identifies the call, 1 to 512 characters: a counter takes nothing twice for one token while the token is kept. */
  readonly token: string;
  /** Each of another key. */
  readonly takes: readonly CounterTake[];
  /**
   * How long the token is kept, in milliseconds, so that what was taken can be given back. 0 keeps none.
   *
   * @defaultValue 600,000
   */
  readonly keepMs?: number | undefined;
}

/** What was taken for a call is given back: its counters hold as much less, unless that window is over. */
export interface GiveBack {
  /** The token that it was taken for. */
  readonly giveBack: string;
}

/** What is counted together with a change of another store, in one transaction. */
export type CounterChange = Takes | GiveBack;

/** A counter that a take does not fit in. */
export interface RefusedTake {
  /** The counter. */
  readonly key: string;
  /** When its window is over, in epoch milliseconds. */
  readonly retryAtMs: number;
}

/** What a take found. */
export type TakeOutcome =
  /** How much each counter holds now, in the order of the takes. */
  | { readonly ok: true; readonly used: readonly number[] }
  /** Nothing was taken: these are all that it does not fit in. */
  | { readonly ok: false; readonly refused: readonly RefusedTake[] };

/** What a counter holds. */
export interface CounterState extends RefusedTake {
  /** How much. */
  readonly used: number;
  /** How much of that the token has taken that was asked about. */
  readonly own: number;
}

/** A counter, for people. */
export interface ShownCounter extends Pick<CounterState, 'key' | 'used' | 'retryAtMs'>, Pick<CounterTake, 'kind' | 'windowMs' | 'label'> {
  /** The limit of the last take. */
  readonly limit: number;
}

/** How a take is written. */
export interface TakeOptions {
  /**
   * Whether it is on the disk before it is answered. Else a power cut may forget the last moments; a process that dies forgets nothing.
   *
   * @defaultValue false
   */
  readonly durable?: boolean | undefined;
}

/**
 * Counts what runs, exactly: no window ever holds more than its limit, with any number of processes. Its time is that of the store, and never goes back. A
 * counter whose window is not over is never dropped.
 */
export interface CounterStore {
  /**
   * Takes all of it or nothing, at once for everyone.
   *
   * @throws TypeError for what is no take; StoreError where it is not known whether it was taken
   */
  take(takes: Takes, options?: TakeOptions): Awaitable<TakeOutcome>;
  /** Gives back what was taken for a token that is kept. */
  give(token: string): Awaitable<void>;
  /**
   * Reads counters, in the order of the takes. Takes nothing.
   *
   * @param token whose own takes are told apart
   */
  peek(takes: readonly CounterTake[], token?: string): Awaitable<readonly CounterState[]>;
  /** Lists the counters of windows that are not over, the fullest first, at most 200. */
  list(): Awaitable<readonly ShownCounter[]>;
  /** Deletes counters of windows that are over, and tokens that need not be kept. Resolves to how many it deleted. */
  prune(): Awaitable<number>;
}
