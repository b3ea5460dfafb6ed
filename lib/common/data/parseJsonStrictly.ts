/** Why a text was refused. */
export type StrictJsonProblem = 'syntax' | 'duplicate_key' | 'forbidden_key' | 'too_deep';

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
}

const QUOTE = 0x22;
const COMMA = 0x2c;
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
  scan(text, options.maxDepth ?? 64);
  return value;
}

/** Walks text that is known to be valid JSON, so that only strings, brackets and commas matter. Iterative, so that no depth overflows the stack. */
function scan(text: string, maxDepth: number): void {
  // the keys of each open object; null for an array
  const open: (Set<string> | null)[] = [];
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
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
        expectsKey = text.charCodeAt(i) === OPEN_OBJECT;
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
    }
  }
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
