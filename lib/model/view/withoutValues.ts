import { leavesOf } from '../../common/data/leaves.js';
import type { Decision, DecisionRequest } from '../Decision.js';
import type { Params } from '../Params.js';
import { parsePointer } from '../snapshot/parsePointer.js';
import { heldAt } from './heldAt.js';
import type { Audience, Sensitive } from '../sensitive/Sensitive.js';

/** Shorter ones are parts of words and numbers that have nothing to do with the value. */
const MIN_LENGTH = 4;
const NOTE = '(hidden)';

/** A text of others, without the values that an audience is not shown in full: a service may quote what it was asked. */
export function withoutValues(text: string, params: Params, sensitive: Sensitive, audience: Audience): string {
  const hidden = Object.keys(sensitive).filter((pointer) => sensitive[pointer]?.[audience] !== 'full');
  const texts = hidden
    .map((pointer) => heldAt(params, parsePointer(pointer) as readonly string[]))
    .flatMap((value) => (value === undefined ? [] : leavesOf(value)))
    .map(({ value }) => String(value))
    .filter(({ length }) => length >= MIN_LENGTH);
  // longer ones first: one value may hold another
  return [...new Set(texts.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]))]
    .sort((a, b) => b.length - a.length)
    .reduce((rest, value) => rest.replaceAll(value, NOTE), text);
}

/** A decision whose words may go to a log or a model: without the values that neither may have. */
export function tellableDecision<D extends Decision>(decision: D, request: Pick<DecisionRequest, 'params' | 'sensitive'>): D {
  const { sensitive } = request;
  if (sensitive === undefined) return decision;
  // a request copies its params when they are first read: where nothing is hidden, no one has to
  const { params } = request;
  const told = (text: string): string => withoutValues(withoutValues(text, params, sensitive, 'model'), params, sensitive, 'log');
  const { reason, violations } = decision;
  return {
    ...decision,
    ...(reason !== undefined && { reason: told(reason) }),
    ...(violations !== undefined && {
      violations: violations.map(({ actualValue: _value, ...violation }) => ({ ...violation, message: told(violation.message) })),
    }),
  };
}
