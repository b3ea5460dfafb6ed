import { personOf } from '../decide/readerOf.js';
import { grantsPage } from '../page/govern/grantsPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import { ROLES } from '../people/Person.js';
import type { Route } from '../route/Route.js';
import { namesOfPeople } from './namesOfPeople.js';

/** The most grants on one page, the newest ones. */
const MAX_SHOWN = 200;

/** The page where people read grants, and take them back. */
export function grantPageRoutes(now: () => number): readonly Route[] {
  return [
    {
      method: 'GET',
      scope: 'person',
      roles: ROLES,
      page: true,
      path: '/grants',
      name: 'grantsPage',
      summary: 'Shows the standing verdicts: calls that run without asking.',
      query: { all: '1: those too that are over.' },
      answers: { 200: 'text/html; charset=utf-8' },
      async handle(input) {
        const { tenant, site, query } = input;
        const signedIn = personOf(input);
        const all = query.get('all') === '1';
        const found = await tenant.grants.list({ active: !all });
        const shown = found.slice(-MAX_SHOWN).reverse();
        const grants = await Promise.all(shown.map(async (grant) => ({ ...grant, cedar: await tenant.grants.explain(grant.id) })));
        const may = signedIn.roles.has('approver') || signedIn.roles.has('admin');
        const nameOf = await namesOfPeople(tenant.identity);
        const view = { paths: new Paths(site.base), nowMs: now(), grants, formToken: may ? signedIn.formToken : undefined, all, nameOf };
        return pageAnswer(grantsPage(view), { site, signedIn, tenantId: tenant.id, title: 'Grants', place: 'grants' });
      },
    },
  ];
}
