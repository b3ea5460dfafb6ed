import { isRecord } from '../common/data/plainObject.js';
import { readCapabilities } from './Capability.js';
import type {
  ApprovalNeededDecision,
  Decision,
  DecisionRequest,
  DecisionStatus,
  DenyDecision,
  ObservedPolicy,
  SanitizeDecision,
  Violation,
} from './Decision.js';
import { AegisError } from './AegisError.js';
import { isDenialCode } from './terms/DenialCode.js';
import { DecisionUnavailableError } from './errors/ServiceErrors.js';
import { EVIDENCE } from './DecisionEvidence.js';
import { reportSecurity } from './Journal.js';
import type { Journal } from './Journal.js';
import type { Params } from './Params.js';

const MAX_ID_LENGTH = 512;

const STATES: readonly unknown[] = ['pending', 'approved', 'denied', 'expired'] satisfies DecisionStatus['state'][];

type Answer = Partial<Record<string, unknown>>;

/**
 * Accepts an answer only if it is a decision on this call. An unknown effect becomes a deny.
 *
 * @returns a copy of the known fields, so that nothing the service does to its answer later changes what happens
 * @throws DecisionUnavailableError
 */
export function checkDecision(decision: unknown, request: DecisionRequest, journal?: Journal): Decision {
  try {
    const checked = readDecision(decision, request, journal);
    // one property more for each decision, where something reads it
    return journal === undefined ? checked : withEvidence(checked, (decision as Partial<Decision>)[EVIDENCE]);
  } catch (error) {
    if (AegisError.is(error)) throw error;
    throw malformed('reading it threw an error');
  }
}

function withEvidence(decision: Writable<Decision>, evidence: Decision[typeof EVIDENCE]): Decision {
  if (evidence !== undefined) decision[EVIDENCE] = evidence;
  return decision;
}

function readDecision(decision: unknown, request: DecisionRequest, journal: Journal | undefined): Decision {
  if (typeof decision !== 'object' || decision === null) throw malformed('it must be an object');
  const answer = decision as Answer;
  const { decisionId, effect, agentId, toolName, params } = answer;
  if (typeof decisionId !== 'string' || decisionId === '' || decisionId.length > MAX_ID_LENGTH)
    throw malformed(`decisionId must be a string of 1 to ${MAX_ID_LENGTH} characters`);
  if (isGiven(agentId) && agentId !== request.agentId) throw swapped(request, decisionId, 'agent', journal);
  if (isGiven(toolName) && toolName !== request.toolName) throw swapped(request, decisionId, 'tool', journal);
  switch (effect) {
    case 'allow':
      if (isGiven(params)) throw malformed('an allow cannot replace params; use the effect sanitize');
      return fieldsOf(answer, request, decisionId, effect);
    case 'deny':
      return denying(fieldsOf(answer, request, decisionId, effect), answer['code']);
    case 'sanitize':
      if (!isRecord(params)) throw malformed('params of a sanitize must be an object with the complete params');
      return sanitizing(fieldsOf(answer, request, decisionId, effect), answer, params);
    case 'approval_needed': {
      if (isGiven(params) && !isRecord(params)) throw malformed('params of an approval_needed must be an object with the complete params');
      const expiresAtMs = answer['expiresAtMs'];
      if (isGiven(expiresAtMs) && numberOf(expiresAtMs) === undefined)
        throw malformed('expiresAtMs must be a finite number of epoch milliseconds');
      return asking(fieldsOf(answer, request, decisionId, effect), answer, isRecord(params) ? params : undefined, numberOf(expiresAtMs));
    }
    default: {
      const denial: Writable<DenyDecision> = fieldsOf(answer, request, decisionId, 'deny');
      denial.reason = 'The decision has an effect that this version of aegislib does not know. Update aegislib.';
      return denial;
    }
  }
}

/**
 * Copies the status of an approval, reading each field once, so that nothing the service does to its answer later changes what happens. An unknown
 * state is `invalid`.
 *
 * @returns undefined if the answer has no readable decisionId
 */
