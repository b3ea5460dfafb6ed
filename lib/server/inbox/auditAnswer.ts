import { personOf } from '../decide/readerOf.js';
import type { PageInput } from '../decide/readerOf.js';
import { pageAnswer } from '../page/layout.js';
import { auditPage } from '../page/list/auditPage.js';
import type { Answer } from '../route/Route.js';

/** Answers with where the audit log stands. */
export async function auditAnswer(input: PageInput, nowMs: number): Promise<Answer> {
  const { tenant, site } = input;
  const { audit } = tenant;
  const view = { nowMs, log: audit?.status(), writers: (await audit?.writers()) ?? [] };
  return pageAnswer(auditPage(view), { title: 'Audit', site, signedIn: personOf(input), place: 'audit', tenantId: tenant.id });
}
