// Approvals as operators and people read them over HTTP: cards in lists, one in full, and the body of a verdict.
import * as v from 'valibot';
import type { ApprovalCard, ApprovalPage, ApprovalRecord, VerdictProof } from '../../store/ApprovalStore.js';
import type { Params } from '../../model/Params.js';
import { maskedIn, viewOf, visibleChanges } from '../../model/view/viewOf.js';
import { notesIn } from '../../model/view/viewText.js';
import { grantBody, type GrantBody } from './grant/grantAnswer.js';
import { jsonObject, writeWire } from './readWire.js';
import { editableIn } from '../amend/editablePointers.js';
import type { ViewerStanding } from '../desk/DeskVerdicts.js';
import { shownPreview, writeShownPreview } from './wirePreview.js';
import { typesOf } from './wireTypes.js';

const timeOf = (ms: number): string => new Date(ms).toISOString();
const policy = /* @__PURE__ */ (() => v.object({ id: v.string(), severity: v.nullable(v.string()) }))();
const outcome = /* @__PURE__ */ (() => v.picklist(['completed', 'failed', 'unknown']))();
const shown = /* @__PURE__ */ (() => ({
  decision_id: v.string(),
  status: v.picklist(['pending', 'approved', 'denied', 'expired', 'withdrawn']),
  agent_id: v.string(),
  tool: v.string(),
  requester: v.string(),
  requester_known: v.boolean(),
  reason: v.string(),
  digest: v.string(),
  refusals: v.number(),
  version: v.number(),
  created_at: v.string(),
  expires_at: v.string(),
  consumed: v.boolean(),
}))();

/** The answer of `GET /v1/approvals`: newest first. */
export const approvalsAnswer: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({
    approvals: v.array(
      v.object({
        ...shown,
        outcome: v.nullable(outcome),
        policies: v.array(policy),
        decided: v.nullable(v.object({ by: v.string(), at: v.string() })),
      }),
    ),
    cursor: v.nullable(v.string()),
  }))();

const change = /* @__PURE__ */ (() => v.object({ at: v.string(), before: v.optional(v.unknown()), after: v.optional(v.unknown()) }))();

/** The answer of `GET /v1/approvals/{id}`. */
export const approvalAnswer: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({
    ...shown,
    guard_key: v.string(),
    params: v.record(v.string(), v.unknown()),
    original_params: v.record(v.string(), v.unknown()),
    original_digest: v.string(),
    types: v.record(v.string(), v.string()),
    opaque: v.array(v.string()),
    hidden: v.array(v.string()),
    session: v.nullable(v.record(v.string(), v.unknown())),
    facts: v.record(v.string(), v.unknown()),
    message: v.nullable(v.string()),
    preview: v.nullable(shownPreview),
    policies: v.array(
      v.object({
        ...policy.entries,
        reason: v.nullable(v.string()),
        approvers: v.nullable(v.array(v.string())),
        requester_may: v.boolean(),
        quorum: v.number(),
        distinct: v.boolean(),
        escalate: v.array(v.object({ after_s: v.number(), approvers: v.array(v.string()) })),
      }),
    ),
    verdicts: v.array(
      v.object({
        approve: v.boolean(),
        by: v.string(),
        reason: v.nullable(v.string()),
        at: v.string(),
        name: v.nullable(v.string()),
        groups: v.nullable(v.array(v.string())),
        groups_from: v.nullable(v.string()),
        assurance: v.nullable(v.string()),
        signed: v.boolean(),
        grant_id: v.nullable(v.string()),
        policies: v.array(v.string()),
      }),
    ),
    editable: v.array(v.string()),
    amendments: v.array(
      v.object({
        by: v.string(),
        name: v.nullable(v.string()),
        reason: v.nullable(v.string()),
        at: v.string(),
        assurance: v.nullable(v.string()),
        signed: v.boolean(),
        from: v.string(),
        to: v.string(),
        changes: v.array(change),
      }),
    ),
    begun: v.boolean(),
    outcome: v.nullable(v.object({ status: outcome, error_code: v.nullable(v.string()), at: v.string() })),
    may_decide: v.boolean(),
    viewer: v.nullable(
      v.object({
        may: v.boolean(),
        may_deny: v.boolean(),
        why: v.nullable(v.object({ code: v.string(), message: v.string() })),
        policies: v.array(v.string()),
        needs: v.object({
          assurance: v.picklist(['session', 'code', 'passkey']),
          code: v.boolean(),
          reason: v.picklist(['needed', 'optional']),
          passkey: v.boolean(),
        }),
        yes_so_far: v.number(),
        seats: v.array(v.object({ policy: v.string(), needed: v.number(), filled_by: v.array(v.string()) })),
        last_yes: v.boolean(),
      }),
    ),
  }))();

