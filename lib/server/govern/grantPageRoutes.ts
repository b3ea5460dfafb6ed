import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { personOf } from '../decide/readerOf.js';
import { momentOf } from '../inbox/PageMoment.js';
import { grantsPage } from '../page/govern/grantsPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import { ROLES } from '../people/Person.js';
import type { EventHubs } from '../push/EventHubs.js';
import type { Route } from '../route/Route.js';
import { GRANT_PREVIEW_FORM, grantPreviewAnswer } from './grantPreviewAnswer.js';
import { namesOfPeople } from './namesOfPeople.js';

/** The most grants on one page, the newest ones. */
const MAX_SHOWN = 200;

/** What the routes of grants on pages need. */
export interface GrantPageRoutesOptions {
  readonly clock: SteadyClock;
  readonly hubs: EventHubs;
}

/** The page where people read grants, and take them back, and the one that says what a grant would have covered. */
export function grantPageRoutes({ clock, hubs }: GrantPageRoutesOptions): readonly Route[] {
  return [
    {
      method: 'POST',
      scope: 'person',
      page: true,
      path: '/a/:id/grant-preview',
      name: 'grantPreviewPage',
      roles: ['approver'],
      summary: 'Shows an approval, with what a grant as it is typed would have covered. Records nothing.',
      form: GRANT_PREVIEW_FORM,
      answers: { 200: 'text/html; charset=utf-8' },
      handle: (input) => grantPreviewAnswer(input, momentOf(input, clock, hubs)),
    },
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
        const view = {
          paths: new Paths(site.base),
          nowMs: clock.now(),
          grants,
          formToken: may ? signedIn.formToken : undefined,
          all,
          nameOf,
        };
        return pageAnswer(grantsPage(view), { site, signedIn, tenantId: tenant.id, title: 'Grants', place: 'grants' });
      },
    },
  ];
}
