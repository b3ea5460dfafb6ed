import { AegisError } from '../../model/AegisError.js';
import type { HaltScope } from '../../model/halt/Halt.js';
import { personOf } from '../decide/readerOf.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { RequestError } from '../front/RequestError.js';
import { haltsPage } from '../page/govern/haltsPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import { ROLES } from '../people/Person.js';
import type { Answer, CallerInput, Route } from '../route/Route.js';
import { SIGNED_FIELDS } from '../signin/askPasskey.js';
import { askToSign } from '../signin/askToSign.js';
import { faultOf } from '../signin/fault.js';
import type { Fault } from '../signin/fault.js';
import { liftHalt, orderHalt } from '../tenant/haltActs.js';
import { namesOfPeople } from './namesOfPeople.js';

/** The most halts on one page, the newest ones. */
const MAX_SHOWN = 200;
const NAME_LENGTH = 256;
const REASON_LENGTH = 10_000;
const ID_LENGTH = 64;
const NUMBER_LENGTH = 16;
const MINUTE_MS = 60_000;
const PAGE = { scope: 'person', page: true } as const;
const ACTS = { ...PAGE, method: 'POST', answers: { 200: 'text/html', 303: undefined } } as const;

/** The page where people see what is halted, and halt, pause and lift. */
export function haltPageRoutes(now: () => number): readonly Route[] {
  return [
    {
      ...PAGE,
      method: 'GET',
      roles: ROLES,
      path: '/halts',
      name: 'haltsPage',
      summary: 'Shows what is halted.',
      query: { all: '1: those too that are over.', agent: 'The agent that the form names.' },
      answers: { 200: 'text/html; charset=utf-8' },
      handle: (input: CallerInput) => shown(input, now()),
    },
    {
      ...ACTS,
      roles: ['approver', 'admin'],
      path: '/halts',
      name: 'haltOnPage',
      summary: 'Halts calls. An approver pauses one agent, for an hour at most.',
      form: {
        all: 1,
        agent: NAME_LENGTH,
        tool: NAME_LENGTH,
        group: NAME_LENGTH,
        minutes: NUMBER_LENGTH,
        pending: NUMBER_LENGTH,
        reason: REASON_LENGTH,
      },
      errors: ['role_missing', 'invalid_halt'],
      handle: (input: CallerInput) => orFault(input, now, async () => ordered(input, now())),
    },
    {
      ...ACTS,
      roles: ['admin'],
      path: '/halts/lift',
      name: 'liftOnPage',
      summary: 'Lifts a halt, once a passkey has signed it.',
      form: { id: ID_LENGTH, reason: REASON_LENGTH, ...SIGNED_FIELDS },
      errors: ['passkey_refused', 'not_fresh', 'invalid_halt'],
      handle: (input: CallerInput) => orFault(input, now, async () => lifted(input)),
    },
  ];
}

async function ordered(input: CallerInput, nowMs: number): Promise<Answer> {
  const { tenant, caller, form = {} } = input;
  const { reason = '', pending, minutes = '' } = form;
  const untilMs = minutes.trim() === '' ? undefined : nowMs + minutesOf(minutes) * MINUTE_MS;
  await orderHalt(tenant, caller, { scope: scopeOf(form), reason, pending: pending === 'cancel' ? 'cancel' : 'freeze', untilMs, nowMs });
  return toHalts(input);
}

async function lifted(input: CallerInput): Promise<Answer> {
  const { tenant, caller, form = {} } = input;
  const { id = '', reason = '' } = form;
  const halt = (await tenant.halts.list({ all: true })).find((one) => one.id === id);
  if (halt === undefined) throw new NotFoundError('There is no such halt.');
  // lifted by someone else, or sent twice
  if (halt.lifted !== undefined) return toHalts(input);
  // said before someone signs for nothing
  if (reason.trim() === '') throw new RequestError(422, 'invalid_halt', 'Say why it may go on.', { field: 'reason' });
  const ask = await askToSign(input, { action: '/halts/lift', title: 'Lift the halt', detail: detailOf(halt.scope), back: '/halts' });
  if (ask !== undefined) return ask;
  await liftHalt(tenant, id, caller, reason);
  return toHalts(input);
}

function detailOf({ all, agentId, toolName, group }: HaltScope): string {
  if (all === true) return 'Everything that no other halt covers runs again.';
  const parts = [agentId && `agent ${agentId}`, toolName && `tool ${toolName}`, group && `group ${group}`];
  return `These calls run again, if no other halt covers them: ${parts.filter((part) => part !== undefined).join(', ')}.`;
}

/** A field that is empty is not given. */
function scopeOf({ all, agent = '', tool = '', group = '' }: Readonly<Record<string, string>>): HaltScope {
  return {
    ...(all === '1' && { all: true as const }),
    ...(agent.trim() !== '' && { agentId: agent.trim() }),
    ...(tool.trim() !== '' && { toolName: tool.trim() }),
    ...(group.trim() !== '' && { group: group.trim() }),
  };
}

/** @throws RequestError 422 `invalid_halt` */
function minutesOf(text: string): number {
  const minutes = Number(text);
  if (/^\d{1,9}$/.test(text.trim()) && minutes > 0) return minutes;
  throw new RequestError(422, 'invalid_halt', 'Give a whole number of minutes from 1, or leave it empty for until it is lifted.', {
    field: 'minutes',
  });
}

async function orFault(input: CallerInput, now: () => number, act: () => Promise<Answer>): Promise<Answer> {
  try {
    return await act();
  } catch (error) {
    const fault =
      AegisError.is(error) && error.name === 'BadRequestError' ? { status: 422, message: error.message, field: undefined } : faultOf(error);
    return shown(input, now(), fault);
  }
}

async function shown(input: CallerInput, nowMs: number, fault?: Fault): Promise<Answer> {
  const { tenant, site, query, form } = input;
  const signedIn = personOf(input);
  const all = query.get('all') === '1';
  const halts = (await tenant.halts.list({ all })).slice(-MAX_SHOWN).toReversed();
  const may = signedIn.roles.has('admin') ? 'halt' : signedIn.roles.has('approver') ? 'pause' : undefined;
  const typed = form ?? { agent: query.get('agent') ?? undefined };
  const nameOf = await namesOfPeople(tenant.identity);
  const view = {
    paths: new Paths(site.base),
    nowMs,
    halts,
    known: tenant.known,
    all,
    nameOf,
    may,
    formToken: signedIn.formToken,
    fault,
    typed,
  } as const;
  const layout = { title: 'Halts', site, signedIn, place: 'halts', tenantId: tenant.id, status: fault?.status } as const;
  return pageAnswer(haltsPage(view), layout);
}

function toHalts({ site }: CallerInput): Answer {
  return { status: 303, headers: { location: new Paths(site.base).halts() } };
}
