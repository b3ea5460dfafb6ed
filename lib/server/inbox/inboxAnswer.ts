import { storeLimits } from '../../store/storeLimits.js';
import { inboxPage } from '../page/list/inboxPage.js';
import type { InboxQuery, InboxView } from '../page/list/inboxPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import type { InboxTab } from '../page/Paths.js';
import type { Answer } from '../route/Route.js';
import type { Tenant } from '../tenant/Tenant.js';
import { emptyGroups } from './list/emptyGroups.js';
import { haltOver } from './list/haltOver.js';
import { inboxRows } from './list/inboxRows.js';
import { pendingCards } from './list/pendingCards.js';
import type { PageMoment } from './PageMoment.js';
import { personOf, readerOf } from '../decide/readerOf.js';
import type { PageInput } from '../decide/readerOf.js';

const TABS: readonly string[] = ['me', 'all', 'mine'] satisfies InboxTab[];
/** How many of the last decided approvals an empty inbox shows. */
const LAST = 3;

/** Answers with what waits for a decision. */
export async function inboxAnswer(input: PageInput, { nowMs, seen }: PageMoment): Promise<Answer> {
  const { tenant, site, query: params } = input;
  const query = readQuery(params);
  const [reader, { cards, isCut }] = await Promise.all([readerOf(input), pendingCards(tenant, { q: query.q })]);
  const rows = inboxRows(cards, query, reader, params.get('after') ?? undefined);
  const halt = haltOver(input);
  const view: InboxView = {
    paths: new Paths(site.base),
    nowMs,
    isHalted: (call) => halt(call) !== undefined,
    query,
    isCut,
    ...rows,
    emptyGroups: await emptyGroups(cards, tenant),
    ...(rows.total === 0 ? await lately(tenant) : { last: [], hasAgents: true }),
  };
  const layout = { site, signedIn: personOf(input), place: 'inbox', tenantId: tenant.id, seen } as const;
  return pageAnswer(inboxPage(view), { ...layout, title: 'Inbox', waiting: rows.counts.me });
}

/** What cannot be right is as if it were not there: a list is never an error. */
function readQuery(params: URLSearchParams): InboxQuery {
  const tab = params.get('tab') ?? '';
  const q = params.get('q')?.trim().slice(0, 256) ?? '';
  return {
    tab: TABS.includes(tab) ? (tab as InboxTab) : 'me',
    order: params.get('order') === 'ending' ? 'ending' : 'oldest',
    ...(q !== '' && { q }),
  };
}

async function lately({ desk }: Pick<Tenant, 'desk'>): Promise<Pick<InboxView, 'last' | 'hasAgents'>> {
  const { cards } = await desk.page({ limit: storeLimits.listedCards });
  const decided = cards.filter((card) => card.decided !== undefined && card.status !== 'pending');
  return { last: decided.slice(0, LAST), hasAgents: cards.length > 0 };
}
