import { unknownPage } from '../page/list/unknownPage.js';
import type { UnknownRun, UnknownView } from '../page/list/unknownPage.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import type { Answer } from '../route/Route.js';
import type { RefusedSettlementForm } from '../route/unknownOutcomes.js';
import type { Tenant } from '../tenant/Tenant.js';
import { personOf } from '../decide/readerOf.js';
import type { PageInput } from '../decide/readerOf.js';

const PAGE = 50;

/** Answers with the runs of which it is not known how they ended: those of the store that is shared, and then those that callers elsewhere reported. */
export async function unknownAnswer(
  input: PageInput,
  nowMs: number,
  refused?: UnknownView['refused'] & { readonly status: number },
): Promise<Answer> {
  const { tenant, site, query } = input;
  const signedIn = personOf(input);
  const cursor = query.get('cursor') ?? undefined;
  const own = cursor === undefined ? await ownRuns(tenant) : [];
  const reported = await reportedRuns(tenant, cursor, new Set(own.map(({ decisionId }) => decisionId)));
  const view: UnknownView = {
    paths: new Paths(site.base),
    nowMs,
    runs: [...own, ...reported.runs],
    next: reported.next,
    formToken: signedIn.roles.has('approver') ? signedIn.formToken : undefined,
    refused,
  };
  const layout = { site, signedIn, place: 'unknown', tenantId: tenant.id, title: 'Unknown outcomes' } as const;
  return pageAnswer(unknownPage(view), { ...layout, status: refused?.status });
}

/** The page after a form that was not recorded, with what was typed. */
export function refusedSettlement({ input, taskId, error, reason }: RefusedSettlementForm, nowMs: number): Promise<Answer> {
  return unknownAnswer(input, nowMs, { id: taskId, reason, error: error.message, status: error.status });
}

async function ownRuns({ unknown }: Pick<Tenant, 'unknown'>): Promise<readonly UnknownRun[]> {
  const tasks = (await unknown?.list()) ?? [];
  return tasks.map(({ toolName, agentId, updatedAtMs, decisionId, taskId }) => ({
    toolName,
    agentId,
    sinceMs: updatedAtMs,
    decisionId,
    taskId,
  }));
}

/** @param known those that are shown anyway */
async function reportedRuns(
  { desk }: Pick<Tenant, 'desk'>,
  cursor: string | undefined,
  known: ReadonlySet<string>,
): Promise<{ readonly runs: readonly UnknownRun[]; readonly next: string | undefined }> {
  const page = await desk.page({ outcome: 'unknown', limit: PAGE, cursor });
  const others = page.cards.filter(({ decisionId }) => !known.has(decisionId));
  const runs = others.map(({ toolName, agentId, decisionId, decided, createdAtMs }) => ({
    toolName,
    agentId,
    decisionId,
    sinceMs: decided?.atMs ?? createdAtMs,
  }));
  return { runs, next: page.cursor };
}
