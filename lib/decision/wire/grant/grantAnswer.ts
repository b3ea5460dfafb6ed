// Grants as operators and people read them over HTTP, and what is sent to make one.
import * as v from 'valibot';
import { grantState } from '../../../model/terms/Grant.js';
import type { Grant, GrantInput, GrantLoosening, GrantState } from '../../../model/terms/Grant.js';
import type { GrantProposal, RefusedBefore } from '../../../model/terms/GrantProposal.js';

const anyRecord = /* @__PURE__ */ (() => v.record(v.string(), v.unknown()))();
const grant = /* @__PURE__ */ (() => ({
  id: v.string(),
  state: v.picklist(['active', 'used-up', 'expired', 'revoked']),
  agent_id: v.string(),
  tool: v.string(),
  guard_key: v.string(),
  requester: v.string(),
  any_requester: v.boolean(),
  params: anyRecord,
  original_params: v.nullable(anyRecord),
  session: v.nullable(anyRecord),
  facts: anyRecord,
  loosened: v.object({ params: anyRecord, session: anyRecord, facts: anyRecord }),
  policies: v.array(v.object({ id: v.string(), hash: v.string() })),
  max_uses: v.number(),
  used: v.number(),
  created_at: v.string(),
  expires_at: v.string(),
  by: v.string(),
  name: v.nullable(v.string()),
  assurance: v.nullable(v.string()),
  reason: v.nullable(v.string()),
  decision_id: v.string(),
  revoked: v.nullable(v.object({ by: v.string(), at: v.string(), reason: v.nullable(v.string()) })),
}))();

/** The answer of `GET /v1/grants`: oldest first. */
export const grantsAnswer: v.GenericSchema = /* @__PURE__ */ (() => v.object({ grants: v.array(v.object(grant)) }))();

/** The answer of `GET /v1/grants/{id}`. */
export const grantAnswer: v.GenericSchema = /* @__PURE__ */ (() => v.object({ ...grant, cedar: v.string() }))();

/** The body of `POST /v1/grants/{id}/revoke`. */
export const revokeBody: v.GenericSchema<unknown, { readonly reason?: string | undefined }> = /* @__PURE__ */ (() =>
  v.strictObject({ reason: v.optional(v.pipe(v.string(), v.maxLength(10_000))) }))();

/** What a grant loosens. */
export interface LooseningBody {
  readonly loosen?: Readonly<Record<string, unknown>> | undefined;
  readonly loosen_session?: Readonly<Record<string, unknown>> | undefined;
  readonly loosen_facts?: Readonly<Record<string, unknown>> | undefined;
  readonly any_requester?: boolean | undefined;
}

/** A grant that is to be made with a yes. */
export interface GrantBody extends LooseningBody {
  readonly uses: number;
  readonly for_ms: number;
}

const loosening = /* @__PURE__ */ (() => ({
  loosen: v.optional(anyRecord),
  loosen_session: v.optional(anyRecord),
  loosen_facts: v.optional(anyRecord),
  any_requester: v.optional(v.boolean()),
}))();

/** The shape of {@link GrantBody}. What its terms say is checked where the grant is made. */
export const grantBody: v.GenericSchema<unknown, GrantBody> = /* @__PURE__ */ (() =>
  v.strictObject({ uses: v.number(), for_ms: v.number(), ...loosening }))();

/** The body of `POST /v1/approvals/{id}/grant-proposal`. */
export const proposalBody: v.GenericSchema<unknown, LooseningBody> = /* @__PURE__ */ (() => v.strictObject(loosening))();

const refusedBefore = /* @__PURE__ */ (() => v.object({ decision_id: v.string(), by: v.nullable(v.string()), at: v.string() }))();

