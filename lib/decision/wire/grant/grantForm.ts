import { BadRequestError } from '../../../model/errors/ServiceErrors.js';
import type { GrantBody, LooseningBody } from './grantAnswer.js';

/** How many values of a call a form can loosen. */
const FORM_VALUES = 12;
const HOUR_MS = 3_600_000;

/** Two numbers. None ends with a point: `0...5` is up to a half, and not up to 5. */
const RANGE = /^(-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))\s*(?:\.\.|to|–)\s*(-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))$/;

/** The root of a value, and where it is in there. */
const PLACE = /^(params|session|facts)(\/[^]*)$/;

/** How a value of later calls may differ, as a form says it. */
const GRANT_KINDS = ['same', 'any', 'range', 'in', 'startsWith', 'endsWith'] as const;

const NUMBERED = Array.from({ length: FORM_VALUES }, (_, i) => i + 1);

/** The fields of a form that make a grant with a yes, and how many characters each may have. */
export const GRANT_FORM: Readonly<Record<string, number>> = {
  grant: 8,
  grant_uses: 8,
  grant_hours: 8,
  grant_any_requester: 8,
  ...Object.fromEntries(
    NUMBERED.flatMap((n) => [
      [`grant_path_${n}`, 512],
      [`grant_kind_${n}`, 16],
      [`grant_value_${n}`, 2_048],
    ]),
  ),
};

/** Whether a field of a form is about a grant. */
export function isGrantField(name: string): boolean {
  return Object.hasOwn(GRANT_FORM, name);
}

/**
 * The grant that a form asks for.
 *
 * @returns `undefined` where the form asks for none
 * @throws BadRequestError `invalid_grant` where a field cannot be read
 */
export function grantOfForm(form: Readonly<Record<string, string>>): GrantBody | undefined {
  const { isAsked, uses, hours } = typedGrantForm(form);
  if (!isAsked) return undefined;
  return { uses: Number(uses), for_ms: Math.round(Number(hours) * HOUR_MS), ...looseningOfForm(form) };
}

/**
 * What a form loosens, whether or not it asks for a grant.
 *
 * @throws BadRequestError `invalid_grant` where a field cannot be read
 */
export function looseningOfForm(form: Readonly<Record<string, string>>): LooseningBody {
  const loosen: Record<string, Record<string, unknown>> = { params: {}, session: {}, facts: {} };
  for (const n of NUMBERED) {
    const [place = `grant_value_${n}`, root = '', at = ''] = PLACE.exec(form[`grant_path_${n}`] ?? '') ?? [];
    const term = formTerm(form[`grant_kind_${n}`] ?? 'same', (form[`grant_value_${n}`] ?? '').trim(), place);
    if (root !== '' && term !== undefined) (loosen[root] as Record<string, unknown>)[at] = term;
  }
  return {
    loosen: loosen['params'],
    loosen_session: loosen['session'],
    loosen_facts: loosen['facts'],
    ...(typedGrantForm(form).anyRequester && { any_requester: true }),
  };
}

/** What was typed about a grant, as it is shown again. Fields that are absent were not typed. */
export interface TypedGrantForm {
  /** Whether the form asks for a grant. */
  readonly isAsked: boolean;
  readonly uses: string | undefined;
  readonly hours: string | undefined;
  readonly anyRequester: boolean;
  /** How a value may differ, by its place such as `params/amount`: its number is another one once the call was edited. */
  termAt(place: string): { readonly kind: string | undefined; readonly text: string | undefined };
}

/** Reads a form to show it again, with all that may be wrong in it. */
export function typedGrantForm(form: Readonly<Record<string, string>>): TypedGrantForm {
  return {
    isAsked: form['grant'] === 'on',
    uses: form['grant_uses'],
    hours: form['grant_hours'],
    anyRequester: form['grant_any_requester'] === 'on',
    termAt(place) {
      const n = NUMBERED.find((one) => form[`grant_path_${one}`] === place);
      return { kind: form[`grant_kind_${n}`], text: form[`grant_value_${n}`] };
    },
  };
}

/**
 * How a value of later calls may differ.
 *
 * @param kind `same`, `any`, `range`, `in`, `startsWith` or `endsWith`
 * @param place what the error names, such as `params/amount`
 * @returns `undefined` where it must be the same
 * @throws BadRequestError `invalid_grant`
 */
export function formTerm(kind: string, text: string, place: string): unknown {
  switch (kind) {
    case 'same':
      return undefined;
    case 'any':
      return 'any';
    case 'range': {
      const [, lower, upper] = RANGE.exec(text) ?? [];
      if (lower !== undefined && upper !== undefined) return { '>=': Number(lower), '<=': Number(upper) };
      throw wrong(`${place}: a range is two numbers, such as 0 to 100.`);
    }
    case 'in':
      return { in: text.split(',').map((one) => valueOf(one.trim())) };
    case 'startsWith':
    case 'endsWith':
      return { [kind]: text };
    default:
      throw wrong(`${place}: a value may be ${GRANT_KINDS.join(', ')}.`);
  }
}

function wrong(message: string): BadRequestError {
  return new BadRequestError(message, { code: 'invalid_grant' });
}

/** A number where it is written as one, and text in quotes as that text. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