/** An edit of the params, in a body. A text stands where the call has a BigInt or a date. */
export interface EditBody {
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  readonly remove?: readonly string[] | undefined;
  /** The digest of the params that would run, as the preview has said. */
  readonly digest?: string | undefined;
  /** Names the policies that would ask, as the preview has said. */
  readonly asking?: string | undefined;
}

/** The body of `POST /v1/approvals/{id}/verdict`. */
export interface VerdictBody {
  /** `amend`: the params are edited, without a verdict on them. */
  readonly verdict: 'approve' | 'deny' | 'amend';
  /** Changes of the params: with `approve`, the yes is to the edited call. */
  readonly edit?: EditBody | undefined;
  /** The digest that was shown. */
  readonly digest: string;
  readonly reason?: string | undefined;
  /** The version of the approval that was shown. */
  readonly version?: number | undefined;
  /** The first four characters of the digest, as the person typed them. */
  readonly code?: string | undefined;
  /** What the page that shows all of the approval carries: that it was served to this person. */
  readonly shown_all?: string | undefined;
  /** How many values of the approval the person knows to be hidden. */
  readonly acknowledge_hidden?: number | undefined;
  /** Names this verdict: under the same key it is given once. */
  readonly idempotency_key?: string | undefined;
  /** A grant that is made with the yes. */
  readonly grant?: GrantBody | undefined;
  /** The signature of a passkey, as the browser gave it. */
  readonly proof?: ProofBody | undefined;
}

/** The signature of a verdict in its body. All are base64url. */
export interface ProofBody {
  readonly credential: string;
  readonly nonce: string;
  readonly client_data: string;
  readonly authenticator_data: string;
  readonly signature: string;
}

/** The key of a verdict and its signature, as a desk takes them. */
export function keyAndProofOf({ idempotency_key: key, proof }: VerdictBody): {
  readonly key: string | undefined;
  readonly proof?: Omit<VerdictProof, 'version'>;
} {
  if (proof === undefined) return { key };
  const { credential, nonce, client_data: clientDataJSON, authenticator_data: authenticatorData, signature } = proof;
  return { key, proof: { kind: 'passkey', credential, nonce, clientDataJSON, authenticatorData, signature } };
}

/** The body of `POST /v1/approvals/{id}/challenge`: the verdict that is to be signed. */
export interface ChallengeBody extends Pick<VerdictBody, 'verdict' | 'digest' | 'reason' | 'version' | 'grant' | 'edit'> {
  /** The fields of the page's form about a grant, as they are: then `grant` says nothing. */
  readonly grant_form?: Readonly<Record<string, string>> | undefined;
}

function sha256Text() {
  return v.pipe(
    v.string(),
    v.check((text) => /^[0-9a-f]{64}$/.test(text), 'a SHA-256 in 64 lower-case hex digits'),
  );
}

const edit = /* @__PURE__ */ (() =>
  v.strictObject({
    set: v.optional(jsonObject),
    remove: v.optional(v.array(v.string())),
    digest: v.optional(sha256Text()),
    asking: v.optional(sha256Text()),
  }))();

const asked = /* @__PURE__ */ (() => ({
  verdict: v.picklist(['approve', 'deny', 'amend']),
  edit: v.optional(edit),
  digest: sha256Text(),
  reason: v.optional(v.pipe(v.string(), v.maxLength(10_000))),
  version: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  grant: v.optional(grantBody),
}))();

function bytes() {
  return v.pipe(
    v.string(),
    v.check((text) => /^[\w-]{1,8192}$/.test(text), '1 to 8,192 characters of base64url'),
  );
}

/** What the page that shows all of an approval carries. */
export function shownAllField({ shown_all: mark }: VerdictBody): string | undefined {
  return mark;
}

/** How many hidden values a yes says to know of. */
export function acknowledgedHidden({ acknowledge_hidden: count }: VerdictBody): number | undefined {
  return count;
}

/** The shape of {@link VerdictBody}. */
export const verdictBody: v.GenericSchema<unknown, VerdictBody> = /* @__PURE__ */ (() =>
  v.strictObject({
    ...asked,
    code: v.optional(v.pipe(v.string(), v.maxLength(16))),
    shown_all: v.optional(v.pipe(v.string(), v.maxLength(128))),
    acknowledge_hidden: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    idempotency_key: v.optional(
      v.pipe(
        v.string(),
        v.check((text) => /^[\w.:-]{1,128}$/.test(text), '1 to 128 letters, digits and _ . : -'),
      ),
    ),
    proof: v.optional(
      v.strictObject({ credential: bytes(), nonce: bytes(), client_data: bytes(), authenticator_data: bytes(), signature: bytes() }),
    ),
  }))();

/** The shape of {@link ChallengeBody}. */
export const challengeBody: v.GenericSchema<unknown, ChallengeBody> = /* @__PURE__ */ (() =>
  v.strictObject({ ...asked, grant_form: v.optional(v.record(v.string(), v.pipe(v.string(), v.maxLength(2_048)))) }))();

