/** A value that a term can name. */
export type GrantValue = string | number | boolean;

/**
 * What one value of a later call may be, instead of exactly what it was:
 *
 * - `'any'`: any text, or either of true and false. Not for numbers, which need a range.
 * - `{ '>=': 0, '<=': 100 }`: a number between two bounds, both of them given. `>` and `<` leave the bound itself out. Where both bounds and the value that
 *   was approved are whole numbers, only whole numbers are covered; else numbers of up to four decimals.
 * - `{ in: ['a', 'b'] }`: one of these.
 * - `{ startsWith: '/srv/reports/' }`: a text that begins so; it must end at a delimiter. A text with `..`, a backslash or `%` is never covered. After a start
 *   with a space in it, as that of a command has, neither is one with `;`, `|`, `&`, `$`, a backtick, `<` or `>`.
 * - `{ endsWith: '@example.com' }`: a name, followed by this; it must begin with a delimiter.
 */
export type GrantTerm =
  | 'any'
  | {
      /** At least this. */
      readonly '>='?: number | undefined;
      /** More than this. */
      readonly '>'?: number | undefined;
      /** At most this. */
      readonly '<='?: number | undefined;
      /** Less than this. */
      readonly '<'?: number | undefined;
    }
  | {
      /** One of these, all of the kind of the value that was approved; 1 to 100. */
      readonly in: readonly GrantValue[];
    }
  | {
      /** The beginning of the text. */
      readonly startsWith: string;
    }
  | {
      /** The end of the text. */
      readonly endsWith: string;
    };

/** Terms by the JSON pointer of the value that they loosen, such as `/amount`. */
export type GrantTerms = Readonly<Record<string, GrantTerm>>;

/** The two ends of a range. */
export interface GrantRange {
  readonly lower: number;
  readonly upper: number;
  /** Whether the bound itself is covered. */
  readonly withLower: boolean;
  readonly withUpper: boolean;
}

/** Every form of a term, with the one that it has. */
export type ReadTerm =
  | { readonly form: 'any' }
  | ({ readonly form: 'range' } & GrantRange)
  | { readonly form: 'in'; readonly values: readonly GrantValue[] }
  | { readonly form: 'startsWith' | 'endsWith'; readonly text: string };

const MAX_VALUES = 100;
const MAX_TEXT = 1_024;
const FORMS = ['>=', '>', '<=', '<', 'in', 'startsWith', 'endsWith'];
const FORM_LIST = `'any', two bounds ('>=' or '>', and '<=' or '<'), 'in', 'startsWith' or 'endsWith'`;

/** What no text that is covered by `startsWith` or `endsWith` contains: each can lead to another place than the text seems to name, or is two dots by Unicode's NFKC. */
export const NEVER_COVERED: readonly string[] = ['..', '\u2025', '\u2026', '\ufe19', '\ufe30', '\\', '%', '\n', '\r', '\t', '\0'];

/** What a text that begins as a command does not contain: it could begin another one. */
const NEVER_IN_COMMAND: readonly string[] = [';', '|', '&', '$', '`', '<', '>'];

/** What no text that begins so contains where a `startsWith` covers it. */
export function neverAfter(start: string): readonly string[] {
  return start.includes(' ') ? [...NEVER_COVERED, ...NEVER_IN_COMMAND] : NEVER_COVERED;
}

/** What the part of a text before an `endsWith` does not contain: it is one name, not a list or a path. */
export const NEVER_IN_NAME: readonly string[] = ['@', '/', ':', ',', ';', '<', '>', '"', "'", ' ', '?', '#', '&'];

