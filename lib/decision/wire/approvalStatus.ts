// Where an approval stands, in full: an item of `POST /v1/decisions/status`, and the data of a `status` event. A server writes it, a client reads it.
import * as v from 'valibot';
import { isRecord } from '../../common/data/plainObject.js';
import type { DecisionStatus } from '../../model/Decision.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import { jsonObject, optionalText, readAnswer, readWire, writeWire } from './readWire.js';
import { isWireTypes, restoreTypes, typesOf } from './wireTypes.js';
import type { WireTypes } from './wireTypes.js';

/** What became of an approval. `not_found`: the server does not know it. */
export type ApprovalOutcome = ApprovalRecord['status'] | 'not_found';

/** Where an approval stands, as the wire carries it. It never says who decided, or what a person wrote. */
export interface WireApprovalStatus {
  readonly decision_id: string;
  readonly status: string;
  readonly effect: string;
  readonly outcome: string;
  /** Whether it was used. */
  readonly consumed: boolean;
  /** Why a person was asked, in the words of the policies' author. */
  readonly reason?: string | null | undefined;
  /** `halted`, where a halt has ended it; then the reason says what is halted. */
  readonly code?: string | null | undefined;
  /** Until when a person may decide, as an ISO time. */
  readonly expires_at?: string | null | undefined;
  /** The complete params that were approved, where a person edited those that were asked about. */
  readonly params?: Readonly<Record<string, unknown>> | null | undefined;
  /** Which of their values travel as text, by JSON pointer. */
  readonly types?: WireTypes | null | undefined;
  /** SHA-256 of the canonical text of these params. */
  readonly digest?: string | null | undefined;
}

/** The shape of {@link WireApprovalStatus}. */
export const approvalStatus: v.GenericSchema<unknown, WireApprovalStatus> = /* @__PURE__ */ (() =>
  v.object({
    decision_id: v.string(),
    status: v.string(),
    effect: v.string(),
    outcome: v.string(),
    consumed: v.boolean(),
    reason: optionalText,
    code: optionalText,
    expires_at: optionalText,
    params: v.nullish(jsonObject),
    types: v.nullish(v.pipe(v.unknown(), v.check(isWireTypes, 'a map from pointers to bigint or date')) as never),
    digest: optionalText,
  }))();

/** The answer of `GET /v1/decision/{id}/status`. */
export const approvalStatusAnswer: v.GenericSchema<unknown, WireApprovalStatus & { readonly request_id: string }> = /* @__PURE__ */ (() =>
  v.intersect([approvalStatus, v.object({ request_id: v.string() })]))();

/** The answer of `POST /v1/decisions/status`. */
export const statusesAnswer: v.GenericSchema<unknown, { readonly statuses: readonly WireApprovalStatus[] }> = /* @__PURE__ */ (() =>
  v.object({ statuses: v.array(approvalStatus) }))();

const EFFECTS: Readonly<Record<ApprovalOutcome, string>> = {
  pending: 'approval_needed',
  approved: 'allow',
  denied: 'deny',
  expired: 'deny',
  withdrawn: 'deny',
  not_found: 'deny',
};

/**
 * Writes where an approval stands.
 *
 * @param record the approval; `undefined` where there is none of that id that the asker may know of
 * @param halted what is halted, where that has ended the approval
 */
export function writeApprovalStatus(decisionId: string, record: ApprovalRecord | undefined, halted?: string): WireApprovalStatus {
  const outcome = outcomeOf(record);
  const found = record && { reason: record.reason, expires_at: new Date(record.expiresAtMs).toISOString() };
  return {
    decision_id: decisionId,
    status: outcome === 'pending' ? 'PENDING' : 'OK',
    effect: EFFECTS[outcome],
    outcome,
    consumed: record?.consumed !== undefined,
    ...found,
    ...(halted !== undefined && { reason: halted, code: HALTED }),
    ...(record !== undefined && outcome === 'approved' && editedParams(record)),
  };
}

const HALTED = 'halted';

/** What runs instead of what was asked about. Of an approval that was used, the params are no longer kept. */
function editedParams({ amendments, consumed, params, digest }: ApprovalRecord): Pick<WireApprovalStatus, 'params' | 'types' | 'digest'> {
  if (amendments === undefined || consumed !== undefined) return {};
  const types = typesOf(params, '');
  return { params, digest, ...(Object.keys(types).length > 0 && { types }) };
}