export function checkStatus(answer: unknown): DecisionStatus | undefined {
  try {
    if (typeof answer !== 'object' || answer === null) return undefined;
    const { decisionId, state, reason, code, by, params, digest } = answer as Partial<Record<keyof DecisionStatus, unknown>>;
    if (typeof decisionId !== 'string') return undefined;
    const status: Writable<DecisionStatus> = {
      decisionId,
      state: STATES.includes(state) ? (state as DecisionStatus['state']) : 'invalid',
      reason: typeof reason === 'string' ? reason : undefined,
      by: typeof by === 'string' ? by : undefined,
    };
    if (code === 'halted' && state === 'denied') status.code = code;
    if (isGiven(params) || isGiven(digest)) {
      // what is no params has no digest that fits
      status.params = isRecord(params) ? params : {};
      status.digest = typeof digest === 'string' ? digest : '';
    }
    return status;
  } catch {
    return undefined;
  }
}

/** The fields common to all decisions; a field of a wrong type is left out. */
function fieldsOf<E extends Decision['effect']>(answer: Answer, request: DecisionRequest, decisionId: string, effect: E) {
  const fields: CommonFields<E> = {
    effect,
    decisionId,
    agentId: isGiven(answer['agentId']) ? request.agentId : undefined,
    toolName: isGiven(answer['toolName']) ? request.toolName : undefined,
    requestId: textOf(answer['requestId']),
    tenantId: textOf(answer['tenantId']),
    reason: textOf(answer['reason']),
    violations: listOf<Violation>(answer['violations']),
    policySetHash: textOf(answer['policySetHash']),
    policyEvaluations: listOf(answer['policyEvaluations']),
    latencyMs: numberOf(answer['latencyMs']),
  };
  const observed = readObserved(answer['observed']);
  if (observed !== undefined) fields.observed = observed;
  const limits = readObserved(answer['limits']);
  if (limits !== undefined) fields.limits = limits;
  const retryAtMs = numberOf(answer['retryAtMs']);
  if (retryAtMs !== undefined) fields.retryAtMs = retryAtMs;
  const grantId = effect === 'allow' || effect === 'sanitize' ? textOf(answer['grantId']) : undefined;
  if (grantId !== undefined) fields.grantId = grantId;
  return fields;
}

type CommonFields<E> = Writable<Omit<DenyDecision, 'effect'>> & { effect: E };

/** The policies that were only watched. What is not a policy is left out. */
function readObserved(value: unknown): readonly ObservedPolicy[] | undefined {
  if (!Array.isArray(value)) return undefined;
  // most are of one: an array that grows by `push` has room for seventeen
  return value.length === 1 ? readPolicy(value[0]) : value.flatMap(readPolicy);
}

function readPolicy(value: unknown): readonly ObservedPolicy[] {
  if (!isRecord(value)) return [];
  const { id, hash } = value;
  return typeof id === 'string' && typeof hash === 'string' ? [{ id, hash }] : [];
}

// Fields are added one by one: V8 gives each object made by a spread with more fields a hidden class of its own, four times the memory.

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function denying(decision: Writable<DenyDecision>, code: unknown): DenyDecision {
  if (isDenialCode(code)) decision.code = code;
  return decision;
}

function sanitizing(fields: ReturnType<typeof fieldsOf<'sanitize'>>, answer: Answer, params: Params): SanitizeDecision {
  const decision = fields as Writable<SanitizeDecision>;
  decision.params = params;
  decision.message = textOf(answer['message']);
  return decision;
}

function asking(
  fields: ReturnType<typeof fieldsOf<'approval_needed'>>,
  answer: Answer,
  params: Params | undefined,
  expiresAtMs: number | undefined,
): ApprovalNeededDecision {
  const decision = fields as Writable<ApprovalNeededDecision>;
  decision.params = params;
  decision.message = textOf(answer['message']);
  decision.approvalId = textOf(answer['approvalId']);
  // the checked value: reading it again may give another
  decision.expiresAtMs = expiresAtMs;
  const offers = readCapabilities(answer['offers']);
  if (offers !== undefined) decision.offers = offers;
  return decision;
}

/** A service in JavaScript may give null for nothing. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function listOf<T>(value: unknown): readonly T[] | undefined {
  return Array.isArray(value) ? (value as readonly T[]) : undefined;
}

function malformed(why: string): DecisionUnavailableError {
  return new DecisionUnavailableError('malformed', `The decision service's answer is not a valid decision: ${why}.`);
}

function swapped(
  { agentId, toolName }: DecisionRequest,
  decisionId: string,
  what: string,
  journal: Journal | undefined,
): DecisionUnavailableError {
  const message = `The decision is for another ${what} than the call's.`;
  reportSecurity(
    { kind: 'security', code: 'decision_echo_mismatch', message, actor: { kind: 'service' }, agentId, toolName, decisionId },
    journal,
  );
  return new DecisionUnavailableError('echo_mismatch', message);
}
