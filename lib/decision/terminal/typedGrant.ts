import type { GrantInput } from '../../model/terms/Grant.js';
import type { GrantTerms } from '../../model/terms/GrantTerm.js';
import { GRANTABLE, readGrantable } from '../../policy/parse/readApprovalTerms.js';
import { formTerm } from '../wire/grant/grantForm.js';
import type { TypedWords } from './typedEdit.js';

/** A grant as a person types it. */
export interface TypedTerms {
  /** How many calls and for how long, such as `10 uses; 8h`. */
  readonly grant: string;
  /** Values that may differ, and how, such as `/amount=0..100`. */
  readonly loosen: readonly string[];
  /** Whether it is for the calls of every user. */
  readonly anyRequester: boolean;
}

const ROOTS = { params: 'loosen', session: 'loosenSession', facts: 'loosenFacts' } as const;
const HOW = '/amount=0..100, /note=any, /to=in:a,b, /path=startsWith:/data/ or /to=endsWith:@acme.com';

/**
 * The grant that a person has typed. What of it the policies allow is checked where it is made.
 *
 * @throws what `refuse` throws; BadRequestError naming a term that cannot be read
 */
export function typedGrant({ grant, loosen, anyRequester }: TypedTerms, { prefix, refuse }: TypedWords): GrantInput {
  const ceiling = readGrantable(grant);
  if (ceiling === undefined) return refuse(`${prefix}grant must be ${GRANTABLE}`);
  const name = `${prefix}loosen`;
  const terms: Record<keyof typeof ROOTS, Record<string, unknown>> = { params: {}, session: {}, facts: {} };
  for (const given of loosen) {
    const [, root, at, how] = /^(params|session|facts)?(\/[^=]*)=([^]+)$/.exec(given) ?? [];
    if (at === undefined || how === undefined) return refuse(`${name} must be a value and how it may differ, such as ${HOW}`);
    const into = terms[(root ?? 'params') as keyof typeof ROOTS];
    if (Object.hasOwn(into, at)) return refuse(`${name}: ${at} is given twice; give it once`);
    into[at] = termOf(how, `${name} ${at}`, refuse);
  }
  return {
    ...ceiling,
    ...Object.fromEntries(Object.entries(ROOTS).flatMap(([root, field]) => fieldOf(field, terms[root as keyof typeof ROOTS]))),
    ...(anyRequester && { anyRequester }),
  };
}

function fieldOf(field: string, terms: Readonly<Record<string, unknown>>): readonly (readonly [string, GrantTerms])[] {
  return Object.keys(terms).length === 0 ? [] : [[field, terms as GrantTerms]];
}

function termOf(how: string, where: string, refuse: TypedWords['refuse']): unknown {
  if (how === 'any') return 'any';
  const [, kind, text = ''] = /^(in|startsWith|endsWith):([^]*)$/.exec(how) ?? [];
  if (kind !== undefined) return formTerm(kind, text, where);
  if (how.includes('..')) return formTerm('range', how, where);
  return refuse(`${where} must say how the value may differ, such as ${HOW}`);
}
