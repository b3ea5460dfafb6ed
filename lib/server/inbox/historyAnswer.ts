import { historyPage } from '../page/list/historyPage.js';
import type { HistoryRow } from '../page/list/historyPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import type { Answer } from '../route/Route.js';
import { historyQuery } from './list/historyQuery.js';
import { personOf } from './readerOf.js';
import type { PageInput } from './readerOf.js';
import { reportedOutcome } from './reportedOutcome.js';

const PAGE = 50;

/** Answers with a page of all approvals that are kept. */
export async function historyAnswer(input: PageInput, nowMs: number): Promise<Answer> {
  const { tenant, site, query: params } = input;
  const { typed, errors, query } = historyQuery(params);
  const { cards, cursor } = await tenant.desk.page({ ...query, limit: PAGE });
  const rows = await Promise.all(
    cards.map(async (card): Promise<HistoryRow> => ({
      card,
      ...(card.consumed && { report: await reportedOutcome(tenant, card.decisionId) }),
    })),
  );
  const view = { paths: new Paths(site.base), nowMs, query: typed, errors, rows, next: cursor, isFirst: query.cursor === undefined };
  return pageAnswer(historyPage(view), { title: 'History', site, signedIn: personOf(input), place: 'history', tenantId: tenant.id });
}
