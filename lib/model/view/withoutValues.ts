import { types } from 'node:util';
import { escapeText } from '../../common/data/escapeText.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../Decision.js';
import type { Params } from '../Params.js';
import { parsePointer } from '../snapshot/parsePointer.js';
import { heldAt } from './heldAt.js';
import type { Audience, Sensitive } from '../sensitive/Sensitive.js';

/** Shorter ones are parts of words and numbers that have nothing to do with the value. */
const MIN_LENGTH = 4;
const NOTE = '(hidden)';
/** What a service says is free in form, and may hold itself. */
const MAX_DEPTH = 16;

/** A call of which something is told. */
export type ToldCall = Pick<DecisionRequest, 'params' | 'sensitive'>;

/** A text of others, without the values that one of these audiences is not shown in full, and without the names in them: a service may quote what it was asked. */
export function withoutValues(text: string, params: Params, sensitive: Sensitive, ...audiences: readonly Audience[]): string {
  const texts = hiddenFrom(sensitive, audiences)
    .map((pointer) => heldAt(params, parsePointer(pointer) as readonly string[]))
    .flatMap(textsIn)
    .filter(({ length }) => length >= MIN_LENGTH);
  // longer ones first: one value may hold another
  return [...new Set(texts.flatMap((value) => [value, JSON.stringify(value).slice(1, -1), escapeText(value)]))]
    .sort((a, b) => b.length - a.length)
    .reduce((rest, value) => rest.replaceAll(value, NOTE), text);
}

/**
 * A text of others about a call, as a program, its log and a model may have it.
 *
 * @param approved the params that would run, where they are others than the call has
 */
export function tellableText(text: string, { params, sensitive }: ToldCall, approved: Params = params): string {
  if (sensitive === undefined) return text;
  return [params, approved].reduce((rest, of) => withoutValues(rest, of, sensitive, 'model', 'log'), text);
}

/**
 * A decision whose words may go to a program, a log or a model: without the values that they may not have.
 *
 * @param approved the params that would run, where they are others than the call has
 */
export function tellableDecision<D extends Decision>(decision: D, request: ToldCall, approved?: Params): D {
  // a request copies its params when they are first read: where nothing is hidden, no one has to
  if (request.sensitive === undefined) return decision;
  // the names of fields are no words of the service: a hidden value may be the same text
  const told = (fields: object): object =>
    Object.fromEntries(
      Object.entries(fields).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, toldIn(value, (text) => tellableText(text, request, approved))]],
      ),
    );
  const { reason, message, violations, policyEvaluations }: Decision & { readonly message?: unknown } = decision;
  return {
    ...decision,
    ...told({ reason, message, policyEvaluations }),
    ...(violations && { violations: violations.map(({ actualValue: _value, ...violation }) => told(violation)) }),
  };
}

/** A status whose words may go to a program, a log or a model: who decided may have written there what only they were shown. */
export function tellableStatus(status: DecisionStatus, request: ToldCall, approved: Params): DecisionStatus {
  const { reason, params = approved } = status;
  return reason === undefined || request.sensitive === undefined ? status : { ...status, reason: tellableText(reason, request, params) };
}

/** Places of which one of these audiences is not shown all. */
export function hiddenFrom(sensitive: Sensitive, audiences: readonly Audience[]): readonly string[] {
  return Object.keys(sensitive).filter((pointer) => audiences.some((audience) => sensitive[pointer]?.[audience] !== 'full'));
}

/** Every way in which a value, what it holds and the names in it can be written. */
function textsIn(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (isPlainObject(value)) return Object.entries(value).flatMap(([name, inner]) => [name, ...textsIn(inner)]);
  return types.isDate(value) ? [value.toISOString(), String(value)] : [String(value as string)];
}

/** A copy of what a service said, with each text in it as it may be told. What is nested without end, or is no plain data, is left out. */
export function toldIn(value: unknown, told: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'object' && value !== null) {
    if (depth >= MAX_DEPTH) return undefined;
    if (Array.isArray(value)) return value.map((item) => toldIn(item, told, depth + 1));
    if (!isPlainObject(value)) return undefined;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [told(name), toldIn(inner, told, depth + 1)]));
  }
  const text = String(value as string);
  const shown = told(text);
  return shown === text ? value : shown;
}
