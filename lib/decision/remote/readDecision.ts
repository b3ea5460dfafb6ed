import { canonicalDigest } from '../../common/data/canonical.js';
import type { Decision, DecisionRequest, Effect, Violation } from '../../model/Decision.js';
import { frozenCopy } from '../../model/snapshot/copyData.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { Params } from '../../model/Params.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import { wireForm } from './wire.js';
import type { WireDecision } from './wire.js';

type WireSanitize = NonNullable<WireDecision['final_decision']['sanitize']>;
type CommonFields = Omit<Decision, 'effect' | 'params' | 'message' | 'approvalId' | 'expiresAtMs'>;

const SANITIZE = 'final_decision.sanitize';
const UNKNOWN_EFFECT = 'The decision service demands an effect this version does not know.';

/**
 * The decision a valid answer stands for. Its params are the complete ones the call would run with: the call's own, over which the answer's
 * `sanitize.params` are laid key by key, less those named in `sanitize.removed`. An effect that is none of the four is a deny.
 *
 * Two fields go beyond the hosted protocol, for services that know the capability `effective-digest`: `final_decision.sanitize.removed`, the
 * names of params to leave out, which the guard has to allow; and `final_decision.sanitize.effective_digest`, the SHA-256 (64 hex digits) over
 * the canonical form of the complete effective params in their wire form. Where it is given, ours has to be equal.
 *
 * @returns undefined where the answer's digest is not ours: it was made for other params
 * @throws DecisionUnavailableError `malformed`
 */
export function readDecision(answer: WireDecision, request: DecisionRequest): Decision | undefined {
  const final = answer.final_decision;
  const fields: CommonFields = {
    decisionId: answer.decision_id,
    agentId: answer.agent_id,
    toolName: answer.tool,
    requestId: answer.request_id,
    tenantId: answer.tenant_id ?? undefined,
    reason: final.reason ?? undefined,
    violations: final.violations?.map(violation),
    policyEvaluations: answer.policy_evaluations ?? undefined,
    latencyMs: answer.latency_ms,
  };
  if (!isEffect(final.effect)) return { ...fields, effect: 'deny', reason: UNKNOWN_EFFECT };
  if (final.effect === 'deny') return { ...fields, effect: 'deny' };

  const params = replacedParams(final.sanitize, request);
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
function replacedParams(sanitize: WireSanitize | null | undefined, request: DecisionRequest): Params | undefined {
  const params = sanitize?.params ?? undefined;
  const removed = sanitize?.removed ?? [];
  return params === undefined && removed.length === 0 ? undefined : overlay(request, params ?? {}, removed);
}

function overlay(request: DecisionRequest, params: unknown, removed: readonly string[]): Params {
  const replaced = frozenCopy(readParams(params));
  // spread defines own keys, and none of them is a forbidden one
  const effective: Record<string, unknown> = { ...request.params, ...replaced };
  for (const name of removed) {
    if (!request.removable.includes(name)) throw malformed(`${SANITIZE}.removed names a param that the guard does not let go`);
    if (Object.hasOwn(replaced, name)) throw malformed(`${SANITIZE} both replaces and removes a param`);
    delete effective[name];
  }
  return Object.freeze(effective);
}

/** The snapshot's own rules: no forbidden key anywhere, finite numbers, the limits of any params. */
function readParams(params: unknown): Params {
  try {
    return takeSnapshot(params).value as Params;
  } catch {
    throw malformed(`${SANITIZE}.params cannot be params: a forbidden key, a number that is not finite, or too much of it`);
  }
}

function violation(wire: NonNullable<WireDecision['final_decision']['violations']>[number]): Violation {
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
