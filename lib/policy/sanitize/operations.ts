import { canonicalText } from '../../common/data/canonical.js';
import { didYouMean } from '../../common/didYouMean.js';
import { FORBIDDEN_KEYS } from '../../model/Params.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';

/** One step of a `@sanitize` annotation. */
export type SanitizeOperation = { readonly pointer: string; readonly path: readonly string[] } & (
  | { readonly op: 'mask_email' }
  | { readonly op: 'redact'; readonly text: string }
  | { readonly op: 'truncate'; readonly length: number }
  | { readonly op: 'set'; readonly value: unknown }
  | { readonly op: 'remove' }
);

const STEP = /^([a-z_]+)[ \t]+(\/[^\s;]*)(?:[ \t]+([^]*))?$/;
const MAX_OPERATIONS = 64;
const OPERATIONS = ['mask_email', 'redact', 'truncate', 'set', 'remove'];

/**
 * Reads a `@sanitize` annotation: operations separated by `;`, each a name, a JSON pointer (RFC 6901) and an argument.
 *
 * | operation | does |
 * |---|---|
 * | `mask_email /p` | replaces each e-mail address in a text, or in a list of texts, by `[email]` |
 * | `redact /p [text]` | replaces a text as a whole by `text`, by default `[redacted]` |
 * | `truncate /p n` | keeps a text's first n characters; runs after all that change texts |
 * | `set /p json` | sets a value; creates the last key |
 * | `remove /p` | removes a key, or an array's item, closing the gap |
 *
 * @throws SyntaxError that says what is wrong
 */
export function parseSanitize(annotation: string): SanitizeOperation[] {
  const steps = splitSteps(annotation);
  if (steps.at(-1) === '') steps.pop();
  if (steps.length === 0) throw new SyntaxError('@sanitize needs at least one operation, such as "mask_email /body".');
  if (steps.length > MAX_OPERATIONS)
    throw new SyntaxError(`@sanitize takes at most ${MAX_OPERATIONS} operations, this one has ${steps.length}. Split the policy.`);
  return steps.map(parseStep);
}

/** Splits at semicolons, but not inside a JSON string. */
function splitSteps(annotation: string): string[] {
  const steps: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < annotation.length; at++) {
    const char = annotation[at];
    if (quoted && char === '\\') at++;
    else if (char === '"') quoted = !quoted;
    else if (char === ';' && !quoted) {
      steps.push(annotation.slice(from, at).trim());
      from = at + 1;
    }
  }
  steps.push(annotation.slice(from).trim());
  return steps;
}

function parseStep(step: string): SanitizeOperation {
  const [, op, pointer, argument] = STEP.exec(step) ?? [];
  if (op === undefined || pointer === undefined)
    throw new SyntaxError(
      '@sanitize: an operation must be a name, a pointer that starts with "/" and an argument where it takes one, as in "redact /note [hidden]; truncate /subject 60".',
    );
  const path = parsePointer(pointer);
  switch (op) {
    case 'mask_email':
    case 'remove':
      if (argument !== undefined)
        throw new SyntaxError(
          `@sanitize: ${op} takes a pointer and nothing else. Remove what follows '${pointer}', or separate operations by ";".`,
        );
      return { op, pointer, path };
    case 'redact':
      return { op, pointer, path, text: argument ?? '[redacted]' };
    case 'truncate':
      if (argument === undefined || !/^(0|[1-9][0-9]{0,6})$/.test(argument))
        throw new SyntaxError(
          '@sanitize: truncate needs a length in characters, a whole number from 0 to 9999999, as in "truncate /subject 60".',
        );
      return { op, pointer, path, length: Number(argument) };
    case 'set':
      return { op, pointer, path, value: parseValue(argument) };
    default:
      throw new SyntaxError(`@sanitize: unknown operation '${op}'; known are ${OPERATIONS.join(', ')}${didYouMean(op, OPERATIONS) || '.'}`);
  }
}

function parsePointer(pointer: string): string[] {
  if (/~(?![01])/.test(pointer))
    throw new SyntaxError('@sanitize: a lone "~" is not allowed in a pointer. Write "~0" for "~", and "~1" for a "/" within a name.');
  const path = pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  const forbidden = path.find((name) => FORBIDDEN_KEYS.has(name));
  if (forbidden !== undefined)
    throw new SyntaxError(`@sanitize: a pointer must not contain '${forbidden}', which no params have. Remove the operation.`);
  return path;
}

function parseValue(json: string | undefined): unknown {
  try {
    return takeSnapshot(JSON.parse(json ?? '')).value;
  } catch (cause) {
    throw new SyntaxError('@sanitize: set needs a value in JSON, such as "staging" in quotes, 10 or true.', { cause });
  }
}

/**
 * Why two operations cannot both be applied, because the result would depend on their order; undefined if they can.
 *
 * They conflict where one's pointer lies within the other's, and where they meet on one pointer and one of them sets or removes.
 */
export function sanitizeConflict(a: SanitizeOperation, b: SanitizeOperation): string | undefined {
  if (overlaps(a.path, b.path)) return `'${a.op} ${a.pointer}' and '${b.op} ${b.pointer}' overlap`;
  if (a.pointer !== b.pointer || isSame(a, b)) return undefined;
  if (replaces(a) || replaces(b) || a.op === b.op) return `'${a.op} ${a.pointer}' and another '${b.op} ${b.pointer}' contradict each other`;
  return undefined;
}

/** The first conflict among operations, or undefined. */
export function firstConflict(operations: readonly SanitizeOperation[]): string | undefined {
  for (const [i, a] of operations.entries()) {
    for (const b of operations.slice(i + 1)) {
      const conflict = sanitizeConflict(a, b);
      if (conflict !== undefined) return conflict;
    }
  }
  return undefined;
}

/** Whether they do the same to the same place: applying one is enough. */
function isSame(a: SanitizeOperation, b: SanitizeOperation): boolean {
  return canonicalText(a) === canonicalText(b);
}

/** Whether one path lies strictly within the other. */
export function overlaps(a: readonly string[], b: readonly string[]): boolean {
  return a.length !== b.length && a.slice(0, b.length).every((name, i) => name === b[i]);
}

function replaces({ op }: SanitizeOperation): boolean {
  return op === 'set' || op === 'remove' || op === 'redact';
}
