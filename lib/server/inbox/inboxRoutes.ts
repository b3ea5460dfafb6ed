import { SteadyClock } from '../../common/time/SteadyClock.js';
import { agentsPage } from '../page/list/agentsPage.js';
import type { AgentsView } from '../page/list/agentsPage.js';
import { helpPage } from '../page/list/helpPage.js';
import { MAX_LISTED } from '../page/list/inboxPage.js';
import { HISTORY_FIELDS } from '../page/list/historyPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import type { EventHubs } from '../push/EventHubs.js';
import type { CallerInput, PersonRoute, Route } from '../route/Route.js';
import { momentOf } from './PageMoment.js';
import type { PageMoment } from './PageMoment.js';
import { agentTools } from './list/agentTools.js';
import { haltOver } from './list/haltOver.js';
import { auditAnswer } from './auditAnswer.js';
import { approvalAnswer } from './approvalAnswer.js';
import { DENY_ALL_FIELDS, denyAll, groupAnswer } from './groupAnswer.js';
import { EDIT_FORM, editAnswer } from './editAnswer.js';
import { historyAnswer } from './historyAnswer.js';
import { historyExport } from './historyExport.js';
import { inboxAnswer } from './inboxAnswer.js';
import { personOf } from '../decide/readerOf.js';
import { ROLES } from '../people/Person.js';
import { unknownAnswer } from './unknownAnswer.js';

/** What the routes of the inbox need. */
export interface InboxRoutesOptions {
  /** @defaultValue a clock of its own */
  readonly clock?: SteadyClock | undefined;
  readonly hubs: EventHubs;
}

const HTML = { 200: 'text/html; charset=utf-8' } as const;
/** Who has no role yet, such as someone who came by an invitation and was not confirmed, reads nothing. */
const PAGE = { method: 'GET', scope: 'person', roles: ROLES, page: true, answers: HTML } as const;

/** The pages where people read what agents ask, and decide. */
export function inboxRoutes({ clock = new SteadyClock(), hubs }: InboxRoutesOptions): readonly Route[] {
  const moment = (input: CallerInput): PageMoment => momentOf(input, clock, hubs);
  const pages: readonly PersonRoute[] = [
    {
      ...PAGE,
      path: '/inbox',
      name: 'inboxPage',
      summary: 'Shows what waits for a decision.',
      query: {
        tab: 'me: for this person, the default; all; mine: what this person asked for.',
        q: 'Only with this text.',
        order: 'ending: those that end first; the oldest first by default.',
        after: 'Where the page before has ended.',
      },
      handle: (input) => inboxAnswer(input, moment(input)),
    },
    {
      ...PAGE,
      path: '/inbox/group',
      name: 'groupPage',
      summary: 'Shows calls of one agent, tool and set of policies that wait.',
      query: { agent: 'The agent.', tool: 'The tool.', policies: 'The ids of the policies, separated by commas.' },
      handle: (input) => groupAnswer(input, moment(input)),
    },
    {
      method: 'POST',
      scope: 'person',
      page: true,
      path: '/inbox/group',
      name: 'denyGroup',
      roles: ['approver'],
      summary: 'Denies the calls that the page of those that are alike has shown.',
      form: DENY_ALL_FIELDS,
      answers: { 303: undefined },
      handle: denyAll,
    },
    {
      ...PAGE,
      path: '/a/:id',
      name: 'approvalPage',
      summary: 'Shows one approval, and where a person decides it.',
      query: { all: '1: every character, however many.', now: '1: what the policies of now would say.' },
      handle: (input) => approvalAnswer(input, moment(input)),
    },
    {
      method: 'POST',
      scope: 'person',
      page: true,
      path: '/a/:id/edit',
      name: 'editPage',
      roles: ['approver'],
      summary: 'Shows an approval as an edit would make it. Records nothing.',
      form: EDIT_FORM,
      answers: HTML,
      handle: (input) => editAnswer(input, moment(input)),
    },
    {
      ...PAGE,
      path: '/history',
      name: 'historyPage',
      summary: 'Shows all approvals that are kept, the newest first.',
      query: {
        ...Object.fromEntries(HISTORY_FIELDS.map((name) => [name, 'A field of the form.'])),
        cursor: 'Where the page before has ended.',
      },
      handle: (input) => historyAnswer(input, clock.now()),
    },
    {
      ...PAGE,
      path: '/history/export',
      name: 'exportHistory',
      roles: ['auditor'],
      summary: 'Gives what the history shows for the same fields as a file: CSV, or a line of JSON for each approval.',
      query: {
        ...Object.fromEntries(HISTORY_FIELDS.map((name) => [name, 'A field of the form of the history.'])),
        format: 'csv, the default; jsonl.',
      },
      answers: { 200: 'text/csv; charset=utf-8' },
      handle: (input) => historyExport(input, clock.now()),
    },
    {
      ...PAGE,
      path: '/unknown',
      name: 'unknownPage',
      summary: 'Shows the runs of which it is not known how they ended.',
      query: { cursor: 'Where the page before has ended.' },
      handle: (input) => unknownAnswer(input, clock.now()),
    },
    {
      ...PAGE,
      path: '/audit',
      name: 'auditPage',
      roles: ['auditor', 'admin'],
      summary: 'Shows where the audit log stands, and how to verify it.',
      handle: (input) => auditAnswer(input, clock.now()),
    },
    {
      ...PAGE,
      path: '/agents',
      name: 'agentsPage',
      summary: 'Shows which agents asked for which tools, and what people said.',
      async handle(input) {
        const { tenant, site } = input;
        const signedIn = personOf(input);
        const { cards, cursor } = await tenant.desk.page({ limit: MAX_LISTED });
        const halt = haltOver(input);
        const view: AgentsView = {
          paths: new Paths(site.base),
          nowMs: clock.now(),
          isHalted: (call) => halt(call) !== undefined,
          tools: agentTools(cards),
          looked: cards.length,
          isCut: cursor !== undefined,
          mayPause: signedIn.roles.has('approver') || signedIn.roles.has('admin'),
        };
        const layout = { site, signedIn, tenantId: tenant.id } as const;
        return pageAnswer(agentsPage(view), { ...layout, title: 'Agents and tools', place: 'agents' });
      },
    },
    {
      ...PAGE,
      roles: undefined,
      path: '/help',
      name: 'helpPage',
      summary: 'Says how to decide, and what the pages show.',
      handle: (input) =>
        pageAnswer(helpPage(), { title: 'Help', site: input.site, signedIn: personOf(input), place: 'help', tenantId: input.tenant.id }),
    },
  ];
  return [
    {
      method: 'GET',
      scope: 'none',
      page: true,
      path: '/',
      name: 'start',
      summary: 'Leads to the inbox.',
      answers: { 303: undefined },
      handle: ({ site }) => ({ status: 303, headers: { location: new Paths(site.base).inbox() } }),
    },
    ...pages,
  ];
}
