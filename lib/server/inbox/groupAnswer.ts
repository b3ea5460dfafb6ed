import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ApprovalCard } from '../../store/ApprovalStore.js';
import { givePersonVerdict } from '../decide/personVerdict.js';
import { groupPage } from '../page/list/groupPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import type { Answer, CallerInput } from '../route/Route.js';
import { kindOf } from './list/inboxRows.js';
import { pendingCards } from './list/pendingCards.js';
import { isFor } from './list/Reader.js';
import { personOf, readerOf } from './readerOf.js';
import type { PageInput } from './readerOf.js';

/** The fields of the form that denies all, with how many characters each may have. */
export const DENY_ALL_FIELDS = { agent: 256, tool: 128, policies: 4_096, upTo: 300, reason: 10_000 } as const;

/** Which calls are alike. */
interface Kind {
  readonly agentId: string;
  readonly toolName: string;
  readonly policies: readonly string[];
}

/** Answers with the calls of one agent, tool and set of policies. */
export async function groupAnswer(input: PageInput, nowMs: number): Promise<Answer> {
  const { tenant, site, query } = input;
  const kind = kindIn((name) => query.get(name) ?? '');
  const [reader, cards, { cards: pending }] = await Promise.all([readerOf(input), alike(input, kind), pendingCards(tenant)]);
  const signedIn = personOf(input);
  const last = cards.at(-1);
  const deny = last !== undefined && cards.some((card) => isFor(card, reader)) && { formToken: signedIn.formToken, upTo: placeOf(last) };
  const view = { paths: new Paths(site.base), nowMs, ...kind, cards, deny: deny || undefined };
  const waiting = pending.filter((card) => isFor(card, reader)).length;
  return pageAnswer(groupPage(view), { title: kind.toolName, site, signedIn, place: 'inbox', tenantId: tenant.id, waiting });
}

/** Denies what the page has shown of such calls, and nothing that came later. Then it shows what was denied or, where some are left, those. */
export async function denyAll(input: CallerInput): Promise<Answer> {
  const { form = {}, site, tenant } = input;
  const kind = kindIn((field) => form[field] ?? '');
  const reason = form['reason'];
  const upTo = form['upTo'] ?? '';
  let left = 0;
  for (const card of await alike(input, kind)) {
    if (isAfter(card, upTo)) continue;
    const record = await tenant.desk.get(card.decisionId);
    try {
      if (record !== undefined) await givePersonVerdict(input, record, { verdict: 'deny', digest: card.digest, reason });
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

async function alike({ tenant }: Pick<CallerInput, 'tenant'>, { agentId, toolName, policies }: Kind): Promise<readonly ApprovalCard[]> {
  const wanted = kindOf({ agentId, toolName, policies: policies.map((id) => ({ id })) });
  const { cards } = await pendingCards(tenant, { agentId, toolName });
  return cards.filter((card) => kindOf(card) === wanted);
}

function placeOf({ createdAtMs, decisionId }: ApprovalCard): string {
  return `${createdAtMs}:${decisionId}`;
}

/** Whether an approval came after a place. A place that no page gave has nothing before it. */
function isAfter({ createdAtMs, decisionId }: ApprovalCard, place: string): boolean {
  const [, time, id = ''] = /^(\d+(?:\.\d+)?):(.+)$/s.exec(place) ?? [];
  if (time === undefined) return true;
  return createdAtMs > Number(time) || (createdAtMs === Number(time) && decisionId > id);
}
