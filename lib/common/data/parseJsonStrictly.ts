/** Why a text was refused. */
export type StrictJsonProblem = 'syntax' | 'duplicate_key' | 'forbidden_key' | 'too_deep' | 'inexact_number';

/** The text is not JSON that every parser reads alike. Quotes nothing of it. */
export class StrictJsonError extends Error {
  override readonly name = 'StrictJsonError';
  readonly problem: StrictJsonProblem;

  constructor(problem: StrictJsonProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** Limits of {@link parseJsonStrictly}. */
export interface StrictJsonOptions {
  /**
   * Depth of nested objects and arrays, 1 or more.
   *
   * @defaultValue 64
   */
  readonly maxDepth?: number;
  /**
   * Refuses an integer that a JavaScript number cannot hold: JSON.parse would round it.
   *
   * @defaultValue false
   */
  readonly exactIntegers?: boolean;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * As `JSON.parse`, but refuses what two parsers read differently or what harms code that copies the value: a duplicate key in an object
 * (JSON.parse takes the last, others the first; keys are compared after their escapes are undone), a key `__proto__`, and deep nesting. A byte
 * order mark is refused too, as RFC 8259 forbids sending one.
 *
 * @throws StrictJsonError, which never quotes the text (JSON.parse's own SyntaxError does)
 */
export function parseJsonStrictly(text: string, options: StrictJsonOptions = {}): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new StrictJsonError('syntax', 'not valid JSON');
  }
  scan(text, options.maxDepth ?? 64, options.exactIntegers === true);
  return value;
}

/** Walks text that is known to be valid JSON, so that only strings, numbers, brackets and commas matter. Iterative, so that no depth overflows the stack. */
function scan(text: string, maxDepth: number, exactIntegers: boolean): void {
  // the keys of each open object; null for an array
  const open: (Set<string> | null)[] = [];
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    switch (code) {
      case QUOTE: {
        const end = closingQuote(text, i);
        if (expectsKey) noteKey(open.at(-1) as Set<string>, text, i, end);
        expectsKey = false;
        i = end;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (open.length >= maxDepth) throw new StrictJsonError('too_deep', `nested deeper than ${maxDepth}`);
        expectsKey = code === OPEN_OBJECT;
        open.push(expectsKey ? new Set() : null);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        open.pop();
        expectsKey = false;
        break;
      case COMMA:
        expectsKey = open.at(-1) !== null;
        break;
      default:
        if (exactIntegers && startsNumber(code)) i = checkedNumberEnd(text, i);
    }
  }
}

/** Whether a number starts so. */
function startsNumber(code: number): boolean {
  return code === MINUS || (code >= ZERO && code <= NINE);
}

const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;

/** The last character of the number that starts here. */
function checkedNumberEnd(text: string, start: number): number {
  NUMBER.lastIndex = start;
  const [digits, fraction, exponent] = NUMBER.exec(text) as RegExpExecArray & [string];
  if (fraction === undefined && exponent === undefined && isRounded(digits))
    throw new StrictJsonError(
      'inexact_number',
      `an integer has more digits than a number can hold, at character ${start}; send it as a string`,
    );
  return start + digits.length - 1;
}

function isRounded(digits: string): boolean {
  const value = Number(digits);
  // a large number that JavaScript wrote itself ends in zeros that are not its exact digits
  return !Number.isSafeInteger(value) && String(value) !== digits && (!Number.isFinite(value) || BigInt(value) !== BigInt(digits));
}

function closingQuote(text: string, start: number): number {
  let i = start + 1;
  for (let code = text.charCodeAt(i); code !== QUOTE; code = text.charCodeAt(i)) i += code === BACKSLASH ? 2 : 1;
  return i;
}

function noteKey(keys: Set<string>, text: string, start: number, end: number): void {
  const raw = text.slice(start + 1, end);
  const key = raw.includes('\\') ? (JSON.parse(text.slice(start, end + 1)) as string) : raw;
  if (key === '__proto__') throw new StrictJsonError('forbidden_key', 'a key is __proto__');
  if (keys.has(key)) throw new StrictJsonError('duplicate_key', `an object contains a key twice, at character ${start}`);
  keys.add(key);
}
