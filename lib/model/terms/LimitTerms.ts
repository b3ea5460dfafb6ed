/** What is counted apart: calls of each tenant, agent, tool, session, or value in the session, as `session/user_id`. */
export type LimitDimension = 'tenant' | 'agent' | 'tool' | 'session' | `session/${string}`;

/** What the annotations of a limit say. Amounts are in ten-thousandths: the costs of calls may be decimals. */
export interface LimitTerms {
  /** How much may run in one window, in ten-thousandths. */
  readonly limit: number;
  /** How long the window is, in milliseconds. */
  readonly windowMs: number;
  /** `fixed`: windows follow each other, counted from midnight UTC on 1 January 1970. `sliding`: the window ends now. */
  readonly kind: 'fixed' | 'sliding';
  /** What is counted apart. */
  readonly by: readonly LimitDimension[];
  /** `@cost`: the JSON pointer of the param that says how much a call counts; each call counts one where it is absent. */
  readonly cost?: string | undefined;
  /** `@over`: what becomes of a call that does not fit. */
  readonly over: 'deny' | 'approval_needed';
  /** `@warn_at`: from how many percent of the limit on someone is told. */
  readonly warnAt?: number | undefined;
}

/** How many parts an amount of one has. */
export const AMOUNT_PARTS = 10_000;

/** The most that a limit can be, and that one call can cost, in parts. */
export const MAX_AMOUNT: number = Number.MAX_SAFE_INTEGER;

/**
 * An amount in parts.
 *
 * @returns `undefined` for what is not a number from 0 to {@link MAX_AMOUNT} parts with at most four decimals
 */
export function amountOf(value: unknown): number | undefined {
  if (typeof value === 'bigint') return value >= 0n && value <= MAX_WHOLE ? Number(value) * AMOUNT_PARTS : undefined;
  if (typeof value !== 'number' || !(value >= 0)) return undefined;
  if (Number.isInteger(value)) return value <= MAX_WHOLE ? value * AMOUNT_PARTS : undefined;
  // by its digits, as Cedar reads decimals: what has more places is no amount, and large amounts times ten thousand would be rounded
  const [whole, places = ''] = String(value).split('.');
  const parts = Number(whole) * AMOUNT_PARTS + Number(places.padEnd(4, '0'));
  return places.length <= 4 && parts <= MAX_AMOUNT && Number.isInteger(parts) ? parts : undefined;
}

const MAX_WHOLE = BigInt(Math.floor(MAX_AMOUNT / AMOUNT_PARTS));
