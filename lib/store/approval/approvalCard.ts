import { freezeDeep } from '../../model/snapshot/frozenData.js';
import type { ApprovalCard, ApprovalRecord } from '../ApprovalStore.js';
import { fromStoredJson } from '../storedJson.js';

const MAX_CHARACTERS = 500;

/** What lists show of an approval. */
export function approvalCard(record: ApprovalRecord): ApprovalCard {
  const { decisionId, agentId, toolName, requester, requesterKnown, reason, policies, digest, refusals } = record;
  const { createdAtMs, expiresAtMs, status, version, consumed, outcome } = record;
  const last = record.verdicts.at(-1);
  return freezeDeep({
    decisionId,
    agentId,
    toolName,
    requester: cut(requester),
    requesterKnown,
    reason: cut(reason),
    digest,
    refusals,
    policies: policies.map(({ id, severity }) => (severity === undefined ? { id } : { id, severity })),
    createdAtMs,
    expiresAtMs,
    status,
    version,
    consumed: consumed !== undefined,
    ...(outcome === undefined ? {} : { outcome: outcome.status }),
    ...(last === undefined ? {} : { decided: { by: last.by, atMs: last.atMs } }),
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

function cut(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}…`;
}
