import { didYouMean } from '../../common/didYouMean.js';
import { FORBIDDEN_KEYS } from '../../model/Params.js';
import type { AppliedPolicy } from '../PolicyEngine.js';
import { APPROVAL_CHECKS, readApprovalTerms } from './readApprovalTerms.js';
import type { ApprovalTerms } from '../../model/terms/ApprovalTerms.js';
import type { LimitTerms } from '../../model/terms/LimitTerms.js';
import { LIMIT_CHECKS, readLimitTerms } from '../limit/readLimitTerms.js';
import { GROUP_NAME, parseApprovers } from './groupNames.js';
import { firstConflict, parseSanitize, type SanitizeOperation } from '../sanitize/operations.js';

/** Letters, digits and `_ . : / -`, from a letter or digit; at most 128. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$/;
const MAX_REASON = 1_000;
const MAX_SUMMARY = 8;
const MAX_SUMMARY_NAME = 60;
/** A year. */
const MAX_TIMEOUT_S = 31_536_000;

const EFFECTS = ['deny', 'approval_needed', 'sanitize', 'limit'] as const;
const SEVERITIES = ['low', 'medium', 'high', 'critical'];

/** A value of `@effect`. */
export type ForbidEffect = (typeof EFFECTS)[number];

/** Checks each annotation's value: undefined if it is right, else what it must be. Annotations that are not listed are errors. */
export const ANNOTATION_CHECKS: ReadonlyMap<string, (value: string) => string | undefined> = new Map<
  string,
  (value: string) => string | undefined
>([
  ['id', (v) => need(ID.test(v) && !FORBIDDEN_KEYS.has(v), '1 to 128 letters, digits or "_ . : / -", from a letter or digit')],
  ['effect', (v) => need(isEffect(v), `one of ${EFFECTS.join(', ')}${didYouMean(v, EFFECTS)}`)],
  ['reason', (v) => need(v.trim() !== '' && v.length <= MAX_REASON && !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(v), REASON)],
  // parseSanitize checks it
  ['sanitize', () => undefined],
  [
    'approvers',
    (v) =>
      need(
        parseApprovers(v).every((g) => GROUP_NAME.test(g)),
        'one or more group names, separated by commas',
      ),
  ],
  [
    'approval_timeout_s',
    (v) => need(/^[1-9][0-9]{0,7}$/.test(v) && Number(v) <= MAX_TIMEOUT_S, `whole seconds from 1 to ${MAX_TIMEOUT_S}`),
  ],
  ['severity', (v) => need(SEVERITIES.includes(v), `one of ${SEVERITIES.join(', ')}${didYouMean(v, SEVERITIES)}`)],
  ['summary', (v) => need(isSummary(parseSummary(v)), SUMMARY)],
  ['self_approval', (v) => need(v === 'true' || v === 'false', '"true" or "false"')],
  ['may_permit', (v) => need(v === 'true' || v === 'false', '"true" or "false"')],
  ['observe', (v) => need(v === 'true' || v === 'false', '"true" or "false"')],
  ['observe_until', (v) => need(!Number.isNaN(timeOf(v)), TIME) ?? need(timeOf(v) <= Date.now() + MAX_OBSERVE_MS, SOON)],
  ...APPROVAL_CHECKS,
  ...LIMIT_CHECKS,
]);

/** Thirty days: a policy that is only watched must not be forgotten. */
const MAX_OBSERVE_MS = 2_592_000_000;
const TIME = 'a date and time with its zone, such as "2027-01-31T12:00:00Z"';
const SOON = 'at most 30 days from now';
const SUMMARY = `1 to ${MAX_SUMMARY} names of params, separated by commas, each once and with at most ${MAX_SUMMARY_NAME} characters`;
const REASON = `1 to ${MAX_REASON} characters, without line breaks, control or bidi characters`;

/** The only effect that each of these annotations is for; the other annotations go with every effect. */
export const ANNOTATION_EFFECTS: ReadonlyMap<string, ForbidEffect> = new Map<string, ForbidEffect>([
  ['sanitize', 'sanitize'],
  ['may_permit', 'sanitize'],
  ['approvers', 'approval_needed'],
  ['approval_timeout_s', 'approval_needed'],
  ['self_approval', 'approval_needed'],
  ['observe', 'approval_needed'],
  ['observe_until', 'approval_needed'],
  ['summary', 'approval_needed'],
  ...APPROVAL_CHECKS.map(([name]) => [name, 'approval_needed'] as const),
  ...LIMIT_CHECKS.map(([name]) => [name, 'limit'] as const),
]);

/** Of these, what a limit may have as well: it can be watched, and with `@over("approval_needed")` it asks as an approval policy does. */
function isForLimit(name: string, over: string | undefined): boolean {
  return name === 'observe' || name === 'observe_until' || (over === 'approval_needed' && name !== 'grantable');
}

export function isEffect(value: string): value is ForbidEffect {
  return (EFFECTS as readonly string[]).includes(value);
}

/** Epoch milliseconds; NaN unless it is a time with its zone on a day that there is. */
function timeOf(value: string): number {
  const [, date] = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(value) ?? [];
  // a day such as 30 February would be read as one in March
  const day = date === undefined ? NaN : Date.parse(date);
  return Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date ? NaN : Date.parse(value);
}

/** The names of `@summary`. */
export function parseSummary(value: string): string[] {
  return value.split(',').map((name) => name.trim());
}

