// The answer of `POST /v1/decision`: a server writes it, a client reads it.
import * as v from 'valibot';
import { canonicalDigest, canonicalText } from '../../common/data/canonical.js';
import type { Decision, DecisionRequest, Effect, Violation } from '../../model/Decision.js';
import { DecisionUnavailableError, PolicyEvalError } from '../../model/errors/ServiceErrors.js';
import type { Params } from '../../model/Params.js';
import { frozenCopy } from '../../model/snapshot/copyValue.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import type { DecideRequest } from './decideRequest.js';
import { isUsableId, jsonObject, optionalText, readWire, shortText, wireForm, writeWire } from './readWire.js';
import { isWireTypes, restoreTypes, typesOf } from './wireTypes.js';
import type { WireTypes } from './wireTypes.js';
import { DIGEST_HEADER, EFFECTIVE_DIGEST, NONCE_HEADER, TYPES } from './wireHeaders.js';

interface WireViolation {
  readonly type: string;
  readonly message: string;
  readonly field?: string | null | undefined;
  readonly condition?: string | null | undefined;
  readonly actual_value?: unknown;
  readonly limit_type?: string | null | undefined;
}

interface WireSanitize {
  readonly message?: string | null | undefined;
  /** An object whose keys and values have not been checked. */
  readonly params?: unknown;
  readonly removed?: readonly string[] | null | undefined;
  readonly effective_digest?: string | null | undefined;
  /** The types of values in `params` that travel as text, by JSON pointer. */
  readonly types?: WireTypes | null | undefined;
}

/** What a server says of itself and the approval to a client that says what it can do. */
interface WireServer {
  readonly capabilities: readonly string[];
  /** Whether the approval has to be used up at the server before its call runs. */
  readonly consumable?: boolean | undefined;
  /** Until when a person may decide, as an ISO time. */
  readonly expires_at?: string | undefined;
}

interface WireDecision {
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
  };
  readonly policy_evaluations?: readonly unknown[] | null | undefined;
  readonly latency_ms: number;
  readonly aegis?: WireServer | undefined;
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
    }),
    policy_evaluations: v.nullish(v.array(v.unknown())),
    latency_ms: v.pipe(v.number(), v.integer()),
  }))();

/** The answer of `POST /v1/decisions/dry-run`. */
export const dryRunAnswer: v.GenericSchema<unknown, { readonly decisions: readonly WireDecision[] }> = /* @__PURE__ */ (() =>
  v.object({ decisions: v.array(decisionAnswer) }))();

/** A valid answer. Whether it is for the call that was asked about is for its reader to check. */
export interface DecisionAnswer {
  readonly decisionId: string;
  readonly agentId: string;
  readonly toolName: string;
  /**
   * The decision on a call. Its params are the complete ones that the call would run with: the call's own, replaced key by key by the answer's
   * `sanitize.params`, without those named in `sanitize.removed`. An unknown effect is a deny.
   *
   * Two fields go beyond the hosted protocol, for services that know the capability `effective-digest`: `final_decision.sanitize.removed`, the
   * names of params to leave out, which the guard must allow; and `final_decision.sanitize.effective_digest`, the SHA-256 (64 hex digits) over
   * the canonical form of the complete effective params in their wire form. Where it is given, the call's own must be equal.
   *
   * @returns undefined where the answer's digest differs: it was made for other params
   * @throws DecisionUnavailableError `malformed`
   */
  readonly decisionFor: (request: DecisionRequest) => Decision | undefined;
}

/**
 * Reads the answer to a request for a decision.
 *
 * @throws DecisionUnavailableError `malformed` or `duplicate_key`, naming the place and what was expected, never what was there
 */
export function readDecisionAnswer(body: string): DecisionAnswer {
  const reading = readWire(decisionAnswer, body, 'the answer');
  if (!reading.ok) throw new DecisionUnavailableError(reading.problem, `The decision service's answer is malformed${reading.detail}.`);
  const answer = reading.value;
  const { decision_id: decisionId, agent_id: agentId, tool: toolName } = answer;
  return { decisionId, agentId, toolName, decisionFor: (request) => decisionFor(answer, request) };
}

/** The first header of an answer that echoes another call than this one; undefined where each is equal or absent. */
export function echoMismatch(headers: Headers, { callId, paramsDigest }: DecisionRequest): string | undefined {
  const differs = ([name, sent]: readonly [string, string]): boolean => {
    const echoed = headers.get(name);
    return echoed !== null && echoed !== sent;
  };
  return ([[NONCE_HEADER, callId] as const, [DIGEST_HEADER, paramsDigest] as const].find(differs) ?? [])[0];
}

