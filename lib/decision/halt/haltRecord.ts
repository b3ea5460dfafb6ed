import { digits, got } from '../../common/readOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { TOOL_NAME } from '../../model/Params.js';
import { PERSON_ID, personId } from '../../model/personId.js';
import { HALT_KIND } from '../../store/RecordStore.js';
import type { StoredRecord } from '../../store/RecordStore.js';
import type { Halt, HaltScope } from '../../model/halt/Halt.js';

/** What a halt is ordered with. */
export interface HaltOrder {
  /** Who orders it: 1 to 256 characters. */
  readonly by: string;
  /** Why: 1 to 10,000 characters. */
  readonly reason: string;
  /**
   * What happens to calls that wait for a person: they go on waiting, and those that are approved run once the halt is over (`freeze`), or they end
   * (`cancel`).
   *
   * @defaultValue `freeze`
   */
  readonly pending?: 'freeze' | 'cancel' | undefined;
  /**
   * When it ends by itself, in epoch milliseconds.
   *
   * @defaultValue never: it holds until it is lifted
   */
  readonly untilMs?: number | undefined;
}

/** Who lifts a halt, and why. */
export type LiftOrder = Pick<HaltOrder, 'by' | 'reason'>;

/** The first index value of halts that no one has lifted, and of the others. */
export const STANDING = 'standing';
export const ENDED = 'ended';

const SCOPE: OptionKinds<HaltScope> = { all: 'boolean', agentId: 'text', toolName: 'text', group: 'text' };
const ORDER: OptionKinds<HaltOrder> = { by: 'text!', reason: 'text!', pending: "'freeze'|'cancel'", untilMs: 'number' };
const LIFT: OptionKinds<LiftOrder> = { by: 'text!', reason: 'text!' };
const MAX_NAME = 256;
const MAX_REASON = 10_000;
/** The last time that a date can be, in epoch milliseconds: who is told of a halt is told when it ends. */
const MAX_TIME = 8_640_000_000_000_000;

/** @throws ConfigError for a scope that names nothing, or `all` together with something else */
export function checkedScope(given: HaltScope): HaltScope {
  const { all, ...parts } = checkedOptions('halt()', given, SCOPE);
  const named = Object.entries(parts).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const wrong = (where: string, message: string): ConfigError => new ConfigError([{ where, message }]);
  for (const [name, value] of named)
    if (value.length > MAX_NAME) throw wrong(`halt(): ${name}`, `must be at most ${MAX_NAME} characters (got ${got(value)}).`);
  for (const [name, value] of named)
    if (name !== 'agentId' && !TOOL_NAME.test(value))
      throw wrong(
        `halt(): ${name}`,
        'must have 1 to 128 letters, digits and _ . : / -, as the names of tools and groups do: no call has another one.',
      );
  if (all === true) {
    if (named.length === 0) return { all };
    throw wrong(
      'halt(): all',
      `halts every call, so no other field goes with it; leave out \`all\`, or ${named.map(([n]) => `\`${n}\``).join(', ')}.`,
    );
  }
  if (named.length > 0) return Object.fromEntries(named);
  throw wrong('halt()', 'must say what is halted: `{ all: true }`, or an `agentId`, a `toolName` or a `group`.');
}

/** @throws ConfigError for an order that cannot be one */
export function checkedOrder(given: HaltOrder, nowMs: number): HaltOrder {
  const order = checkedOptions('halt()', given, ORDER);
  checkWords('halt()', order);
  const { untilMs } = order;
  if (untilMs === undefined || (Number.isInteger(untilMs) && untilMs > nowMs && untilMs <= MAX_TIME)) return order;
  const message =
    'must be a time to come that a Date can have, in whole epoch milliseconds; leave it out for a halt that holds until it is lifted.';
  throw new ConfigError([{ where: 'halt(): untilMs', message }]);
}

/** @throws ConfigError for an order that cannot be one */
export function checkedLift(given: LiftOrder): LiftOrder {
  const order = checkedOptions('lift()', given, LIFT);
  checkWords('lift()', order);
  return order;
}

function checkWords(where: string, { by, reason }: LiftOrder): void {
  if (personId(by) === undefined) throw new ConfigError([{ where: `${where}: by`, message: `must be ${PERSON_ID}.` }]);
  if (reason.trim() === '') throw new ConfigError([{ where: `${where}: reason`, message: 'must say why (got only spaces).' }]);
  if (reason.length <= MAX_REASON) return;
  throw new ConfigError([{ where: `${where}: reason`, message: `must be at most ${digits(MAX_REASON)} characters (got ${got(reason)}).` }]);
}

/** The record of a halt. */
export function recordOfHalt(halt: Halt, version: number, isOver: boolean): StoredRecord {
  const { id, atMs, scope, pending, by, reason, untilMs, lifted } = halt;
  return {
    kind: HALT_KIND,
    id,
    version,
    index1: isOver ? ENDED : STANDING,
    createdAtMs: atMs,
    body: JSON.stringify({ scope, pending, by, reason, untilMs, lifted }),
  };
}

/** Reads a halt. @returns `undefined` for a record that this version cannot read: then it is not known what is halted */
export function haltOf({ id, createdAtMs, body }: StoredRecord): Halt | undefined {
  try {
    const { scope, pending, by, reason, untilMs, lifted } = JSON.parse(body) as Halt;
    checkedScope(scope);
    if (pending !== 'freeze' && pending !== 'cancel') return undefined;
    if (![by, reason].every(isText) || !(untilMs === undefined || Number.isInteger(untilMs))) return undefined;
    if (lifted !== undefined && !([lifted.by, lifted.reason].every(isText) && Number.isInteger(lifted.atMs))) return undefined;
    const ends = { ...(untilMs !== undefined && { untilMs }), ...(lifted !== undefined && { lifted: Object.freeze(lifted) }) };
    return Object.freeze({ id, scope: Object.freeze(scope), pending, by, reason, atMs: createdAtMs, ...ends });
  } catch {
    return undefined;
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
