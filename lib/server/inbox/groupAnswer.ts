import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ApprovalCard } from '../../store/ApprovalStore.js';
import { givePersonVerdict } from '../decide/personVerdict.js';
import { groupPage } from '../page/list/groupPage.js';
import { MAX_LISTED } from '../page/list/inboxPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import type { Answer, CallerInput } from '../route/Route.js';
import { kindOf } from './list/inboxRows.js';
import { pendingCards } from './list/pendingCards.js';
import { isFor } from '../decide/Reader.js';
import type { PageMoment } from './PageMoment.js';
import { personOf, readerOf } from '../decide/readerOf.js';
import type { PageInput } from '../decide/readerOf.js';

/** The fields of the form that denies all, with how many characters each may have. */
export const DENY_ALL_FIELDS = { agent: 256, tool: 128, policies: 4_096, ids: 65_536, reason: 10_000 } as const;

/** Which calls are alike. */
interface Kind {
  readonly agentId: string;
  readonly toolName: string;
  readonly policies: readonly string[];
}

/** Answers with the calls of one agent, tool and set of policies. */
export async function groupAnswer(input: PageInput, { nowMs, seen }: PageMoment): Promise<Answer> {
  const { tenant, site, query } = input;
  const kind = kindIn((name) => query.get(name) ?? '');
  const [reader, cards, { cards: pending }] = await Promise.all([readerOf(input), alike(input, kind), pendingCards(tenant)]);
  const signedIn = personOf(input);
  const deny = cards.some((card) => isFor(card, reader)) ? { formToken: signedIn.formToken } : undefined;
  const view = { paths: new Paths(site.base), nowMs, ...kind, cards, deny };
  const waiting = pending.filter((card) => isFor(card, reader)).length;
  return pageAnswer(groupPage(view), { title: kind.toolName, site, signedIn, place: 'inbox', tenantId: tenant.id, waiting, seen });
}

/** Denies the calls that the page has shown, by their ids, and no other. Then it shows what was denied or, where some are left, those. */
export async function denyAll(input: CallerInput): Promise<Answer> {
  const { form = {}, site, tenant } = input;
  const kind = kindIn((field) => form[field] ?? '');
  const reason = form['reason'];
  const wanted = kindText(kind);
  const shown = new Set((form['ids'] ?? '').split(',').slice(0, MAX_LISTED));
  let left = 0;
  for (const id of shown) {
    const record = await tenant.desk.get(id);
    if (record === undefined || kindOf(record) !== wanted) continue;
    try {
      await givePersonVerdict(input, record, { verdict: 'deny', digest: record.digest, reason });
    } catch (error) {
      if (!(error instanceof VerdictError)) throw error;
      // someone else has decided it meanwhile, or it is not for this person
      if (error.status !== 409) left += 1;
    }
  }
  const paths = new Paths(site.base);
  const { agentId: agent, toolName: tool, policies } = kind;
  const location = left > 0 ? paths.group({ agent, tool, policies: policies.join(',') }) : paths.history({ agent, tool, status: 'denied' });
  return { status: 303, headers: { location } };
}

function kindIn(field: (name: string) => string): Kind {
  const policies = field('policies');
  return { agentId: field('agent'), toolName: field('tool'), policies: policies === '' ? [] : policies.split(',') };
}

async function alike({ tenant }: Pick<CallerInput, 'tenant'>, kind: Kind): Promise<readonly ApprovalCard[]> {
  const wanted = kindText(kind);
  const { agentId, toolName } = kind;
  const { cards } = await pendingCards(tenant, { agentId, toolName });
  return cards.filter((card) => kindOf(card) === wanted);
}

function kindText({ agentId, toolName, policies }: Kind): string {
  return kindOf({ agentId, toolName, policies: policies.map((id) => ({ id })) });
}
