import { revealText } from '../../common/data/reveal.js';
import type { GrantInput } from '../../model/terms/Grant.js';
import type { GrantHistory, GrantProposal, RefusedBefore } from '../../model/terms/GrantProposal.js';

const MAX_NAMED = 5;
const UNITS = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
] as const;

/**
 * What a grant would be, and what it would have covered, one item a line.
 *
 * @param policies those that it would answer
 */
export function grantLines(
  { uses, forMs, ...terms }: GrantInput,
  { history }: Pick<GrantProposal, 'history'>,
  policies: readonly { readonly id: string }[],
): readonly string[] {
  const { loosen = {}, loosenSession = {}, loosenFacts = {}, anyRequester = false } = terms;
  const loosened = Object.entries({ params: loosen, session: loosenSession, facts: loosenFacts }).flatMap(([root, of]) =>
    Object.entries(of).map(([at, term]) => `  ${root}${revealText(at)} ${revealText(JSON.stringify(term), { isJson: true })}`),
  );
  return [
    `Grant     ${plural(uses, 'later call')} like this one, for ${durationText(forMs)}: without asking`,
    loosened.length === 0 ? '  all of it must be the same' : '  all else must be the same, but for:',
    ...loosened,
    ...(anyRequester ? ['  for the calls of every user'] : []),
    `Lifts     ${policies.map(({ id }) => revealText(id)).join(', ')}: nothing else`,
    ...historyLines(history, anyRequester),
  ];
}

/** How long it is, in the largest unit in which it is a whole number. */
export function durationText(ms: number): string {
  for (const [size, name] of UNITS) if (ms % size === 0) return plural(ms / size, name);
  return plural(ms / 1_000, 'second');
}

function historyLines({ asked, covered, refused, unclear, unclearRefused, more }: GrantHistory, anyRequester: boolean): readonly string[] {
  const of = `${more === true ? 'of the newest' : 'of'} ${plural(asked, 'call')} in the last 30 days`;
  const which = anyRequester ? 'their params tell' : 'their params and requester tell';
  return [
    `History   ${of}, it would have covered ${covered}`,
    `  as far as ${which}`,
    ...(refused.length === 0 ? [] : [`  people refused ${refused.length} of these: ${namesOf(refused)}`]),
    ...(unclear === 0 ? [] : [`  of ${unclear} more it cannot be told: not all of their params are kept`]),
    ...(unclearRefused.length === 0 ? [] : [`  people refused ${unclearRefused.length} of those: ${namesOf(unclearRefused)}`]),
  ];
}

function namesOf(refused: readonly RefusedBefore[]): string {
  const names = refused.slice(0, MAX_NAMED).map(({ by, atMs }) => `${revealText(by ?? 'someone')} (${new Date(atMs).toISOString()})`);
  return `${names.join(', ')}${refused.length > MAX_NAMED ? `, and ${refused.length - MAX_NAMED} more` : ''}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