/** The body of `POST /v1/approvals/{id}/edit-preview`. */
export const editPreviewBody: v.GenericSchema<
  unknown,
  { readonly digest: string; readonly version?: number | undefined; readonly edit: EditBody }
> = /* @__PURE__ */ (() => v.strictObject({ digest: sha256Text(), version: asked.version, edit }))();

/** The answer to {@link challengeBody}. */
export const challengeAnswer: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({ nonce: v.string(), challenge: v.string(), public_key: v.record(v.string(), v.unknown()), expires_at: v.string() }))();

/** Writes a page of approvals. */
export function writeApprovals({ cards, cursor }: ApprovalPage): string {
  const approvals = cards.map((card) => ({
    ...shownOf(card),
    outcome: card.outcome ?? null,
    policies: card.policies.map(({ id, severity = null }) => ({ id, severity })),
    decided: card.decided === undefined ? null : { by: card.decided.by, at: timeOf(card.decided.atMs) },
  }));
  return JSON.stringify({ approvals, cursor: cursor ?? null });
}

/** Writes an approval as the person who decides is shown it: `hidden` says where notes stand in place of values. Values that JSON has no form for are text, and `types` says where they are. */
export function writeApproval(record: ApprovalRecord, mayDecide: boolean, viewer?: ViewerStanding): string {
  const {
    guardKey,
    sensitive,
    originalDigest,
    opaque,
    session,
    facts,
    message,
    policies,
    verdicts,
    amendments = [],
    begun,
    consumed,
    outcome: ended,
  } = record;
  const [shownParams, shownOriginal] = [record.params, record.originalParams].map((of) => viewOf(of, sensitive, 'approver')) as [
    Params,
    Params,
  ];
  const [params, originalParams] = [shownParams, shownOriginal].map(notesIn) as [Params, Params];
  const hidden = maskedIn(shownParams, shownOriginal);
  return writeWire({
    ...shownOf({ ...record, consumed: consumed !== undefined, outcome: ended?.status }),
    guard_key: guardKey,
    params,
    original_params: originalParams,
    original_digest: originalDigest,
    types: {
      ...typesOf(params, '/params'),
      ...typesOf(originalParams, '/original_params'),
      ...typesOf(session, '/session'),
      ...typesOf(facts, '/facts'),
    },
    opaque,
    hidden,
    session,
    facts,
    message: message ?? null,
    preview: record.preview === undefined ? null : writeShownPreview(record.preview, record.digest),
    policies: policies.map(({ id, severity = null, reason = null, approvers = null, selfApproval = false, ...terms }) => ({
      id,
      severity,
      reason,
      approvers,
      requester_may: selfApproval,
      quorum: terms.quorum ?? 1,
      distinct: terms.distinct ?? false,
      escalate: (terms.escalate ?? []).map(({ afterMs, groups }) => ({ after_s: afterMs / 1_000, approvers: groups })),
    })),
    verdicts: verdicts.map(({ approve, by, reason = null, atMs, name = null, groups = null, assurance = null, policies: of, ...more }) => ({
      approve,
      by,
      reason,
      at: timeOf(atMs),
      name,
      groups,
      groups_from: more.groupsFrom ?? null,
      assurance,
      signed: more.proof !== undefined,
      grant_id: more.grant?.id ?? null,
      policies: of,
    })),
    editable: editableIn(record),
    amendments: amendments.map(({ by, name = null, reason: why = null, atMs, assurance = null, proof, from, to, changes }) => ({
      by,
      name,
      reason: why,
      at: timeOf(atMs),
      assurance,
      signed: proof !== undefined,
      from,
      to,
      changes: visibleChanges(changes, hidden).map(({ pointer: at, ...sides }) => ({ at, ...sides })),
    })),
    begun: begun !== undefined,
    outcome: ended === undefined ? null : { status: ended.status, error_code: ended.errorCode ?? null, at: timeOf(ended.atMs) },
    may_decide: mayDecide,
    viewer:
      viewer === undefined
        ? null
        : {
            may: viewer.may,
            may_deny: viewer.mayDeny,
            why: viewer.why ?? null,
            policies: viewer.policies,
            needs: viewer.needs,
            yes_so_far: viewer.yesSoFar,
            seats: viewer.seats.map(({ id, needed, filledBy }) => ({ policy: id, needed, filled_by: filledBy })),
            last_yes: viewer.isLastYes,
          },
  });
}

function shownOf(card: Omit<ApprovalCard, 'policies'>) {
  const { decisionId, status, agentId, toolName, requester, requesterKnown, reason, digest, refusals, version, createdAtMs, expiresAtMs } =
    card;
  return {
    decision_id: decisionId,
    status,
    agent_id: agentId,
    tool: toolName,
    requester,
    requester_known: requesterKnown,
    reason,
    digest,
    refusals,
    version,
    created_at: timeOf(createdAtMs),
    expires_at: timeOf(expiresAtMs),
    consumed: card.consumed,
  };
}
