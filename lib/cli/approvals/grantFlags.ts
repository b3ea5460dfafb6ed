import { revealText } from '../../common/data/reveal.js';
import type { GrantHistory, GrantProposal } from '../../decision/grant/proposeGrant.js';
import { formTerm } from '../../decision/wire/grant/grantForm.js';
import type { GrantInput } from '../../model/terms/Grant.js';
import type { GrantTerms } from '../../model/terms/GrantTerm.js';
import { GRANTABLE, readGrantable } from '../../policy/parse/readApprovalTerms.js';
import { CliError, counted } from '../CliIo.js';

/** The options that make a grant with a yes. */
export interface GrantFlags {
  readonly grant?: string | undefined;
  readonly loosen?: readonly string[] | undefined;
  readonly anyRequester?: boolean | undefined;
}

const ROOTS = { params: 'loosen', session: 'loosenSession', facts: 'loosenFacts' } as const;
const HOW = '/amount=0..100, /note=any, /to=in:a,b, /path=startsWith:/data/ or /to=endsWith:@acme.com';
const MAX_NAMED = 5;
const UNITS = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
] as const;

/**
 * The grant that options ask for. What of it the policies allow is checked where it is made.
 *
 * @returns `undefined` where they ask for none
 * @throws CliError, BadRequestError naming what is wrong
 */
export function grantFlags({ grant, loosen = [], anyRequester }: GrantFlags): GrantInput | undefined {
  if (grant === undefined) {
    if (loosen.length > 0 || anyRequester === true)
      throw new CliError('--loosen and --any-requester are about a grant; give --grant too, such as --grant "10 uses; 8h"');
    return undefined;
  }
  const ceiling = readGrantable(grant);
  if (ceiling === undefined) throw new CliError(`--grant must be ${GRANTABLE}`);
  const terms: Record<keyof typeof ROOTS, Record<string, unknown>> = { params: {}, session: {}, facts: {} };
  for (const given of loosen) {
    const [, root, at, how] = /^(params|session|facts)?(\/[^=]*)=([^]+)$/.exec(given) ?? [];
    if (at === undefined || how === undefined) throw new CliError(`--loosen must be a value and how it may differ, such as ${HOW}`);
    const into = terms[(root ?? 'params') as keyof typeof ROOTS];
    if (Object.hasOwn(into, at)) throw new CliError(`--loosen: ${revealText(at)} is given twice; give it once`);
    into[at] = termOf(how, `--loosen ${revealText(at)}`);
  }
  return {
    ...ceiling,
    ...Object.fromEntries(Object.entries(ROOTS).flatMap(([root, field]) => fieldOf(field, terms[root as keyof typeof ROOTS]))),
    ...(anyRequester === true && { anyRequester }),
  };
}

/** What a grant would be, and what it would have covered, one item a line. */
export function grantLines({ uses, forMs, ...terms }: GrantInput, { history }: GrantProposal): readonly string[] {
  const { loosen = {}, loosenSession = {}, loosenFacts = {}, anyRequester } = terms;
  const loosened = Object.entries({ params: loosen, session: loosenSession, facts: loosenFacts }).flatMap(([root, of]) =>
    Object.entries(of).map(([at, term]) => `  ${root}${revealText(at)} ${revealText(JSON.stringify(term), { isJson: true })}`),
  );
  return [
    `Grant     ${counted(uses, 'later call')} like this one, for ${durationOf(forMs)}: without asking`,
    loosened.length === 0 ? '  all of it must be the same' : '  all else must be the same, but for:',
    ...loosened,
    ...(anyRequester === true ? ['  for the calls of every user'] : []),
    ...historyLines(history),
  ];
}

function historyLines({ asked, covered, refused, unclear, more }: GrantHistory): readonly string[] {
  const of = `${more === true ? 'of the newest' : 'of'} ${counted(asked, 'call')}`;
  const names = refused.slice(0, MAX_NAMED).map(({ by, atMs }) => `${revealText(by ?? 'someone')} (${new Date(atMs).toISOString()})`);
  return [
    `History   ${of} in the last 30 days, ${covered} had the same params`,
    ...(unclear > 0 ? [`  of ${unclear} it cannot be told`] : []),
    ...(refused.length === 0 ? [] : [`  people refused ${refused.length} of them: ${names.join(', ')}`]),
  ];
}

function fieldOf(field: string, terms: Readonly<Record<string, unknown>>): readonly (readonly [string, GrantTerms])[] {
  return Object.keys(terms).length === 0 ? [] : [[field, terms as GrantTerms]];
}

function termOf(how: string, where: string): unknown {
  if (how === 'any') return 'any';
  const [, kind, text = ''] = /^(in|startsWith|endsWith):([^]*)$/.exec(how) ?? [];
  if (kind !== undefined) return formTerm(kind, text, where);
  if (how.includes('..')) return formTerm('range', how, where);
  throw new CliError(`${where} must say how the value may differ, such as ${HOW}`);
}

function durationOf(ms: number): string {
  for (const [size, name] of UNITS) if (ms % size === 0) return counted(ms / size, name);
  return counted(ms / 1_000, 'second');
}
