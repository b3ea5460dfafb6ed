import { LISTED_COUNTERS } from '../../store/counter/counterWindow.js';
import type { LimitState } from '../../decision/limit/LimitState.js';
import { personOf } from '../decide/readerOf.js';
import { LIMIT_FIELDS, limitsPage } from '../page/govern/limitsPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import { ROLES } from '../people/Person.js';
import type { Route } from '../route/Route.js';

/** The page where people read what limits have counted. */
export function limitPageRoutes(now: () => number): readonly Route[] {
  return [
    {
      method: 'GET',
      scope: 'person',
      roles: ROLES,
      page: true,
      path: '/limits',
      name: 'limitsPage',
      summary: 'Shows how much of each limit is used, what is used up first.',
      query: { q: 'Only with this text.', near: '1: only what is nearly used up, or used up.' },
      answers: { 200: 'text/html; charset=utf-8' },
      async handle(input) {
        const { tenant, site } = input;
        const query = Object.fromEntries(
          LIMIT_FIELDS.flatMap((name) => [[name, input.query.get(name)?.trim() ?? '']]).filter(([, value]) => value !== ''),
        );
        const all = await tenant.limits.list();
        const view = {
          paths: new Paths(site.base),
          nowMs: now(),
          counters: all.filter((one) => (query['near'] !== '1' || one.level !== 'free') && has(one, query['q'])),
          isCut: all.length === LISTED_COUNTERS,
          inForce: tenant.limits.inForce(),
          query,
        };
        return pageAnswer(limitsPage(view), { site, signedIn: personOf(input), tenantId: tenant.id, title: 'Limits', place: 'limits' });
      },
    },
  ];
}

function has({ policyId, by }: LimitState, text: string = ''): boolean {
  const wanted = text.toLowerCase();
  return [policyId, ...Object.values(by)].some((value) => value.toLowerCase().includes(wanted));
}