/** The answer of `GET` and `POST /v1/approvals/{id}/grant-proposal`. */
export const proposalAnswer: v.GenericSchema = /* @__PURE__ */ (() =>
  v.object({
    decision_id: v.string(),
    digest: v.string(),
    why: v.nullable(v.string()),
    ceiling: v.nullable(v.object({ uses: v.number(), for_ms: v.number() })),
    values: v.array(v.object({ in: v.picklist(['params', 'session', 'facts']), path: v.string(), value: v.unknown() })),
    history: v.object({
      asked: v.number(),
      covered: v.number(),
      unclear: v.number(),
      more: v.boolean(),
      refused: v.array(refusedBefore),
      unclear_refused: v.array(refusedBefore),
    }),
  }))();

/** What a desk takes, of a body. */
export function grantOfBody(body: GrantBody): GrantInput {
  return { uses: body.uses, forMs: body.for_ms, ...looseningOfBody(body) };
}

/** What a grant loosens, of a body. */
export function looseningOfBody(body: LooseningBody): GrantLoosening {
  const { loosen, loosen_session: loosenSession, loosen_facts: loosenFacts, any_requester: anyRequester } = body;
  return { loosen, loosenSession, loosenFacts, anyRequester } as GrantLoosening;
}

/** What is sent, of what a desk takes. */
export function bodyOfGrant({ uses, forMs, ...more }: GrantInput): GrantBody {
  return { uses, for_ms: forMs, ...bodyOfLoosening(more) };
}

/** What is sent, of what a grant loosens. */
export function bodyOfLoosening({ loosen, loosenSession, loosenFacts, anyRequester }: GrantLoosening): LooseningBody {
  return { loosen, loosen_session: loosenSession, loosen_facts: loosenFacts, any_requester: anyRequester };
}

/** Writes a list of grants. */
export function writeGrants(grants: readonly Grant[], nowMs: number): string {
  return JSON.stringify({ grants: grants.map((one) => wireGrant(one, nowMs)) });
}

/** Writes one grant, with what it covers. */
export function writeGrant(one: Grant, cedar: string, nowMs: number): string {
  return JSON.stringify({ ...wireGrant(one, nowMs), cedar });
}

/** Writes what a grant could be. */
export function writeProposal({ decisionId, digest, why, ceiling, values, history }: GrantProposal): string {
  const { asked, covered, unclear, more = false, refused, unclearRefused } = history;
  return JSON.stringify({
    decision_id: decisionId,
    digest,
    why: why ?? null,
    ceiling: ceiling === undefined ? null : { uses: ceiling.uses, for_ms: ceiling.forMs },
    values,
    history: {
      asked,
      covered,
      unclear,
      more,
      refused: refused.map(wireRefused),
      unclear_refused: unclearRefused.map(wireRefused),
    },
  });
}

function wireRefused({ decisionId, by, atMs }: RefusedBefore): WireRefused {
  return { decision_id: decisionId, by: by ?? null, at: timeOf(atMs) };
}

interface WireRefused {
  readonly decision_id: string;
  readonly by: string | null;
  readonly at: string;
}

/** What {@link writeProposal} writes. */
interface WireProposal {
  readonly decision_id: string;
  readonly digest: string;
  readonly why: string | null;
  readonly ceiling: { readonly uses: number; readonly for_ms: number } | null;
  readonly values: GrantProposal['values'];
  readonly history: Omit<GrantProposal['history'], 'more' | 'refused' | 'unclearRefused'> & {
    readonly more: boolean;
    readonly refused: readonly WireRefused[];
    readonly unclear_refused: readonly WireRefused[];
  };
}

/** Reads what a grant could be. @returns `undefined` for any other answer */
export function readProposal(answer: unknown): GrantProposal | undefined {
  const { success, output } = v.safeParse(proposalAnswer, answer);
  if (!success) return undefined;
  const { decision_id: decisionId, digest, why, ceiling, values, history } = output as WireProposal;
  const { more, refused, unclear_refused: unclearRefused, ...counts } = history;
  return {
    decisionId,
    digest,
    ...(why !== null && { why }),
    ...(ceiling !== null && { ceiling: { uses: ceiling.uses, forMs: ceiling.for_ms } }),
    values,
    history: {
      ...counts,
      ...(more && { more }),
      refused: refused.map(readRefused),
      unclearRefused: unclearRefused.map(readRefused),
    },
  };
}

