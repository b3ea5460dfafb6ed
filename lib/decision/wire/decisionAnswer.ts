// The answer of `POST /v1/decision`: a server writes it, a client reads it with readDecisionAnswer.ts.
import * as v from 'valibot';
import { canonicalDigest, canonicalText } from '../../common/data/canonical.js';
import type { Decision, Violation } from '../../model/Decision.js';
import { PolicyEvalError } from '../../model/errors/ServiceErrors.js';
import type { Params } from '../../model/Params.js';
import type { DecideRequest } from './decideRequest.js';
import { isUsableId, jsonObject, optionalText, shortText, wireForm, writeWire } from './readWire.js';
import { PREVIEW_NEEDED } from './wirePreview.js';
import { isWireTypes, typesOf } from './wireTypes.js';
import type { WireTypes } from './wireTypes.js';
import { DIGEST_HEADER, EFFECTIVE_DIGEST, NONCE_HEADER, TYPES } from './wireHeaders.js';

export interface WireViolation {
  readonly type: string;
  readonly message: string;
  readonly field?: string | null | undefined;
  readonly condition?: string | null | undefined;
  readonly actual_value?: unknown;
  readonly limit_type?: string | null | undefined;
}

export interface WireSanitize {
  readonly message?: string | null | undefined;
  /** An object whose keys and values have not been checked. */
  readonly params?: unknown;
  readonly removed?: readonly string[] | null | undefined;
  readonly effective_digest?: string | null | undefined;
  /** The types of values in `params` that travel as text, by JSON pointer. */
  readonly types?: WireTypes | null | undefined;
}

/** What a server says of itself and the approval to a client that says what it can do. */
export interface WireServer {
  readonly capabilities: readonly string[];
  /** Whether the approval has to be used up at the server before its call runs. */
  readonly consumable?: boolean | null | undefined;
  /** SHA-256 of what it was told not to show to everyone; absent where it was told nothing. */
  readonly views?: string | null | undefined;
  /** Until when a person may decide, as an ISO time. */
  readonly expires_at?: string | null | undefined;
}

export interface WireDecision {
  readonly request_id: string;
  readonly tenant_id?: string | null | undefined;
  readonly agent_id: string;
  readonly decision_id: string;
  readonly tool: string;
  readonly final_decision: {
    /** One of the four, or one that this version does not know. */
    readonly effect: string;
    readonly reason?: string | null | undefined;
    readonly sanitize?: WireSanitize | null | undefined;
    readonly violations?: readonly WireViolation[] | null | undefined;
    readonly approval_id?: string | null | undefined;
    /** The grant that answered the policies that ask. */
    readonly grant_id?: string | null | undefined;
    /** Whether limits have counted the call: a client enters a method once under this answer. */
    readonly limited?: boolean | null | undefined;
    /** When to try again a call that a limit denies, as an ISO time. */
    readonly retry_at?: string | null | undefined;
    /** Why the call is denied, where no policy forbids it: see `DenialCode`. One that this version does not know says nothing. */
    readonly code?: string | null | undefined;
  };
  readonly policy_evaluations?: readonly unknown[] | null | undefined;
  readonly latency_ms: number;
  readonly aegis?: WireServer | null | undefined;
}

const violation = /* @__PURE__ */ (() =>
  v.object({
    type: v.string(),
    message: v.string(),
    field: optionalText,
    condition: optionalText,
    actual_value: v.optional(v.unknown()),
    limit_type: optionalText,
  }))();

const sanitize = /* @__PURE__ */ (() =>
  v.pipe(
    jsonObject,
    v.object({
      message: optionalText,
      params: v.nullish(jsonObject),
      removed: v.nullish(v.array(v.string())),
      effective_digest: optionalText,
      types: v.nullish(v.pipe(v.unknown(), v.check(isWireTypes, 'a map from pointers to bigint or date')) as never),
    }),
  ))();

