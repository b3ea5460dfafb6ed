import { refusalOf } from '../../policy/staged/StagedPolicies.js';
import type { PromoteRefusal } from '../../policy/staged/StagedPolicies.js';
import { personOf } from '../decide/readerOf.js';
import { RequestError } from '../front/RequestError.js';
import { pageAnswer } from '../page/layout.js';
import { DEFAULT_CONDITIONS, policiesPage } from '../page/list/policiesPage.js';
import type { ConditionName, PoliciesView } from '../page/list/policiesPage.js';
import { Paths } from '../page/Paths.js';
import { counted } from '../page/revealed.js';
import type { Answer, CallerInput, Route } from '../route/Route.js';
import { SIGNED_FIELDS } from '../signin/askPasskey.js';
import { askToSign } from '../signin/askToSign.js';
import { faultOf } from '../signin/fault.js';
import type { Fault } from '../signin/fault.js';
import { dropStaged, policyActs, promoteStaged } from '../tenant/policyActs.js';

const HASH_LENGTH = 64;
const NUMBER_LENGTH = 16;
const HASH_FIELDS: Readonly<Record<string, number>> = { hash: HASH_LENGTH, ...SIGNED_FIELDS };
const PROMOTE_FIELDS: Readonly<Record<string, number>> = { ...HASH_FIELDS, minDecisions: NUMBER_LENGTH, maxNewlyAllowed: NUMBER_LENGTH };
/** How many acts are shown. */
const MAX_ACTS = 20;
const PAGE = { scope: 'person', page: true } as const;
const ADMINS = { ...PAGE, method: 'POST', roles: ['admin'], answers: { 200: 'text/html', 303: undefined } } as const;
const ERRORS = ['not_promoted', 'not_staged', 'passkey_refused', 'not_fresh'];

/** The page of policies, and what admins do there about those that are staged. */
export function policyPageRoutes(now: () => number): readonly Route[] {
  return [
    {
      ...PAGE,
      method: 'GET',
      path: '/policies',
      name: 'policiesPage',
      roles: ['auditor', 'admin'],
      summary: 'Shows the policies in force, what staged ones would decide otherwise, and what watched ones would have asked.',
      answers: { 200: 'text/html; charset=utf-8' },
      handle: (input: CallerInput) => shown(input, now()),
    },
    {
      ...ADMINS,
      path: '/policies/promote',
      name: 'promoteOnPage',
      summary: 'Puts the staged policies that were shown in force, once a passkey has signed it.',
      form: PROMOTE_FIELDS,
      errors: [...ERRORS, 'invalid_condition'],
      handle: (input: CallerInput) => orFault(input, now, async () => promoted(input)),
    },
    {
      ...ADMINS,
      path: '/policies/drop',
      name: 'dropOnPage',
      summary: 'Stops trying the staged policies that were shown, once a passkey has signed it.',
      form: HASH_FIELDS,
      errors: ERRORS,
      handle: (input: CallerInput) => orFault(input, now, async () => dropped(input)),
    },
  ];
}

async function promoted(input: CallerInput): Promise<Answer> {
  const { form = {}, tenant } = input;
  const { policies } = tenant;
  const { hash = '' } = form;
  const [minDecisions, maxNewlyAllowed] = [conditionIn(form, 'minDecisions'), conditionIn(form, 'maxNewlyAllowed')];
  const isDone = (): boolean => policies.hash === hash || policies.pending?.hash === hash;
  // the same form sent twice is one promotion
  if (isDone()) return toPolicies(input);
  checkStaged(input, hash);
  const conditions = { hash, by: input.caller.id, minDecisions, maxNewlyAllowed };
  // said before someone signs for nothing
  const refusal = refusalOf(policies.staged, conditions);
  if (refusal !== undefined) throw notPromoted(refusal);
  const detail = `They come into force if at least ${counted(minDecisions, 'call')} were compared, and at most ${counted(maxNewlyAllowed, 'call')} would be newly allowed.`;
  const ask = await askToSign(input, { action: '/policies/promote', title: `Promote ${hash.slice(0, 12)}`, detail, back: '/policies' });
  if (ask !== undefined) return isDone() ? toPolicies(input) : ask;
  const result = await promoteStaged(tenant, conditions);
  if (result.status === 'refused' && !isDone()) throw notPromoted(result.refusal);
  return toPolicies(input);
}

function notPromoted({ message }: PromoteRefusal): RequestError {
  return new RequestError(409, 'not_promoted', message);
}

async function dropped(input: CallerInput): Promise<Answer> {
  const { form = {}, tenant, caller } = input;
  const { hash = '' } = form;
  // nothing is left to be dropped
  if (tenant.policies.staged === undefined) return toPolicies(input);
  checkStaged(input, hash);
  const ask = await askToSign(input, { action: '/policies/drop', title: `Drop ${hash.slice(0, 12)}`, back: '/policies' });
  if (ask !== undefined) return ask;
  checkStaged(input, hash);
  await dropStaged(tenant, hash, caller.id);
  return toPolicies(input);
}

/** @throws RequestError 409 `not_staged` where others are staged at this server, or none */
function checkStaged({ tenant }: CallerInput, hash: string): void {
  if (tenant.policies.staged?.hash === hash) return;
  throw new RequestError(
    409,
    'not_staged',
    'Other policies are staged now than were shown to you, or none are. Nothing was done: read what is staged now.',
  );
}

/** @throws RequestError 422 `invalid_condition` */
function conditionIn(form: Readonly<Record<string, string>>, name: ConditionName): number {
  const text = form[name]?.trim() ?? DEFAULT_CONDITIONS[name];
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new RequestError(422, 'invalid_condition', 'Give a whole number from 0.', { field: name });
}

async function orFault(input: CallerInput, now: () => number, act: () => Promise<Answer>): Promise<Answer> {
  try {
    return await act();
  } catch (error) {
    return shown(input, now(), { fault: faultOf(error), typed: input.form });
  }
}

async function shown(
  input: CallerInput,
  nowMs: number,
  more: { readonly fault?: Fault; readonly typed?: PoliciesView['typed'] } = {},
): Promise<Answer> {
  const { tenant, site } = input;
  const { policies } = tenant;
  const signedIn = personOf(input);
  const { hash, source, sinceMs, by } = policies.inForce;
  const all = policies.engine.policies;
  const counts = policies.observed();
  const view: PoliciesView = {
    paths: new Paths(site.base),
    nowMs,
    inForce: { hash, sinceMs, by, count: all.length, path: typeof source === 'string' ? source : undefined },
    held: policies.pending,
    staged: policies.staged?.report(),
    watched: all.flatMap(({ id, observeUntilMs: untilMs }) =>
      untilMs === undefined ? [] : [{ id, untilMs, counts: counts.filter(({ policyId }) => policyId === id) }],
    ),
    acts: (await policyActs(tenant)).slice(0, MAX_ACTS),
    formToken: signedIn.roles.has('admin') ? signedIn.formToken : undefined,
    ...more,
  };
  const layout = { title: 'Policies', site, signedIn, place: 'policies', tenantId: tenant.id, status: more.fault?.status } as const;
  return pageAnswer(policiesPage(view), layout);
}

function toPolicies({ site }: CallerInput): Answer {
  return { status: 303, headers: { location: new Paths(site.base).policies() } };
}