type CommonFields = Omit<Decision, 'effect' | 'params' | 'message' | 'approvalId' | 'expiresAtMs'>;

const SANITIZE = 'final_decision.sanitize';
const UNKNOWN_EFFECT = 'The decision has an effect that this version of aegislib does not know. Update aegislib.';

function decisionFor(answer: WireDecision, request: DecisionRequest): Decision | undefined {
  const final = answer.final_decision;
  const fields: CommonFields = {
    decisionId: answer.decision_id,
    agentId: answer.agent_id,
    toolName: answer.tool,
    requestId: answer.request_id,
    tenantId: answer.tenant_id ?? undefined,
    reason: final.reason ?? undefined,
    violations: final.violations?.map(readViolation),
    policyEvaluations: answer.policy_evaluations ?? undefined,
    latencyMs: answer.latency_ms,
  };
  if (!isEffect(final.effect)) return { ...fields, effect: 'deny', reason: UNKNOWN_EFFECT };
  if (final.effect === 'deny') return { ...fields, effect: 'deny' };

  const params = effectiveParams(final.sanitize, request);
  const digest = final.sanitize?.effective_digest ?? undefined;
  if (digest !== undefined && digest !== canonicalDigest(wireForm(params ?? request.params))) return undefined;
  const message = final.sanitize?.message ?? undefined;
  switch (final.effect) {
    case 'allow':
      if (params !== undefined) throw malformed(`${SANITIZE} changes params although the effect is allow`);
      return { ...fields, effect: 'allow' };
    case 'sanitize':
      if (params === undefined) throw malformed(`${SANITIZE}.params is missing although the effect is sanitize`);
      return { ...fields, effect: 'sanitize', params, message };
    case 'approval_needed':
      return { ...fields, effect: 'approval_needed', params, message, approvalId: final.approval_id ?? undefined };
  }
}

function isEffect(effect: string): effect is Effect {
  return effect === 'allow' || effect === 'deny' || effect === 'sanitize' || effect === 'approval_needed';
}

/** The complete params; undefined where the answer leaves them as they are. */
function effectiveParams(wire: WireSanitize | null | undefined, request: DecisionRequest): Params | undefined {
  const params = wire?.params ?? undefined;
  const removed = wire?.removed ?? [];
  return params === undefined && removed.length === 0 ? undefined : overlay(request, params ?? {}, removed, wire?.types ?? {});
}

function overlay(request: DecisionRequest, params: unknown, removed: readonly string[], types: WireTypes): Params {
  const replaced = frozenCopy(readParams(params, types));
  // spread defines own keys, and none of them is a forbidden one
  const effective: Record<string, unknown> = { ...request.params, ...replaced };
  for (const name of removed) {
    if (!request.removable.includes(name)) throw malformed(`${SANITIZE}.removed names a param that the guard does not allow to be removed`);
    if (Object.hasOwn(replaced, name)) throw malformed(`${SANITIZE} both replaces and removes a param`);
    delete effective[name];
  }
  return Object.freeze(effective);
}

/** The snapshot's own rules: no forbidden key anywhere, finite numbers, the limits of any params. */
function readParams(params: unknown, types: WireTypes): Params {
  try {
    return restoreTypes(takeSnapshot(params).value as Params, types);
  } catch {
    throw malformed(
      `${SANITIZE}.params cannot be params: a forbidden key, a number that is not finite, a value of another type than stated, or too large`,
    );
  }
}

function readViolation(wire: WireViolation): Violation {
  return {
    type: wire.type,
    message: wire.message,
    field: wire.field ?? undefined,
    condition: wire.condition ?? undefined,
    actualValue: wire.actual_value,
    limitType: wire.limit_type ?? undefined,
  };
}

function malformed(what: string): DecisionUnavailableError {
  return new DecisionUnavailableError('malformed', `The decision service's answer is malformed: ${what}.`);
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
  const { nonce, paramsDigest } = request;
  return {
    headers: {
      ...(nonce === undefined ? {} : { [NONCE_HEADER]: nonce }),
      ...(paramsDigest === undefined ? {} : { [DIGEST_HEADER]: paramsDigest }),
    },
    body: writeWire(decisionBody(decision, request, fields)),
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
    ...(server === undefined ? {} : { aegis: writeServer(server, decision, final_decision.effect) }),
  };
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