/** The answer of `POST /v1/decision`. */
export const decisionAnswer: v.GenericSchema<unknown, WireDecision> = /* @__PURE__ */ (() =>
  v.object({
    request_id: shortText,
    tenant_id: v.nullish(shortText),
    agent_id: v.string(),
    decision_id: v.pipe(shortText, v.check(isUsableId, 'an id that can be part of a URL')),
    tool: v.string(),
    final_decision: v.object({
      effect: v.string(),
      reason: optionalText,
      sanitize: v.nullish(sanitize),
      violations: v.nullish(v.array(violation)),
      approval_id: v.nullish(shortText),
      grant_id: v.nullish(shortText),
      limited: v.nullish(v.boolean()),
      retry_at: v.nullish(isoTime()),
      code: optionalText,
    }),
    policy_evaluations: v.nullish(v.array(v.unknown())),
    latency_ms: v.pipe(v.number(), v.integer()),
    aegis: v.nullish(
      v.object({
        capabilities: v.array(v.string()),
        consumable: v.nullish(v.boolean()),
        views: v.nullish(shortText),
        expires_at: v.nullish(isoTime()),
      }),
    ),
  }))();

/** The answer of `POST /v1/decisions/dry-run`. */
export const dryRunAnswer: v.GenericSchema<unknown, { readonly decisions: readonly WireDecision[] }> = /* @__PURE__ */ (() =>
  v.object({ decisions: v.array(decisionAnswer) }))();

function isoTime() {
  return v.pipe(
    v.string(),
    v.check((text) => isIsoTime(text), 'an ISO time in UTC'),
  );
}

function isIsoTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** What an answer says beside the decision. */
export interface AnswerFields {
  readonly requestId: string;
  readonly tenantId?: string | undefined;
  /** How long the decision took, in milliseconds. */
  readonly latencyMs: number;
  /** What the server can do, for a client that says what it can do. */
  readonly server?: ServerFields | undefined;
}

/** What a server says of itself. */
export interface ServerFields {
  readonly capabilities: readonly string[];
  /** Whether it demands that approvals are used up there before their calls run. */
  readonly consumable: boolean;
}

const NOT_UNDERSTOOD = 'The decision changes the params in a way that this version of aegislib does not know. Update aegislib.';

/**
 * Writes the answer to a request for a decision. A change of params that the client could not apply or show as it is meant, because it did not
 * declare the capability `effective-digest`, is written as a deny.
 *
 * @throws PolicyEvalError for a decision that no client would believe
 */
export function writeDecisionAnswer(
  decision: Decision,
  request: DecideRequest,
  fields: AnswerFields,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  return { headers: echoOf(request), body: writeWire(decisionBody(decision, request, fields)) };
}

function echoOf({ nonce, paramsDigest }: DecideRequest): Readonly<Record<string, string>> {
  return {
    ...(nonce === undefined ? {} : { [NONCE_HEADER]: nonce }),
    ...(paramsDigest === undefined ? {} : { [DIGEST_HEADER]: paramsDigest }),
  };
}

/** Writes the answer to a request of which the preview is needed first: to any other client it is an unknown effect, and so a deny. @param params that would run */
export function writePreviewNeeded(
  decisionId: string,
  params: Params,
  request: DecideRequest,
  fields: AnswerFields,
): ReturnType<typeof writeDecisionAnswer> {
  const isSame = canonicalText(params) === canonicalText(request.params);
  const asked: Decision = { effect: 'approval_needed', decisionId, ...(!isSame && { params }) };
  const { final_decision, ...body } = decisionBody(asked, request, fields);
  return {
    headers: echoOf(request),
    body: writeWire({ ...body, final_decision: { ...final_decision, effect: PREVIEW_NEEDED } }),
  };
}

/** Writes the answers to a dry run of several calls, in their order. @throws PolicyEvalError as {@link writeDecisionAnswer} */
export function writeDryRunAnswer(
  decided: readonly (readonly [decision: Decision, request: DecideRequest])[],
  fields: AnswerFields,
): string {
  return writeWire({ decisions: decided.map(([decision, request]) => decisionBody(decision, request, fields)) });
}

