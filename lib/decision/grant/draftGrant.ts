import { canonicalText, sha256 } from '../../common/data/canonical.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { digits, readOptions } from '../../common/readOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import { pointer } from '../../model/Params.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import { parsePointer, valueAt } from '../../model/snapshot/parsePointer.js';
import type { Grant, GrantInput, GrantScope } from '../../model/terms/Grant.js';
import { readTerm } from '../../model/terms/GrantTerm.js';
import type { GrantTerms } from '../../model/terms/GrantTerm.js';
import type { GrantCeiling } from '../../model/terms/ApprovalTerms.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { deceptionsOf } from '../cue/deceptionsOf.js';
import { deceptiveCues } from '../cue/deceptiveCues.js';
import { isGrantable } from './GrantedScope.js';
import { grantMatcher, isScalar, isWholeRange, termMatcher } from './grantMatcher.js';

/** The most values that a grant loosens. */
const MAX_LOOSENED = 20;
/** Each doubles the policies that say what the grant covers. */
const MAX_DECIMAL_RANGES = 4;
/** The longest text of params, session and facts together, in characters. */
const MAX_EXAMPLE = 16_384;

const GRANT_FIELDS: OptionKinds<GrantInput> = {
  uses: 'number!',
  forMs: 'ms!',
  loosen: 'record',
  loosenSession: 'record',
  loosenFacts: 'record',
  anyRequester: 'boolean',
};

/** What a grant says, before it is one. */
export type GrantDraft = GrantScope & { readonly maxUses: number; readonly forMs: number };

/** The id of the grant of an approval: an approval has one at most. */
export function grantIdOf(decisionId: string): string {
  return `grt_${sha256(canonicalText(['aegis grant 1', decisionId])).slice(0, 32)}`;
}

/** SHA-256 of what a person asks for: a signature over a verdict names it. */
export function grantDigest(draft: GrantDraft): string {
  return sha256(canonicalText(withoutUndefined(draft)));
}

/** The most that a grant made with an approval may be; where there can be none, a sentence that says why. */
export function ceilingOf(record: ApprovalRecord): GrantCeiling | string {
  const { policies } = record;
  if (!policies.every(isGrantable))
    return 'A policy that asks has no @grantable, or takes more than one person each time. Approve without a grant.';
  if (record.opaque.length > 0)
    return 'The call has params that no policy sees, so a grant could not say what it covers. Approve without a grant.';
  if (record.consumed !== undefined || record.status === 'denied' || record.status === 'expired' || record.status === 'withdrawn')
    return 'The approval was used or has ended. A grant is made together with the yes.';
  const { params, originalParams, session, facts } = record;
  const all = { params, originalParams, session: session ?? {}, facts };
  if (!grantMatcher(all, {})(all))
    return 'The call holds a null, a date, a BigInt or a number that policies do not know exactly: none of these is ever covered. Approve without a grant.';
  if (canonicalText(all).length > MAX_EXAMPLE)
    return `The call is longer than the ${digits(MAX_EXAMPLE)} characters that a grant can hold. Approve without a grant.`;
  // that it was refused before says nothing of what it looks like, but a grant would answer the next one without anyone
  if (deceptiveCues(record).length > 0)
    return 'Something in the call may deceive, is cut, or was refused lately: each such call takes a person. Approve without a grant.';
  return {
    uses: Math.min(...policies.map(({ grantable }) => grantable.uses)),
    forMs: Math.min(...policies.map(({ grantable }) => grantable.forMs)),
  };
}

/**
 * A grant as a person asks for it, checked against the call that it would be made from.
 *
 * @throws VerdictError 403 `not_grantable`, 400 `invalid_grant`
 */
export function draftGrant(record: ApprovalRecord, given: GrantInput): GrantDraft {
  const { decisionId } = record;
  const ceiling = ceilingOf(record);
  if (typeof ceiling === 'string') throw new VerdictError(403, 'not_grantable', decisionId, ceiling);
  const refuse = (message: string): never => {
    throw new VerdictError(400, 'invalid_grant', decisionId, message);
  };
  const input = readOptions<GrantInput>(given, GRANT_FIELDS, (name, message) =>
    refuse(`${name === '' ? 'The grant' : `grant: \`${name.slice(0, 64)}\``} ${message}`),
  );
  const { uses, forMs, anyRequester = false } = input;
  if (!Number.isInteger(uses) || uses < 1 || uses > ceiling.uses)
    refuse(`grant: \`uses\` must be a whole number from 1 to ${ceiling.uses}, which is the most that @grantable allows.`);
  if (!Number.isInteger(forMs) || forMs > ceiling.forMs)
    refuse(`grant: \`forMs\` must be whole milliseconds up to ${digits(ceiling.forMs)}, which is the longest that @grantable allows.`);
  const { agentId, toolName, guardKey, requester, params, originalParams, session, facts, policies } = record;
  const isChanged = record.digest !== record.originalDigest;
  const examples = isChanged ? [params, originalParams] : [params];
  const loosenSession = anyRequester ? withAnyRequester(session, input.loosenSession) : input.loosenSession;
  if (loosenSession === undefined && anyRequester)
    refuse('grant: `anyRequester` is for calls whose session has a `user_id` that is a text; leave it out.');
  const terms = {
    params: checkedTerms('loosen', input.loosen, examples, refuse),
    session: checkedTerms('loosenSession', loosenSession, [session ?? {}], refuse),
    facts: checkedTerms('loosenFacts', input.loosenFacts, [facts], refuse),
  };
  const loosened = { params: terms.params.terms, session: terms.session.terms, facts: terms.facts.terms };
  checkSize(Object.values(terms), refuse);
  if (!anyRequester && Object.hasOwn(loosened.session, '/user_id'))
    refuse('grant: `loosenSession` names /user_id, which says whose calls are covered. Give `anyRequester: true` for those of every user.');
  return frozenData({
    agentId,
    toolName,
    guardKey,
    requester,
    ...(anyRequester && { anyRequester }),
    params,
    ...(isChanged && { originalParams }),
    session,
    facts,
    loosened,
    lifts: policies.map(({ id, hash }) => ({ id, hash })),
    maxUses: uses,
    forMs,
  });
}

