import { FORBIDDEN_KEYS } from '../../model/Params.js';

/** Letters, digits and `_ . : / -`, from a letter or digit; at most 128. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$/;
const GROUP = /^[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,127}$/;
const MAX_REASON = 1_000;
/** A year. */
const MAX_TIMEOUT_S = 31_536_000;

const EFFECTS = ['deny', 'approval_needed', 'sanitize'] as const;
const SEVERITIES = ['low', 'medium', 'high', 'critical'];

/** What an `@effect` may say. */
export type ForbidEffect = (typeof EFFECTS)[number];

/** What each annotation's value has to look like: gives undefined where it does, else what to write. Annotations not listed are errors. */
export const ANNOTATION_CHECKS: ReadonlyMap<string, (value: string) => string | undefined> = new Map<
  string,
  (value: string) => string | undefined
>([
  ['id', (v) => need(ID.test(v) && !FORBIDDEN_KEYS.has(v), '1 to 128 letters, digits or "_ . : / -", from a letter or digit')],
  ['effect', (v) => need(isEffect(v), `one of ${EFFECTS.join(', ')}`)],
  ['reason', (v) => need(v.trim() !== '' && v.length <= MAX_REASON && !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(v), REASON)],
  // its grammar says more, see parseSanitize
  ['sanitize', () => undefined],
  [
    'approvers',
    (v) =>
      need(
        parseApprovers(v).every((g) => GROUP.test(g)),
        'one or more group names, separated by commas',
      ),
  ],
  [
    'approval_timeout_s',
    (v) => need(/^[1-9][0-9]{0,7}$/.test(v) && Number(v) <= MAX_TIMEOUT_S, `whole seconds from 1 to ${MAX_TIMEOUT_S}`),
  ],
  ['severity', (v) => need(SEVERITIES.includes(v), `one of ${SEVERITIES.join(', ')}`)],
  ['self_approval', (v) => need(v === 'true' || v === 'false', '"true" or "false"')],
  ['may_permit', (v) => need(v === 'true' || v === 'false', '"true" or "false"')],
]);

const REASON = `1 to ${MAX_REASON} characters, without line breaks, control or bidi characters`;

/** The effects each annotation has a meaning for; the others take every effect. */
export const ANNOTATION_EFFECTS: ReadonlyMap<string, ForbidEffect> = new Map([
  ['sanitize', 'sanitize'],
  ['may_permit', 'sanitize'],
  ['approvers', 'approval_needed'],
  ['approval_timeout_s', 'approval_needed'],
  ['self_approval', 'approval_needed'],
]);

export function isEffect(value: string): value is ForbidEffect {
  return (EFFECTS as readonly string[]).includes(value);
}

/** The groups of `@approvers`. */
export function parseApprovers(value: string): string[] {
  return value.split(',').map((group) => group.trim());
}

function need(holds: boolean, what: string): string | undefined {
  return holds ? undefined : what;
}