/** Where an approval is used by telling its caller that it was approved, nothing else tells it: only the route that uses it up. */
function outcomeOf(record: ApprovalRecord | undefined): ApprovalOutcome {
  if (record === undefined) return 'not_found';
  return record.status === 'approved' && record.usedByAnswer === true && record.consumed === undefined ? 'pending' : record.status;
}

/** The answer of `GET /v1/decision/{id}/status`: what the hosted protocol says, and the rest of {@link WireApprovalStatus}. */
export function writeApprovalStatusAnswer(decisionId: string, record: ApprovalRecord, requestId: string, halted?: string): string {
  return writeWire({ ...writeApprovalStatus(decisionId, record, halted), request_id: requestId });
}

/** The answer of `POST /v1/decisions/status`, in the order of the ids. */
export function writeStatusesAnswer(statuses: readonly Parameters<typeof writeApprovalStatus>[]): string {
  return writeWire({ statuses: statuses.map((status) => writeApprovalStatus(...status)) });
}

/** As a client believes it: an outcome that it does not know, or that the other fields do not agree with, is `invalid`. */
export function readApprovalStatus({
  decision_id: decisionId,
  status,
  effect,
  outcome,
  reason,
  code,
  params,
  types,
  digest,
}: Omit<WireApprovalStatus, 'consumed' | 'expires_at' | keyof WireEdited> & WireEdited): DecisionStatus {
  const agrees = Object.hasOwn(EFFECTS, outcome) && EFFECTS[outcome as ApprovalOutcome] === effect;
  if (!agrees || status !== (outcome === 'pending' ? 'PENDING' : 'OK')) return { decisionId, state: 'invalid' };
  switch (outcome as ApprovalOutcome) {
    case 'withdrawn':
      if (code === HALTED) return { decisionId, state: 'denied', code, reason: reason ?? undefined };
      return { decisionId, state: 'denied', reason: 'the approval was withdrawn' };
    case 'not_found':
      return { decisionId, state: 'denied', reason: 'the Data Plane does not know this approval: it was deleted, or is not this key’s' };
    case 'approved':
      return { decisionId, state: 'approved', reason: reason ?? undefined, ...readEdited({ params, types, digest }) };
    default:
      return { decisionId, state: outcome as ApprovalRecord['status'] & DecisionStatus['state'], reason: reason ?? undefined };
  }
}

/** What an answer says of edited params, as it comes. */
interface WireEdited {
  readonly params?: unknown;
  readonly types?: unknown;
  readonly digest?: unknown;
}

/** Params that cannot be read have no digest that fits. */
function readEdited({ params = null, types, digest = null }: WireEdited): Pick<DecisionStatus, 'params' | 'digest'> {
  if (params === null && digest === null) return {};
  try {
    const copy = takeSnapshot(params).value;
    if (isRecord(copy) && typeof digest === 'string') return { params: restoreTypes(copy, isWireTypes(types) ? types : {}), digest };
  } catch {
    // no params of a call
  }
  return { params: {}, digest: '' };
}

/**
 * Reads the answer of `POST /v1/decisions/status`.
 *
 * @throws DecisionUnavailableError `malformed` or `duplicate_key`
 */
export function readStatusesAnswer(body: string): readonly DecisionStatus[] {
  return readAnswer(statusesAnswer, body).statuses.map(readApprovalStatus);
}

/**
 * Reads the data of a `status` event.
 *
 * @throws DecisionUnavailableError `malformed` or `duplicate_key`
 */
export function readStatusEvent(data: string): DecisionStatus {
  return readApprovalStatus(readAnswer(approvalStatus, data, 'the event'));
}

const goodbye: v.GenericSchema<unknown, { readonly retry_ms: number }> = /* @__PURE__ */ (() =>
  v.object({ retry_ms: v.pipe(v.number(), v.minValue(0)) }))();

/** When the server of a `bye` event is back, in milliseconds; 0 where it does not say. */
export function readGoodbye(data: string): number {
  const reading = readWire(goodbye, data, 'the event');
  return reading.ok ? reading.value.retry_ms : 0;
}
