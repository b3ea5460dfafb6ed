// A JSON value in a header of a request, as base64url: names of params and pointers may have any character, headers may not.
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';

/** The most characters of such a header. */
const MAX_LENGTH = 8_192;

/**
 * Writes a JSON value for a header.
 *
 * @throws BadRequestError where the value is too long for one
 */
export function writeJsonHeader(name: string, value: unknown): string {
  const text = Buffer.from(JSON.stringify(value)).toString('base64url');
  if (text.length <= MAX_LENGTH) return text;
  throw new BadRequestError(
    `The call cannot be sent: the header ${name} would have ${text.length} characters, and at most ${MAX_LENGTH} are allowed. Give the call fewer or shorter params of this kind.`,
  );
}

/**
 * Reads such a header strictly: base64url without padding of UTF-8 JSON, without a duplicate key.
 *
 * @param expected what the value must be, for the error
 * @returns undefined where there is no such header
 * @throws BadRequestError
 */
export function readJsonHeader<T>(
  headers: Pick<Headers, 'get'>,
  name: string,
  accepts: (value: unknown) => value is T,
  expected: string,
): T | undefined {
  const text = headers.get(name);
  if (text === null) return undefined;
  const value = text.length <= MAX_LENGTH ? valueIn(text) : undefined;
  if (value !== undefined && accepts(value)) return value;
  throw new BadRequestError(
    `The header ${name} is malformed: expected ${expected}, as base64url of JSON of at most ${MAX_LENGTH} characters, once.`,
  );
}

function valueIn(text: string): unknown {
  const bytes = Buffer.from(text, 'base64url');
  // what Buffer would skip or pad is refused
  if (text === '' || bytes.toString('base64url') !== text) return undefined;
  try {
    return parseJsonStrictly(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), { maxDepth: 4 });
  } catch {
    return undefined;
  }
}

/** Whether a value is a list of at most 1,000 different names. */
export function isNameList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= 1_000 &&
    new Set(value).size === value.length &&
    value.every((name: unknown) => typeof name === 'string' && name.length <= 256)
  );
}
