import { isPlainObject } from '../../common/data/plainObject.js';
import { pointer } from '../../model/Params.js';
import type { GrantScope } from '../../model/terms/Grant.js';
import { readTerm } from '../../model/terms/GrantTerm.js';
import type { GrantTerms, ReadTerm } from '../../model/terms/GrantTerm.js';

/** A value of the calls that a grant covers, and what it may be. */
export interface GrantedValue {
  /** Where it is, such as `params/amount`. */
  readonly place: string;
  /** Whether it need not be what it was. */
  readonly isLoosened: boolean;
  /** How it is compared, such as `exactly`, `one of` or `any text`. */
  readonly how: string;
  /** With what, as JSON or as a range such as `>= 0, <= 100`; empty for `any text`. */
  readonly what: string;
}

/** What each value of a call has to be for a grant to cover it: of params, session and facts, in the order that they were in. */
export function grantedValues({
  params,
  session,
  facts,
  loosened,
}: Pick<GrantScope, 'params' | 'session' | 'facts' | 'loosened'>): readonly GrantedValue[] {
  return [
    ...valuesOf('params', params, loosened.params),
    ...valuesOf('session', session ?? {}, loosened.session),
    ...valuesOf('facts', facts, loosened.facts),
  ];
}

function valuesOf(where: string, root: Readonly<Record<string, unknown>>, terms: GrantTerms): readonly GrantedValue[] {
  const walk = (value: unknown, at: string): readonly GrantedValue[] => {
    const place = `${where}${at}`;
    if (Object.hasOwn(terms, at)) return [{ place, isLoosened: true, ...termText(readTerm(terms[at]) as ReadTerm, value) }];
    if (!isPlainObject(value) || (Object.keys(value).length === 0 && at !== ''))
      return [{ place, isLoosened: false, how: 'exactly', what: JSON.stringify(value) }];
    return Object.entries(value).flatMap(([name, inner]) => walk(inner, pointer(at, name)));
  };
  return walk(root, '');
}

function termText(term: ReadTerm, example: unknown): Pick<GrantedValue, 'how' | 'what'> {
  switch (term.form) {
    case 'any':
      return { how: typeof example === 'string' ? 'any text' : 'true or false', what: '' };
    case 'range':
      return { how: 'a number', what: `${term.withLower ? '>=' : '>'} ${term.lower}, ${term.withUpper ? '<=' : '<'} ${term.upper}` };
    case 'in':
      return { how: 'one of', what: term.values.map((value) => JSON.stringify(value)).join(', ') };
    case 'startsWith':
      return { how: 'a text that begins with', what: JSON.stringify(term.text) };
    case 'endsWith':
      return { how: 'a text that ends with', what: JSON.stringify(term.text) };
  }
}
