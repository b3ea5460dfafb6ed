import { historyPage } from '../page/list/historyPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import type { Answer } from '../route/Route.js';
import { historyQuery } from './list/historyQuery.js';
import { personOf } from '../decide/readerOf.js';
import type { PageInput } from '../decide/readerOf.js';

const PAGE = 50;

/** Answers with a page of all approvals that are kept. */
export async function historyAnswer(input: PageInput, nowMs: number): Promise<Answer> {
  const { tenant, site, query: params } = input;
  const { typed, errors, query } = historyQuery(params);
  const { cards, cursor } = await tenant.desk.page({ ...query, limit: PAGE });
  const signedIn = personOf(input);
  const { audit } = tenant;
  const ids = audit === undefined ? [] : cards.map(({ decisionId }) => decisionId);
  const places = await Promise.all(ids.map(async (id) => [id, (await audit?.placesOf(id)) ?? []] as const));
  const view = {
    paths: new Paths(site.base),
    nowMs,
    query: typed,
    errors,
    rows: cards,
    places: new Map(places),
    next: cursor,
    isFirst: query.cursor === undefined,
    mayExport: signedIn.roles.has('auditor'),
  };
  return pageAnswer(historyPage(view), { title: 'History', site, signedIn, place: 'history', tenantId: tenant.id });
}
