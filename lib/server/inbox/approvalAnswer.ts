import { publishCallbackError } from '../../model/diagnostics.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import type { EditPreview } from '../../decision/desk/DeskVerdicts.js';
import type { GrantProposal } from '../../model/terms/GrantProposal.js';
import { toldStages } from '../notify/stage/toldStages.js';
import { approvalPage } from '../page/approval/approvalPage.js';
import type { ApprovalView } from '../page/approval/approvalPage.js';
import type { RefusedVerdict } from '../page/approval/decisionCard.js';
import type { CountedTerms } from '../page/govern/grantFields.js';
import { runState } from '../page/approval/runState.js';
import { pageAnswer } from '../page/layout.js';
import { Paths } from '../page/Paths.js';
import type { Answer, CallerInput } from '../route/Route.js';
import { cuesOf } from './cuesOf.js';
import { haltOver } from './list/haltOver.js';
import { pendingCards } from './list/pendingCards.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { isCut } from '../decide/mustShowAll.js';
import { isFor } from '../decide/Reader.js';
import type { PageMoment } from './PageMoment.js';
import { personOf, readerOf } from '../decide/readerOf.js';
import { redecide } from './redecide.js';
import { viewerOf } from './viewerOf.js';

/** A verdict that was not recorded, and the status to say so with. */
export interface RefusedAnswer extends RefusedVerdict {
  readonly status: number;
}

/** An edit that is shown before it is recorded. */
export interface ShownEdit {
  readonly preview: EditPreview;
  /** As it is in the store. */
  readonly record: ApprovalRecord;
  /** The edit, as a verdict carries it. */
  readonly edit: string;
}

/** A grant whose history was counted before it is made. */
export interface CountedGrant {
  /** As it was counted for. */
  readonly record: ApprovalRecord;
  readonly proposal: GrantProposal;
  readonly counted: CountedTerms;
}

/** What was sent with the form of an approval, and not recorded. */
export interface SentForm {
  readonly refused?: RefusedAnswer | undefined;
  readonly edited?: ShownEdit | undefined;
  readonly grant?: CountedGrant | undefined;
}

/**
 * Answers with the page of one approval.
 *
 * @param sent what was just sent and not recorded
 * @throws NotFoundError for an unknown id, and with the very same words for one of another tenant
 */
export async function approvalAnswer(
  input: Pick<CallerInput, 'caller' | 'tenant' | 'site' | 'query' | 'params'>,
  { nowMs, seen }: PageMoment,
  { refused, edited, grant }: SentForm = {},
): Promise<Answer> {
  const { tenant, site, query, params } = input;
  const signedIn = personOf(input);
  const record = edited?.preview.approval ?? grant?.record ?? (await tenant.desk.get(params['id'] as string));
  if (record === undefined) throw new NotFoundError('There is no approval with this id.');
  // who is to correct a form loses nothing by a link to the rest
  const all = query.has('all') || refused !== undefined || edited !== undefined;
  const [reader, cues, { cards }] = await Promise.all([readerOf(input), cuesOf(record, tenant, all), pendingCards(tenant)]);
  const forMe = cards.filter((card) => isFor(card, reader));
  const at = forMe.findIndex(({ decisionId }) => decisionId === record.decisionId);
  const next = at < 0 ? forMe[0] : forMe[at + 1];
  const view: ApprovalView = {
    paths: new Paths(site.base),
    nowMs,
    record,
    state: runState(record, nowMs),
    report: record.outcome,
    all,
    isCut: !all && isCut(record),
    cues,
    viewer: await viewerOf(record, input, { all, nowMs, standing: edited?.preview.standing }),
    ...(edited && { edited: { before: edited.record, edit: edited.edit, added: edited.preview.added } }),
    refused,
    ...(mayStillRun(record) && { halted: haltOver(input)(record) }),
    next: next?.decisionId,
    ...(at >= 0 && { place: { at: at + 1, of: forMe.length, previous: forMe[at - 1]?.decisionId, next: next?.decisionId } }),
    places: (await tenant.audit?.placesOf(record.decisionId)) ?? [],
    stages: await toldStages(tenant.records, record.decisionId),
    ...(grant ?? (record.status === 'pending' && isGrantedSomehow(record) && { proposal: await tenant.grants.propose(record.decisionId) })),
    limits: await limitsBeside(record, tenant),
    policySetHash: tenant.policies.hash,
    policyTextOf: (id) => policyIn(tenant, id),
    ...(query.has('now') && { redecided: await redecide(record, tenant) }),
  };
  const layout = { site, signedIn, place: 'inbox', tenantId: tenant.id, waiting: forMe.length, seen } as const;
  return pageAnswer(approvalPage(view), { ...layout, title: record.toolName, status: refused?.status });
}

/** What limits have counted. People decide also where that cannot be read: the limits hold all the same. */
async function limitsBeside(record: ApprovalRecord, { limits }: CallerInput['tenant']): Promise<ApprovalView['limits']> {
  try {
    return await limits.ofApproval(record);
  } catch (error) {
    publishCallbackError('reading the limits of an approval', error);
    return undefined;
  }
}

/** Whether a halt makes a difference to an approval. */
function mayStillRun({ status, consumed }: ApprovalRecord): boolean {
  return consumed === undefined && (status === 'pending' || status === 'approved');
}

/** Whether a grant is in question at all: history is not read for nothing. */
function isGrantedSomehow({ policies }: ApprovalRecord): boolean {
  return policies.every(({ grantable }) => grantable !== undefined);
}

/** The policy of that id, as it is in force now. */
function policyIn({ policies }: CallerInput['tenant'], id: string): ReturnType<ApprovalView['policyTextOf']> {
  const policy = policies.engine.policies.find((one) => one.id === id);
  return policy && { hash: policy.applied.hash, text: policy.text };
}