/** Reads a term as it is given or stored. @returns a text that says what is wrong, for anything else */
export function readTerm(given: unknown): ReadTerm | string {
  if (given === 'any') return { form: 'any' };
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return `must be ${FORM_LIST}.`;
  const fields = Object.entries(given).filter(([, value]) => value !== undefined);
  const names = fields.map(([name]) => name);
  const unknown = names.find((name) => !FORMS.includes(name));
  if (unknown !== undefined || names.length === 0) return `must be ${FORM_LIST}, and nothing else.`;
  const [[name, value], ...more] = fields as [[string, unknown], ...[string, unknown][]];
  if (name.startsWith('<') || name.startsWith('>')) return readRange(Object.fromEntries(fields));
  if (more.length > 0) return `has several forms at once; give one of them, or a range of two bounds.`;
  if (name === 'in') return readValues(value);
  if (typeof value !== 'string' || value.length > MAX_TEXT) return `has a '${name}' that must be a text of at most 1,024 characters.`;
  const fault = name === 'startsWith' ? faultOfStart(value) : faultOfEnd(value);
  return fault ?? { form: name as 'startsWith' | 'endsWith', text: value };
}

/** Whether Cedar knows this number as it is: a whole one up to 2^53, or one of at most four decimals. */
export function isExactNumber(value: unknown): value is number {
  return typeof value === 'number' && (Number.isSafeInteger(value) || (Math.abs(value) < 1e11 && Math.round(value * 1e4) / 1e4 === value));
}

function readRange(bounds: Readonly<Record<string, unknown>>): ReadTerm | string {
  const { '>=': least, '>': above, '<=': most, '<': below } = bounds;
  const names = Object.keys(bounds);
  const lower = least ?? above;
  const upper = most ?? below;
  if (names.length !== 2 || lower === undefined || upper === undefined)
    return `must have a lower bound ('>=' or '>') and an upper one ('<=' or '<'), one of each and nothing else.`;
  if (!isExactNumber(lower) || !isExactNumber(upper)) return 'has a bound that must be a number of at most four decimals.';
  if (lower > upper) return 'has a lower bound above its upper one; exchange them.';
  return { form: 'range', lower, upper, withLower: least !== undefined, withUpper: most !== undefined };
}

function readValues(given: unknown): ReadTerm | string {
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_VALUES)
    return "has an 'in' that must be a list of 1 to 100 values.";
  const values: readonly unknown[] = [...(given as readonly unknown[])];
  const kinds = new Set(values.map((value) => typeof value));
  const isRight = values.every(
    (value) => typeof value === 'boolean' || isExactNumber(value) || (typeof value === 'string' && isSound(value)),
  );
  if (!isRight || kinds.size !== 1)
    return "has an 'in' whose values must all be texts, all numbers of at most four decimals, or all true or false.";
  return { form: 'in', values: values as readonly GrantValue[] };
}

/** What begins an address with a host: `//` alone names one too, and to a browser `https:` and `https:/` do. */
const BEFORE_HOST = /:\/\/|^\s*(?:\/\/|(?:https?|wss?|ftp|file):)/i;
const WHOLE_HOST = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[a-z0-9][a-z0-9.:-]*\/(?:.*[/:#_-])?$/i;

function faultOfStart(text: string): string | undefined {
  if (!isSound(text) || neverAfter(text).some((part) => text.includes(part)))
    return "has a 'startsWith' with '..', a backslash, '%', a control character or, beside a space, a sign of a shell; leave them out.";
  if (!/[/:#_@ -]$/.test(text) || text.trim().length < 2)
    return "has a 'startsWith' that must end at a delimiter, such as '/', ':' or '-', after something that it ends.";
  // the beginning of a host would cover every host that begins so
  if (BEFORE_HOST.test(text) && !WHOLE_HOST.test(text))
    return "has a 'startsWith' that must hold the whole host of an address, with the '/' after it.";
  return undefined;
}

function faultOfEnd(text: string): string | undefined {
  if (!isSound(text) || NEVER_COVERED.some((part) => text.includes(part)))
    return "has an 'endsWith' with '..', a backslash, '%' or a control character; leave them out.";
  return /^[@./:#_-]./.test(text) ? undefined : "has an 'endsWith' that must begin with a delimiter, such as '@' or '.', before something.";
}

/** Without half of a pair: Cedar knows no such text. */
function isSound(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
