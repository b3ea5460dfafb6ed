import { didYouMean } from '../../common/didYouMean.js';
import { parsePointer } from '../../model/snapshot/parsePointer.js';
import { amountOf } from '../../model/terms/LimitTerms.js';
import type { LimitDimension, LimitTerms } from '../../model/terms/LimitTerms.js';

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS };
/** A leap year. */
const MAX_WINDOW_MS = 366 * DAY_MS;
const DEFAULT_BY: readonly LimitDimension[] = Object.freeze<LimitDimension[]>(['tenant', 'agent', 'tool']);

const LIMIT =
  'an amount, a window and what is counted apart, as in "100/1d" or "2500.50/30m sliding by agent,session/user_id": up to 366d, fixed or sliding, by tenant, agent, tool, session or session/<field>';

const OVER = ['deny', 'approval_needed'];
const WORDS = ['fixed', 'sliding', 'by', 'tenant', 'agent', 'tool', 'session'];

/** Names the word that was meant, where one of a limit is no word of it. */
function misspelled(text: string): string {
  const wrong = text
    .replaceAll(/session\/\S*/g, '')
    .match(/[a-z_]{2,}/gi)
    ?.find((word) => !WORDS.includes(word));
  return didYouMean(wrong, WORDS) || ofSession(text);
}

/** Who says `user_id`, or `session.user_id`, means a field of the session. */
function ofSession(text: string): string {
  const [, by = ''] = /\sby\s+(.*)$/.exec(text) ?? [];
  const name = by.split(',').find((one) => !isDimension(one.trim())) ?? '';
  const [, field] = /^\s*(?:session[.:])?([\w-]+)\s*$/.exec(name) ?? [];
  return field === undefined ? '' : `; did you mean 'session/${field}'?`;
}

/** A name is meant as a pointer to it. */
function slashed(name: string): string {
  return /^\w+$/.test(name) ? `; did you mean '/${name}'?` : '';
}

type Check = readonly [name: string, check: (value: string) => string | undefined];

/** Checks the values of these annotations: undefined if one is right, else what it must be. */
export const LIMIT_CHECKS: readonly Check[] = [
  ['limit', (v) => (readLimit(v) === undefined ? LIMIT + misspelled(v) : undefined)],
  ['cost', (v) => (parsePointer(v) === undefined ? `the JSON pointer of a param, as in "/amount"${slashed(v)}` : undefined)],
  ['over', (v) => (OVER.includes(v) ? undefined : `"deny" or "approval_needed"${didYouMean(v, OVER)}`)],
  ['warn_at', (v) => (/^[1-9][0-9]?$/.test(v) ? undefined : 'whole percent of the limit, from 1 to 99')],
];

/** Reads the annotations of a limit. @returns `undefined` where they say none: the checks report a wrong value */
export function readLimitTerms(
  get: (name: string) => string | undefined,
  report: (message: string, annotation?: string) => void,
): LimitTerms | undefined {
  const text = get('limit');
  if (text === undefined) {
    report('@effect("limit") needs @limit("…"), which says how much may run in which time, such as "100/1d". Add it.', 'effect');
    return undefined;
  }
  const read = readLimit(text);
  const warnAt = get('warn_at');
  return (
    read && {
      ...read,
      cost: get('cost'),
      over: get('over') === 'approval_needed' ? 'approval_needed' : 'deny',
      warnAt: warnAt === undefined ? undefined : Number(warnAt),
    }
  );
}

function readLimit(text: string): Pick<LimitTerms, 'limit' | 'windowMs' | 'kind' | 'by'> | undefined {
  const form = /^\s*([0-9]{1,15}(?:\.[0-9]{1,4})?)\s*\/\s*([1-9][0-9]{0,8})([smhd])(?:\s+(fixed|sliding))?(?:\s+by\s+(\S.*?))?\s*$/;
  const [, amount, count, unit = '', kind = 'fixed', by] = form.exec(text) ?? [];
  const limit = amountOf(Number(amount));
  const windowMs = Number(count) * (UNITS[unit] ?? NaN);
  const dimensions = by === undefined ? DEFAULT_BY : readDimensions(by);
  if (limit === undefined || !(windowMs <= MAX_WINDOW_MS) || dimensions === undefined) return undefined;
  return { limit, windowMs, kind: kind as LimitTerms['kind'], by: dimensions };
}

function readDimensions(text: string): readonly LimitDimension[] | undefined {
  const names = text.split(',').map((name) => name.trim());
  return new Set(names).size === names.length && names.every(isDimension) ? names : undefined;
}

function isDimension(name: string): name is LimitDimension {
  if (['tenant', 'agent', 'tool', 'session'].includes(name)) return true;
  return (
    name.startsWith('session/') && !name.includes('//') && !name.endsWith('/') && parsePointer(name.slice('session'.length)) !== undefined
  );
}