function decisionBody(decision: Decision, request: DecideRequest, { requestId, tenantId, latencyMs, server }: AnswerFields): WireDecision {
  if (!isUsableId(decision.decisionId)) throw new PolicyEvalError('The decision has an id that cannot be part of a URL.');
  const final_decision = writeFinal(decision, request);
  return {
    request_id: requestId,
    tenant_id: tenantId ?? null,
    agent_id: request.agentId,
    decision_id: decision.decisionId,
    tool: request.toolName,
    final_decision,
    // absent where there are none: the Python SDK refuses null
    policy_evaluations: decision.policyEvaluations,
    latency_ms: Math.max(0, Math.round(latencyMs)),
    ...(server === undefined
      ? {}
      : { aegis: { ...writeServer(serverFor(server, request), decision, final_decision.effect), ...viewsOf(request) } }),
  };
}

/** What it says of itself is what it did for this very request: a proxy may have dropped a header of it. */
function serverFor({ capabilities, ...server }: ServerFields, { knowsTypes }: DecideRequest): ServerFields {
  return { ...server, capabilities: knowsTypes ? capabilities : capabilities.filter((name) => name !== TYPES) };
}

/** What it hides is what it was told to, and that may have got lost on the way too. */
function viewsOf({ sensitive }: DecideRequest): Pick<WireServer, 'views'> {
  return sensitive === undefined ? {} : { views: canonicalDigest(sensitive) };
}

function writeServer({ capabilities, consumable }: ServerFields, decision: Decision, effect: string): WireServer {
  if (decision.effect !== 'approval_needed' || effect !== 'approval_needed') return { capabilities };
  const { expiresAtMs } = decision;
  return { capabilities, consumable, ...(expiresAtMs === undefined ? {} : { expires_at: new Date(expiresAtMs).toISOString() }) };
}

function writeFinal(decision: Decision, request: DecideRequest): WireDecision['final_decision'] {
  const final = {
    effect: decision.effect,
    reason: decision.reason ?? null,
    sanitize: null,
    violations: decision.violations?.map(writeViolation) ?? null,
    approval_id: null,
    // absent where there is none: most clients know no grants
    ...(decision.grantId !== undefined && { grant_id: decision.grantId }),
    ...(decision.limits !== undefined && { limited: true }),
    ...(decision.retryAtMs !== undefined && { retry_at: new Date(decision.retryAtMs).toISOString() }),
    ...(decision.effect === 'deny' && decision.code !== undefined && { code: decision.code }),
  };
  switch (decision.effect) {
    case 'allow':
    case 'deny':
      return final;
    case 'sanitize':
    case 'approval_needed': {
      const approvalId = decision.effect === 'approval_needed' ? (decision.approvalId ?? null) : null;
      const { params } = decision;
      if (params === undefined) {
        const { message } = decision;
        return { ...final, sanitize: message === undefined ? null : { message }, approval_id: approvalId };
      }
      const change = writeSanitize(params, request);
      const understood = request.capabilities.has(EFFECTIVE_DIGEST);
      if (!understood && (decision.effect === 'approval_needed' || change.removed.length > 0))
        return { ...final, effect: 'deny', reason: NOT_UNDERSTOOD };
      const { params: replaced, removed, effective_digest, types } = change;
      return {
        ...final,
        sanitize: {
          message: decision.message ?? null,
          params: replaced,
          ...(understood ? { effective_digest } : {}),
          ...(removed.length === 0 ? {} : { removed }),
          ...(request.capabilities.has(TYPES) && Object.keys(types).length > 0 ? { types } : {}),
        },
        approval_id: approvalId,
      };
    }
  }
}

/** What changes from the params that the client sent to those that would run. */
function writeSanitize(params: Params, request: DecideRequest) {
  const differs = (name: string): boolean =>
    !Object.hasOwn(request.params, name) || canonicalText(request.params[name]) !== canonicalText(params[name]);
  const replaced = Object.fromEntries(Object.entries(params).filter(([name]) => differs(name)));
  return {
    params: replaced,
    removed: Object.keys(request.params).filter((name) => !Object.hasOwn(params, name)),
    effective_digest: canonicalDigest(wireForm(params)),
    types: typesOf(replaced, ''),
  };
}

function writeViolation({ type, message, field, condition, actualValue, limitType }: Violation): WireViolation {
  return {
    type,
    message,
    field: field ?? null,
    condition: condition ?? null,
    actual_value: actualValue,
    limit_type: limitType ?? null,
  };
}
