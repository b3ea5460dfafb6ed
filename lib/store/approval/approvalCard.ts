import { canonicalText } from '../../common/data/canonical.js';
import { reveal } from '../../common/data/reveal.js';
import { viewOf } from '../../model/view/viewOf.js';
import { viewText } from '../../model/view/viewText.js';
import { recordedSeats } from '../../model/terms/recordedSeats.js';
import { freezeDeep } from '../../model/snapshot/frozenData.js';
import type { ApprovalCard, ApprovalRecord, CardParam, CardPolicy } from '../ApprovalStore.js';
import { fromStoredJson } from '../storedJson.js';
import { whoChanged } from './whoChanged.js';
import type { Changers } from './whoChanged.js';

const MAX_CHARACTERS = 500;
const MAX_PARAMS = 4;
/** Of those that policies name. */
const MAX_NAMED = 8;
const MAX_CHANGED = 4;
const MAX_NAME = 60;
const MAX_VALUE = 80;

/** What lists show of an approval. */
export function approvalCard(record: ApprovalRecord): ApprovalCard {
  const { decisionId, agentId, toolName, requester, requesterKnown, reason, digest, refusals } = record;
  const { createdAtMs, expiresAtMs, status, version, consumed, outcome } = record;
  const last = record.verdicts.at(-1);
  const names = Object.keys(record.params);
  const shown = viewOf(record.params, record.sensitive, 'approver');
  const listed = listedNames(record);
  const { changed, edited } = changedNames(record);
  const deceptive = deceptiveIn(record);
  return freezeDeep({
    decisionId,
    agentId,
    toolName,
    requester: cut(requester),
    requesterKnown,
    reason: cut(reason),
    digest,
    refusals,
    policies: cardPolicies(record),
    summary: listed.map((name) => cardParam(name, shown[name])),
    ...(names.length > listed.length && { unlisted: names.length - listed.length }),
    ...(changed.length > 0 && { changed }),
    ...(edited.length > 0 && { edited }),
    ...(deceptive.length > 0 && { deceptive }),
    createdAtMs,
    expiresAtMs,
    status,
    version,
    consumed: consumed !== undefined,
    ...(last && { decided: { by: last.by, ...(last.name !== undefined && { name: cut(last.name) }), atMs: last.atMs } }),
    ...(outcome !== undefined && { outcome: outcome.status }),
  });
}

/** The text of a card as it is stored. */
export function storedCard(record: ApprovalRecord, card: ApprovalCard = approvalCard(record)): string {
  return JSON.stringify(card);
}

/** A row as pages read it: its body is there where its card is of another version, or where code that knows no cards has written it. */
export interface CardRow {
  readonly card: string | null;
  readonly body: string | null;
}

/** The card of a row; `undefined` where somebody else has written what cannot be read. */
export function cardFromRow({ card, body }: CardRow): ApprovalCard | undefined {
  try {
    return body === null ? freezeDeep(JSON.parse(card as string) as ApprovalCard) : approvalCard(fromStoredJson(body) as ApprovalRecord);
  } catch {
    return undefined;
  }
}

/** The policies that ask, as lists know them. */
export function cardPolicies(record: Pick<ApprovalRecord, 'policies' | 'verdicts'>): readonly CardPolicy[] {
  const seats = recordedSeats(record).policies;
  return record.policies.map(({ id, severity, approvers, selfApproval, quorum, distinct, escalate }, i) => {
    const { filledBy, needed } = seats[i] as (typeof seats)[number];
    return {
      id,
      ...(severity !== undefined && { severity }),
      ...(approvers !== undefined && { approvers }),
      ...(selfApproval !== undefined && { selfApproval }),
      ...(quorum !== undefined && { quorum }),
      ...(distinct !== undefined && { distinct }),
      ...(escalate !== undefined && { escalate }),
      ...(filledBy.length >= needed && { approved: true }),
      ...((quorum !== undefined || distinct !== undefined) && { filledBy: filledBy.map(({ by }) => by) }),
    };
  });
}

/** The params that its policies name, in their order; where they name none of this call, the first ones. */
function listedNames({ policies, params }: ApprovalRecord): readonly string[] {
  const named = new Set(policies.flatMap(({ summary = [] }) => summary).filter((name) => Object.hasOwn(params, name)));
  return named.size > 0 ? [...named].slice(0, MAX_NAMED) : Object.keys(params).slice(0, MAX_PARAMS);
}

function cardParam(name: string, value: unknown): CardParam {
  const text = viewText(value);
  const shown = cut(text, MAX_VALUE);
  return { name: cut(name, MAX_NAME), text: shown, ...(shown !== text && { cut: text.length - MAX_VALUE }) };
}

function changedNames(record: ApprovalRecord): { readonly changed: readonly string[]; readonly edited: readonly string[] } {
  const { params, originalParams, digest, originalDigest } = record;
  if (digest === originalDigest) return { changed: [], edited: [] };
  const names = [...new Set([...Object.keys(originalParams), ...Object.keys(params)])].filter(
    (name) => textIn(params, name) !== textIn(originalParams, name),
  );
  const of = (isOne: (changers: Changers) => boolean): readonly string[] =>
    names
      .filter((name) => isOne(whoChanged(record, name)))
      .slice(0, MAX_CHANGED)
      .map((name) => cut(name, MAX_NAME));
  return { changed: of(({ policy }) => policy), edited: of(({ people }) => people.length > 0) };
}

function textIn(params: Readonly<Record<string, unknown>>, name: string): string | undefined {
  return Object.hasOwn(params, name) ? canonicalText(params[name]) : undefined;
}

function deceptiveIn({ params, originalParams, digest, originalDigest, agentId, requester, reason }: ApprovalRecord) {
  const text = canonicalText([agentId, requester, reason, params, ...(digest === originalDigest ? [] : [originalParams])]);
  // most texts are ASCII
  if (!/[^ -~]/.test(text)) return [];
  const parts = reveal(text);
  return (['hidden', 'lookalike'] as const).filter((kind) =>
    parts.some((part) => part.kind === kind && (part.kind === 'hidden' || (part.kind === 'lookalike' && part.deceptive))),
  );
}

function cut(text: string, max: number = MAX_CHARACTERS): string {
  return text.length <= max ? text : `${text.slice(0, max)}…`;
}