/** The grant itself. */
export function grantOf(
  draft: GrantDraft,
  made: Pick<Grant, 'fromDecision' | 'by' | 'name' | 'assurance' | 'epoch' | 'credential' | 'reason' | 'createdAtMs'>,
): Grant {
  const { maxUses, forMs, ...scope } = draft;
  const known = withoutUndefined(made) as typeof made;
  return { id: grantIdOf(made.fromDecision), version: 1, ...scope, maxUses, used: 0, expiresAtMs: made.createdAtMs + forMs, ...known };
}

function withAnyRequester(session: ApprovalRecord['session'], given: GrantTerms | undefined): GrantTerms | undefined {
  return typeof session?.['user_id'] === 'string' ? { ...given, '/user_id': 'any' } : undefined;
}

/** Terms that were checked. */
interface CheckedTerms {
  readonly terms: GrantTerms;
  /** How many of them are ranges with decimals. */
  readonly decimals: number;
}

/** Copies the terms, each read once. */
function checkedTerms(
  name: string,
  given: GrantTerms | undefined,
  examples: readonly Readonly<Record<string, unknown>>[],
  refuse: (message: string) => never,
): CheckedTerms {
  const terms: Record<string, GrantTerms[string]> = {};
  let decimals = 0;
  for (const [at, value] of Object.entries(given ?? {})) {
    const shown = `grant: \`${name}\`: ${JSON.stringify(at.slice(0, 64))}`;
    const path = parsePointer(at);
    if (path === undefined || path.map((step) => pointer('', step)).join('') !== at)
      return refuse(`${shown} must be a JSON pointer, such as /amount.`);
    const found = examples.flatMap((example) => (isWithinLists(example, path) ? [] : (valueAt(example, path) ?? [])));
    if (found.length === 0 || !found.every(isScalar))
      return refuse(`${shown} must name a text, a number, or true or false in the approved call, outside of lists.`);
    const copy = copyOf(value);
    const term = readTerm(copy);
    if (typeof term === 'string') return refuse(`${shown} ${term}`);
    if (term.form === 'any' && found.some((one) => typeof one === 'number'))
      return refuse(`${shown} is a number, which takes a range: a lower bound and an upper one.`);
    if (term.form === 'in' && term.values.some((one) => typeof one === 'string' && deceptionsOf(one).length > 0))
      return refuse(`${shown} has a text in its 'in' that may look like another one. Such a call takes a person each time; leave it out.`);
    if (!found.every((one) => termMatcher(term, one)(one)))
      return refuse(`${shown} does not cover the value in the approved call. Widen it.`);
    terms[at] = copy;
    if (term.form === 'range' && !found.every((one) => isWholeRange(term, one))) decimals += 1;
  }
  return { terms, decimals };
}

function checkSize(checked: readonly CheckedTerms[], refuse: (message: string) => never): void {
  const count = checked.reduce((sum, { terms }) => sum + Object.keys(terms).length, 0);
  const decimals = checked.reduce((sum, one) => sum + one.decimals, 0);
  if (count > MAX_LOOSENED) refuse(`A grant loosens at most ${MAX_LOOSENED} values. Loosen fewer.`);
  if (decimals > MAX_DECIMAL_RANGES)
    refuse(`A grant has at most ${MAX_DECIMAL_RANGES} ranges with decimals. Give whole bounds, or loosen fewer.`);
}

/** Whether a path leads into a list: the items of lists are in no order for policies. */
function isWithinLists(example: unknown, path: readonly string[]): boolean {
  return path.some((_, i) => Array.isArray(valueAt(example, path.slice(0, i))));
}

function copyOf(term: GrantTerms[string]): GrantTerms[string] {
  if (!isPlainObject(term)) return term;
  const fields = Object.entries(term).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    fields.map(([key, value]) => [key, Array.isArray(value) ? [...(value as unknown[])] : value]),
  ) as GrantTerms[string];
}

function withoutUndefined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
