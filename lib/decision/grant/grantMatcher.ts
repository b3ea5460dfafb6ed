import { isPlainObject } from '../../common/data/plainObject.js';
import { pointer } from '../../model/Params.js';
import { isExactNumber, neverAfter, NEVER_COVERED, NEVER_IN_NAME, readTerm } from '../../model/terms/GrantTerm.js';
import type { GrantTerms, ReadTerm } from '../../model/terms/GrantTerm.js';

/** Whether a value is one that a grant covers. */
export type Matcher = (value: unknown) => boolean;

/**
 * What a grant covers of params, a session or facts: exactly the same names, nested ones too, and exactly the same values, but for those that a term loosens.
 *
 * @param example what was approved
 * @param terms by the JSON pointers of what they loosen; one that is not in the example changes nothing
 */
export function grantMatcher(example: unknown, terms: GrantTerms): Matcher {
  return matcherAt(example, terms, '');
}

/** What a term covers, where the value that was approved is this one. */
export function termMatcher(term: ReadTerm, example: unknown): Matcher {
  switch (term.form) {
    case 'any': {
      const kind = typeof example;
      // of anything else it would cover every object, and null
      return kind === 'string' || kind === 'boolean' ? (value) => typeof value === kind : NOTHING;
    }
    case 'in':
      return (value) => (term.values as readonly unknown[]).includes(value);
    case 'range': {
      const { lower, upper, withLower, withUpper } = term;
      const isNumber = isWholeRange(term, example) ? Number.isSafeInteger : isExactNumber;
      return (value) =>
        isNumber(value) &&
        ((value as number) > lower || (withLower && value === lower)) &&
        ((value as number) < upper || (withUpper && value === upper));
    }
    case 'startsWith': {
      const never = neverAfter(term.text);
      return (value) => typeof value === 'string' && value.startsWith(term.text) && !never.some((part) => value.includes(part));
    }
    case 'endsWith':
      return (value) => typeof value === 'string' && isNameBefore(term.text, value);
  }
}

/** Whether a range covers whole numbers only. */
export function isWholeRange({ lower, upper }: Extract<ReadTerm, { form: 'range' }>, example: unknown): boolean {
  return Number.isInteger(lower) && Number.isInteger(upper) && Number.isInteger(example);
}

function isNameBefore(end: string, value: string): boolean {
  if (!value.endsWith(end) || value.length <= end.length || NEVER_COVERED.some((part) => value.includes(part))) return false;
  const name = value.slice(0, -end.length);
  return !NEVER_IN_NAME.some((part) => name.includes(part));
}

function matcherAt(example: unknown, terms: GrantTerms, at: string): Matcher {
  if (Object.hasOwn(terms, at)) {
    const term = readTerm(terms[at]);
    // a term that this code does not know covers nothing
    return typeof term === 'string' ? NOTHING : termMatcher(term, example);
  }
  if (Array.isArray(example)) {
    const items = example.map((item) => matcherAt(item, NO_TERMS, ''));
    return (value) => Array.isArray(value) && value.length === items.length && items.every((matches, i) => matches(value[i]));
  }
  if (isPlainObject(example)) {
    const fields = Object.entries(example).map(([name, inner]) => [name, matcherAt(inner, terms, pointer(at, name))] as const);
    return (value) => isPlainObject(value) && hasExactly(value, fields);
  }
  if (isScalar(example)) return (value) => value === example;
  return NOTHING;
}

function hasExactly(value: Readonly<Record<string, unknown>>, fields: readonly (readonly [string, Matcher])[]): boolean {
  if (Object.keys(value).length !== fields.length) return false;
  for (const [name, matches] of fields) if (!Object.hasOwn(value, name) || !matches(value[name])) return false;
  return true;
}

/** A value that terms can be about. A null, a date or a BigInt is never covered. */
export function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'boolean' || isExactNumber(value);
}

const NO_TERMS: GrantTerms = Object.freeze({});
const NOTHING: Matcher = () => false;