function isSummary(names: readonly string[]): boolean {
  const isName = (name: string): boolean =>
    name !== '' && name.length <= MAX_SUMMARY_NAME && !FORBIDDEN_KEYS.has(name) && !/[\p{C}\u2028\u2029]/u.test(name);
  return names.length <= MAX_SUMMARY && new Set(names).size === names.length && names.every(isName);
}

function need(holds: boolean, what: string): string | undefined {
  return holds ? undefined : what;
}

/** What a policy's annotations say. */
export interface AnnotationFacts {
  readonly effect: AppliedPolicy['effect'];
  readonly reason: string | undefined;
  readonly severity: string | undefined;
  readonly approvers: readonly string[] | undefined;
  readonly approvalTimeoutMs: number | undefined;
  readonly selfApproval: boolean | undefined;
  readonly summary: readonly string[] | undefined;
  readonly terms: ApprovalTerms;
  readonly limit: LimitTerms | undefined;
  readonly mayPermit: boolean;
  readonly observeUntilMs: number | undefined;
  readonly operations: readonly SanitizeOperation[];
}

/**
 * Checks a policy's annotations and reads them.
 *
 * @param values by name; null where an annotation was written without a value
 * @param report takes each problem, with the annotation it is about
 */
export function readAnnotations(
  cedarEffect: 'permit' | 'forbid',
  values: ReadonlyMap<string, string | null>,
  report: (message: string, annotation?: string) => void,
): AnnotationFacts {
  for (const [name, value] of values) {
    const check = ANNOTATION_CHECKS.get(name);
    if (check === undefined) report(unknownAnnotation(name), name);
    const wanted = value === null ? 'a value in quotes' : check?.(value);
    if (check !== undefined && wanted !== undefined) report(`@${name} must be ${wanted}${wanted.endsWith('?') ? '' : '.'}`, name);
  }
  const get = (name: string): string | undefined => values.get(name) ?? undefined;
  if (!values.has('id')) report('This policy has no @id. Add @id("…") with a name that no other policy has.');
  const effect = effectOf(cedarEffect, get('effect'), report);
  for (const [name, meant] of ANNOTATION_EFFECTS) {
    const isToo = effect === 'limit' && meant === 'approval_needed' && isForLimit(name, get('over'));
    if (values.has(name) && effect !== meant && !isToo)
      report(`@${name} is only for a forbid with @effect("${meant}"). Remove it, or give the policy that effect.`, name);
  }
  const seconds = get('approval_timeout_s');
  const approvers = get('approvers');
  const selfApproval = get('self_approval');
  const summary = get('summary');
  return {
    effect,
    reason: get('reason'),
    severity: get('severity'),
    approvers: approvers === undefined ? undefined : parseApprovers(approvers),
    approvalTimeoutMs: seconds === undefined ? undefined : Number(seconds) * 1000,
    selfApproval: selfApproval === undefined ? undefined : selfApproval === 'true',
    summary: summary === undefined ? undefined : parseSummary(summary),
    terms: readApprovalTerms(get, report),
    limit: effect === 'limit' ? readLimitTerms(get, report) : undefined,
    mayPermit: get('may_permit') === 'true',
    observeUntilMs: observeUntil(values, report),
    operations: effect === 'sanitize' ? operationsOf(get('sanitize'), report) : [],
  };
}

/** Until when the policy is only watched, in epoch milliseconds. */
function observeUntil(
  values: ReadonlyMap<string, string | null>,
  report: (message: string, annotation?: string) => void,
): number | undefined {
  if (!values.has('observe')) {
    if (values.has('observe_until'))
      report('@observe_until is only for a policy with @observe("true"). Add that, or remove it.', 'observe_until');
    return undefined;
  }
  if (values.get('observe') !== 'true') return undefined;
  if (!values.has('observe_until'))
    report('@observe("true") needs @observe_until("…"), the time from which the policy asks: at most 30 days from now. Add it.', 'observe');
  return timeOf(values.get('observe_until') ?? '');
}

function unknownAnnotation(name: string): string {
  const known = [...ANNOTATION_CHECKS.keys()];
  const near = didYouMean(name, known);
  return `Unknown annotation @${name}; known are @${known.join(', @')}${near === '' ? '.' : near}`;
}

function effectOf(
  cedarEffect: 'permit' | 'forbid',
  effect: string | undefined,
  report: (message: string, annotation?: string) => void,
): AppliedPolicy['effect'] {
  if (cedarEffect === 'permit') {
    // someone who reads only the annotations, or only the Cedar, must see the same thing
    if (effect !== undefined)
      report(
        '@effect is not allowed on a permit. Put it on a forbid, which then asks or changes the call instead of refusing it.',
        'effect',
      );
    return 'permit';
  }
  return effect !== undefined && isEffect(effect) ? effect : 'deny';
}

function operationsOf(annotation: string | undefined, report: (message: string, annotation?: string) => void): SanitizeOperation[] {
  if (annotation === undefined) {
    report('@effect("sanitize") needs @sanitize("…"), which says how the call is changed. Add it.', 'effect');
    return [];
  }
  try {
    const operations = parseSanitize(annotation);
    const conflict = firstConflict(operations);
    if (conflict !== undefined) report(`@sanitize: ${conflict}.`, 'sanitize');
    return operations;
  } catch (error) {
    report((error as SyntaxError).message, 'sanitize');
    return [];
  }
}