function readRefused({ decision_id: decisionId, by, at }: WireRefused): RefusedBefore {
  return { decisionId, by: by ?? undefined, atMs: Date.parse(at) };
}

/** A grant as clients and the command line's JSON get it. */
interface WireGrant {
  readonly id: string;
  readonly state: GrantState;
  readonly agent_id: string;
  readonly tool: string;
  readonly guard_key: string;
  readonly requester: string;
  readonly any_requester: boolean;
  readonly params: Grant['params'];
  readonly original_params: Grant['params'] | null;
  readonly session: Grant['session'];
  readonly facts: Grant['facts'];
  readonly loosened: Grant['loosened'];
  readonly policies: Grant['lifts'];
  readonly max_uses: number;
  readonly used: number;
  readonly created_at: string;
  readonly expires_at: string;
  readonly by: string;
  readonly name: string | null;
  readonly assurance: string | null;
  readonly reason: string | null;
  readonly decision_id: string;
  readonly revoked: { readonly by: string; readonly at: string; readonly reason: string | null } | null;
}

/** Writes a grant as {@link WireGrant}. */
function wireGrant(one: Grant, nowMs: number): WireGrant {
  const { revoked } = one;
  return {
    id: one.id,
    state: grantState(one, nowMs),
    agent_id: one.agentId,
    tool: one.toolName,
    guard_key: one.guardKey,
    requester: one.requester,
    any_requester: one.anyRequester === true,
    params: one.params,
    original_params: one.originalParams ?? null,
    session: one.session,
    facts: one.facts,
    loosened: one.loosened,
    policies: one.lifts,
    max_uses: one.maxUses,
    used: one.used,
    created_at: timeOf(one.createdAtMs),
    expires_at: timeOf(one.expiresAtMs),
    by: one.by,
    name: one.name ?? null,
    assurance: one.assurance ?? null,
    reason: one.reason ?? null,
    decision_id: one.fromDecision,
    revoked: revoked === undefined ? null : { by: revoked.by, at: timeOf(revoked.atMs), reason: revoked.reason ?? null },
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/**
 * Reads one grant, or the grants of a list, of an answer.
 *
 * @returns `undefined` for anything else
 */
export function readGrants(answer: unknown): readonly (Grant & { readonly cedar?: string | undefined })[] | undefined {
  const list = v.safeParse(grantsAnswer, answer);
  if (list.success) return (list.output as { readonly grants: readonly WireGrant[] }).grants.map(readGrant);
  const single = v.safeParse(grantAnswer, answer);
  if (!single.success) return undefined;
  const wire = single.output as WireGrant & { readonly cedar: string };
  return [{ ...readGrant(wire), cedar: wire.cedar }];
}

function readGrant(wire: WireGrant): Grant {
  const { name, assurance, reason, original_params: originalParams, revoked } = wire;
  return {
    id: wire.id,
    version: 1,
    agentId: wire.agent_id,
    toolName: wire.tool,
    guardKey: wire.guard_key,
    requester: wire.requester,
    ...(wire.any_requester && { anyRequester: true }),
    params: wire.params,
    ...(originalParams !== null && { originalParams }),
    session: wire.session,
    facts: wire.facts,
    loosened: wire.loosened,
    lifts: wire.policies,
    maxUses: wire.max_uses,
    used: wire.used,
    createdAtMs: Date.parse(wire.created_at),
    expiresAtMs: Date.parse(wire.expires_at),
    by: wire.by,
    ...(name !== null && { name }),
    ...(assurance !== null && { assurance: assurance as Grant['assurance'] }),
    ...(reason !== null && { reason }),
    fromDecision: wire.decision_id,
    ...(revoked !== null && {
      revoked: { by: revoked.by, atMs: Date.parse(revoked.at), ...(revoked.reason !== null && { reason: revoked.reason }) },
    }),
  };
}
