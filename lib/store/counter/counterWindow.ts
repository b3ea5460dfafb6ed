import { isStorable } from '../../common/data/isStorable.js';
import type { CounterTake, RefusedTake, Takes } from './CounterStore.js';

/** The most that a counter holds, and that a take costs. */
export const MOST: number = Number.MAX_SAFE_INTEGER;
/** How long a token is kept, where nothing else is said, in milliseconds. */
export const TOKEN_KEPT_MS = 600_000;
/** How many counters a list has. */
export const LISTED_COUNTERS = 200;
const SLICES = 16;
const MAX_KEY = 128;
const MAX_TOKEN = 512;
const MAX_LABEL = 4_000;

/** What a window holds, in parts: the one that is filled now comes first. A fixed window is one part. */
export interface CounterWindow {
  /** The number of the part that is filled now, counted from the epoch. */
  readonly position: number;
  readonly slices: readonly number[];
}

type Shape = Pick<CounterTake, 'kind' | 'windowMs'>;

/** How many parts of a window count: sixteen of the past, and the one that is filled now. */
function partsOf({ kind }: Shape): number {
  return kind === 'fixed' ? 1 : SLICES + 1;
}

/** The number of the part that a time is in. */
export function positionAt({ kind, windowMs }: Shape, ms: number): number {
  return kind === 'fixed' ? Math.floor(ms / windowMs) : Math.floor((ms * SLICES) / windowMs);
}

/** When everything that a window holds is over, in epoch milliseconds. */
export function endOf({ kind, windowMs }: Shape, position: number): number {
  return kind === 'fixed' ? (position + 1) * windowMs : Math.ceil(((position + SLICES + 1) * windowMs) / SLICES);
}

/** The window as it is at that time; an empty one where there is none. */
export function windowAt(shape: Shape, window: CounterWindow | undefined, ms: number): CounterWindow {
  const position = positionAt(shape, ms);
  if (window !== undefined && position <= window.position) return window;
  const parts = partsOf(shape);
  const shift = window === undefined ? parts : position - window.position;
  const empty = Array.from({ length: Math.min(shift, parts) }, () => 0);
  return { position, slices: [...empty, ...(window?.slices ?? [])].slice(0, parts) };
}

/** How much it holds. */
export function usedIn({ slices }: CounterWindow): number {
  let used = 0;
  for (let i = 0; i < slices.length; i++) used += slices[i] as number;
  return Math.min(used, MOST);
}

/** With that much more. */
export function withCost({ position, slices }: CounterWindow, cost: number): CounterWindow {
  const next = Math.min((slices[0] as number) + cost, MOST);
  return { position, slices: slices.length === 1 ? [next] : [next, ...slices.slice(1)] };
}

/** With that much less in the part that it was taken in; unchanged where that is over. A part that was full to the brim keeps all: it may have held more. */
export function withoutCost({ position, slices }: CounterWindow, takenAt: number, cost: number): CounterWindow {
  return { position, slices: slices.map((part, i) => (position - i === takenAt && part < MOST ? Math.max(part - cost, 0) : part)) };
}

/** Whether a take fits. */
export function fits({ cost, limit, force = false }: CounterTake, window: CounterWindow): boolean {
  return force || usedIn(window) + cost <= limit;
}

/** Tells of a take that does not fit. */
export function refusedTake(take: CounterTake, { position }: CounterWindow): RefusedTake {
  return { key: take.key, retryAtMs: endOf(take, position) };
}

/**
 * The takes, ordered by key, as every store locks them.
 *
 * @throws TypeError where they cannot be counted
 */
export function checkedTakes({ token, takes, keepMs = TOKEN_KEPT_MS }: Takes): readonly CounterTake[] {
  checkHeld(token, keepMs);
  return checkedKeys(takes);
}

/** @throws TypeError for what no token can be, or be kept for */
export function checkHeld(token: string, keepMs: number): void {
  checkToken(token);
  if (!(keepMs >= 0)) throw wrong('keepMs', 'be milliseconds, 0 or more');
}

/** @throws TypeError as {@link checkedTakes} */
export function checkedKeys(takes: readonly CounterTake[]): readonly CounterTake[] {
  for (const take of takes) checkTake(take);
  if (takes.length < 2) return takes;
  const sorted = [...takes].sort((a, b) => (a.key < b.key ? -1 : 1));
  if (sorted.some(({ key }, i) => key === sorted[i - 1]?.key)) throw wrong('key', 'be another one for each take');
  return sorted;
}

/** @throws TypeError */
export function checkToken(token: string): void {
  if (!isStorable(token) || token === '' || token.length > MAX_TOKEN) throw wrong('token', `be 1 to ${MAX_TOKEN} characters`);
}

function checkTake({ key, cost, limit, windowMs, kind, label = '' }: CounterTake): void {
  if (!isStorable(key) || key === '' || key.length > MAX_KEY) throw wrong('key', `be 1 to ${MAX_KEY} characters`);
  for (const [field, amount] of [
    ['cost', cost],
    ['limit', limit],
  ] as const)
    // prettier-ignore
    if (!Number.isSafeInteger(amount) || amount < 0) throw wrong(field, 'be a whole number from 0 to 2^53 - 1');
  if (!Number.isSafeInteger(windowMs) || windowMs <= 0) throw wrong('windowMs', 'be whole milliseconds, 1 or more');
  if (kind !== 'fixed' && kind !== 'sliding') throw wrong('kind', 'be `fixed` or `sliding`');
  if (!isStorable(label) || label.length > MAX_LABEL) throw wrong('label', `be at most ${MAX_LABEL} characters`);
}

function wrong(field: string, rule: string): TypeError {
  return new TypeError(`The \`${field}\` of a take must ${rule}.`);
}
