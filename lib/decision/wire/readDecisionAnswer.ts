// The answer of `POST /v1/decision`, as a client reads it.
import { canonicalDigest } from '../../common/data/canonical.js';
import { readCapabilities } from '../../model/Capability.js';
import type { Capability } from '../../model/Capability.js';
import type { Decision, DecisionRequest, Effect, Violation } from '../../model/Decision.js';
import { isDenialCode } from '../../model/terms/DenialCode.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { Params } from '../../model/Params.js';
import { frozenCopy } from '../../model/snapshot/copyValue.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import { decisionAnswer, dryRunAnswer } from './decisionAnswer.js';
import type { WireDecision, WireSanitize, WireViolation } from './decisionAnswer.js';
import { readAnswer, wireForm } from './readWire.js';
import { AMEND, DIGEST_HEADER, EFFECTIVE_DIGEST, NONCE_HEADER } from './wireHeaders.js';
import { PREVIEW_NEEDED } from './wirePreview.js';
import { restoreTypes } from './wireTypes.js';
import type { WireTypes } from './wireTypes.js';

/** A valid answer. Whether it is for the call that was asked about is for its reader to check. */
export interface DecisionAnswer {
  readonly decisionId: string;
  readonly agentId: string;
  readonly toolName: string;
  /** What the server says that it can do; `undefined` where it says nothing of itself, as the hosted service does. */
  readonly capabilities: readonly Capability[] | undefined;
  /** What it does not do, for this request, of what is demanded. What was to be hidden and did not reach it lacks `views`. An approval that need not be used up lacks `consume`, and changed params without a digest lack `effective-digest`. */
  readonly missing: (required: readonly Capability[], request?: Pick<DecisionRequest, 'sensitive'>) => readonly Capability[];
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
  /** The params of which the server wants a preview before a person is asked; undefined where it wants none. @throws DecisionUnavailableError `malformed` */
  readonly previewFor: (request: DecisionRequest) => Params | undefined;
}

/**
 * Reads the answer to a request for a decision.
 *
 * @throws DecisionUnavailableError `malformed` or `duplicate_key`, naming the place and what was expected, never what was there
 */
export function readDecisionAnswer(body: string): DecisionAnswer {
  return answerOf(readAnswer(decisionAnswer, body));
}

/** Reads the answer to a dry run of one call. @throws DecisionUnavailableError as {@link readDecisionAnswer} */
export function readDryRunAnswer(body: string): DecisionAnswer {
  const [answer, ...others] = readAnswer(dryRunAnswer, body).decisions;
  if (answer === undefined || others.length > 0) throw malformed('decisions must have one item for each call');
  return answerOf(answer);
}

function answerOf(answer: WireDecision): DecisionAnswer {
  const { decision_id: decisionId, agent_id: agentId, tool: toolName } = answer;
  const capabilities = readCapabilities(answer.aegis?.capabilities);
  return {
    decisionId,
    agentId,
    toolName,
    capabilities,
    missing: (required, { sensitive } = {}) =>
      required.filter(
        (capability) =>
          !offersOf(answer).includes(capability) ||
          lacksDigest(answer, capability) ||
          (capability === 'views' && sensitive !== undefined && answer.aegis?.views !== canonicalDigest(sensitive)),
      ),
    decisionFor: (request) => decisionFor(answer, request),
    previewFor: (request) => previewFor(answer, request),
  };
}

/** What the server does for this answer. An approval that need not be used up lacks `consume`; of a call whose types were not told it knows none. */
function offersOf({ aegis, final_decision: { effect } }: WireDecision, wireTypes?: 'string'): readonly Capability[] {
  const isUsed = effect !== 'approval_needed' || aegis?.consumable === true;
  const lacks = (name: string): boolean =>
    (name === 'consume' && !isUsed) || ((name === 'types' || name === AMEND) && wireTypes === 'string');
  return readCapabilities((aegis?.capabilities ?? []).filter((name) => !lacks(name))) as readonly Capability[];
}

function lacksDigest({ final_decision: { sanitize: change } }: WireDecision, capability: Capability): boolean {
  return capability === EFFECTIVE_DIGEST && typeof change?.params === 'object' && typeof change.effective_digest !== 'string';
}

/** The first header of an answer that echoes another call than this one; undefined where each is equal or absent. */
export function echoMismatch(
  headers: Headers,
  { callId, paramsDigest }: Pick<DecisionRequest, 'callId' | 'paramsDigest'>,
): string | undefined {
  const differs = ([name, sent]: readonly [string, string]): boolean => {
    const echoed = headers.get(name);
    return echoed !== null && echoed !== sent;
  };
  return ([[NONCE_HEADER, callId] as const, [DIGEST_HEADER, paramsDigest] as const].find(differs) ?? [])[0];
}

type CommonFields = Omit<Decision, 'effect' | 'params' | 'message' | 'approvalId' | 'expiresAtMs' | 'offers'>;

const SANITIZE = 'final_decision.sanitize';
const NO_PREVIEW = 'The decision service wants a preview of this call, and was given none that it takes.';
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
  if (!isEffect(final.effect)) return { ...fields, effect: 'deny', reason: final.effect === PREVIEW_NEEDED ? NO_PREVIEW : UNKNOWN_EFFECT };
  if (final.effect === 'deny') {
    const { retry_at: retryAt, code } = final;
    const retry = typeof retryAt === 'string' && { retryAtMs: Date.parse(retryAt) };
    return { ...fields, effect: 'deny', ...retry, ...(isDenialCode(code) && { code }) };
  }

  const params = effectiveParams(final.sanitize, request);
  const digest = final.sanitize?.effective_digest ?? undefined;
  if (digest !== undefined && digest !== canonicalDigest(wireForm(params ?? request.params))) return undefined;
  const message = final.sanitize?.message ?? undefined;
  const grant = {
    ...(typeof final.grant_id === 'string' && { grantId: final.grant_id }),
    // it does not say which
    ...(final.limited === true && { limits: [] }),
  };
  switch (final.effect) {
    case 'allow':
      if (params !== undefined) throw malformed(`${SANITIZE} changes params although the effect is allow`);
      return { ...fields, ...grant, effect: 'allow' };
    case 'sanitize':
      if (params === undefined) throw malformed(`${SANITIZE}.params is missing although the effect is sanitize`);
      return { ...fields, ...grant, effect: 'sanitize', params, message };
    case 'approval_needed': {
      const expires = answer.aegis?.expires_at ?? undefined;
      const expiresAtMs = expires === undefined ? undefined : Date.parse(expires);
      return {
        ...fields,
        effect: 'approval_needed',
        params,
        message,
        approvalId: final.approval_id ?? undefined,
        expiresAtMs,
        offers: offersOf(answer, request.wireTypes),
      };
    }
  }
}

/** What is wanted is believed as a decision is: params that are not what the server decided on are not previewed. */
function previewFor(answer: WireDecision, request: DecisionRequest): Params | undefined {
  const { effect, sanitize } = answer.final_decision;
  if (effect !== PREVIEW_NEEDED) return undefined;
  const params = effectiveParams(sanitize, request) ?? request.params;
  const digest = sanitize?.effective_digest ?? undefined;
  return digest === undefined || digest === canonicalDigest(wireForm(params)) ? params : undefined;
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
