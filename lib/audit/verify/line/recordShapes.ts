import type { AuditRecord } from '../../record/AuditRecord.js';

type Check = (value: unknown) => boolean;
type Shape = readonly (readonly [field: string, check: Check, optional: boolean])[];

const text: Check = (value) => typeof value === 'string';
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const flag: Check = (value) => typeof value === 'boolean';
const yes: Check = (value) => value === true;
const texts: Check = (value) => Array.isArray(value) && value.every(text);
const objects =
  (check: (item: Readonly<Record<string, unknown>>) => boolean): Check =>
  (value) =>
    Array.isArray(value) && value.every((item: unknown) => typeof item === 'object' && item !== null && check(item as never));
const policies = objects(({ id, hash }) => text(id) && text(hash));
const limits = objects(
  ({ id, hash, calls, windowMs, isSliding, by }) =>
    text(id) &&
    text(hash) &&
    (isSliding === undefined || yes(isSliding)) &&
    (calls === undefined || (count(calls) && count(windowMs) && texts(by))),
);
const escalations = objects(({ afterMs, groups }) => count(afterMs) && texts(groups));
const approvalPolicies = objects(
  ({ id, hash, severity, approvers, selfApproval, editorMayApprove, quorum, distinct, escalate, needsPreview }) =>
    text(id) &&
    text(hash) &&
    (severity === undefined || text(severity)) &&
    (approvers === undefined || texts(approvers)) &&
    (selfApproval === undefined || flag(selfApproval)) &&
    (editorMayApprove === undefined || flag(editorMayApprove)) &&
    (needsPreview === undefined || flag(needsPreview)) &&
    (quorum === undefined || (count(quorum) && quorum !== 0)) &&
    (distinct === undefined || flag(distinct)) &&
    (escalate === undefined || escalations(escalate)),
);
const proof: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  ['kind', 'credential', 'clientDataJSON', 'authenticatorData', 'signature'].every((field) =>
    text((value as Readonly<Record<string, unknown>>)[field]),
  );
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string);

/** `field?` is optional. */
function shape(fields: Readonly<Record<string, Check>>): Shape {
  return Object.entries(fields).map(([name, check]) => [name.replace('?', ''), check, name.endsWith('?')]);
}

const PLACE = { seq: count, at: count, writer: text, 'change?': text, 'committedAt?': count };
const CALL = { ...PLACE, 'tenantId?': text, decisionId: text, agentId: text, toolName: text };
const SHAPES: Readonly<Record<AuditRecord['kind'], Shape>> = {
  started: shape({
    ...PLACE,
    source: oneOf('library', 'server'),
    version: text,
    mode: oneOf('required', 'best-effort'),
    publicKey: text,
    'tornBytes?': count,
  }),
  closed: shape(PLACE),
  dropped: shape({ ...PLACE, count }),
  key: shape({ ...PLACE, publicKey: text, previousPublicKey: text }),
  policies: shape({ ...PLACE, 'tenantId?': text, hash: text, 'previousHash?': text }),
  decided: shape({
    ...CALL,
    callId: text,
    effect: oneOf('allow', 'deny', 'sanitize', 'approval_needed'),
    'code?': text,
    'policies?': policies,
    'policySetHash?': text,
    'dryRun?': yes,
    'approvalId?': text,
    'asking?': approvalPolicies,
    original: text,
    'effective?': text,
    'session?': text,
    'facts?': text,
    'grantId?': text,
    'requester?': text,
    'limits?': limits,
    'observed?': policies,
  }),
  opened: shape({
    ...CALL,
    'taskId?': text,
    policies: approvalPolicies,
    'policySetHash?': text,
    expiresAt: count,
    original: text,
    effective: text,
    'preview?': text,
    'requester?': text,
  }),
  reminded: shape({ ...CALL, groups: texts, percent: (value) => value === 50 || value === 80 }),
  escalated: shape({ ...CALL, groups: texts, afterMs: count }),
  verdict: shape({
    ...CALL,
    by: text,
    approved: flag,
    status: text,
    'policies?': texts,
    'assurance?': oneOf('session', 'code', 'host', 'step-up', 'passkey'),
    'groups?': texts,
    'isRequester?': yes,
    effective: text,
    'reason?': text,
    'proof?': proof,
    'statement?': text,
  }),
  amended: shape({
    ...CALL,
    by: text,
    'assurance?': oneOf('session', 'code', 'host', 'step-up', 'passkey'),
    'groups?': texts,
    from: text,
    effective: text,
    changed: text,
    policies: approvalPolicies,
    'policySetHash?': text,
    'reason?': text,
    'proof?': proof,
    'statement?': text,
  }),
  grant: shape({
    ...CALL,
    how: oneOf('made', 'used', 'revoked'),
    'uses?': count,
    grantId: text,
    by: text,
    'maxUses?': count,
    'expiresAt?': count,
    'lifts?': policies,
  }),
  consumed: shape({ ...CALL, token: text, effective: text }),
  begun: shape({ ...CALL, claim: text }),
  ended: shape({ ...CALL, how: oneOf('expired', 'withdrawn') }),
  entering: shape({ ...CALL, 'taskId?': text, 'claim?': text, effective: text, 'reused?': yes, 'idempotent?': yes }),
  settled: shape({
    ...CALL,
    'taskId?': text,
    outcome: oneOf('completed', 'failed', 'unknown', 'withheld'),
    'bySuccessor?': yes,
    'reported?': yes,
  }),
  security: shape({ ...PLACE, 'tenantId?': text, code: text, 'agentId?': text, 'toolName?': text, 'decisionId?': text }),
  authority: shape({ ...PLACE, 'tenantId?': text, act: text, by: text, subject: text, 'holds?': texts }),
  credential: shape({
    ...PLACE,
    'tenantId?': text,
    act: oneOf('registered', 'removed'),
    person: text,
    credential: text,
    'publicKey?': text,
    by: text,
  }),
  halt: shape({
    ...PLACE,
    'tenantId?': text,
    how: oneOf('halted', 'lifted', 'over'),
    halt: text,
    'all?': yes,
    'agentId?': text,
    'toolName?': text,
    'group?': text,
    pending: oneOf('freeze', 'cancel'),
    'until?': count,
    by: text,
  }),
  erased: shape({ ...PLACE, by: text, selector: oneOf('user', 'decision', 'before'), count }),
};

/** The kinds of records. */
export const RECORD_KINDS: readonly AuditRecord['kind'][] = Object.keys(SHAPES) as AuditRecord['kind'][];

/** Whether there is such a kind of record. */
export function isRecordKind(kind: string): kind is AuditRecord['kind'] {
  return Object.hasOwn(SHAPES, kind);
}

/** Whether an object has what a record of its kind has. Fields that this version does not know are passed over: what they say is under the signature too. */
export function isRecordShape(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & AuditRecord {
  const { v, kind } = value;
  if (v !== 1 || typeof kind !== 'string' || !isRecordKind(kind)) return false;
  for (const [field, check, optional] of SHAPES[kind]) {
    const found = value[field];
    if (found === undefined ? !optional : !check(found)) return false;
  }
  return true;
}
