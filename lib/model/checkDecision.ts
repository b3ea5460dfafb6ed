import type { Decision, DecisionRequest } from './Decision.js';
import { publishDiagnostic } from './diagnostics.js';
import { DecisionUnavailableError } from './errors/ServiceErrors.js';

const MAX_ID_LENGTH = 512;

/**
 * Believes an answer only if it is one, and for this call. An effect nobody knows becomes a deny.
 *
 * @throws DecisionUnavailableError
 */
export function checkDecision(decision: unknown, request: DecisionRequest): Decision {
  if (typeof decision !== 'object' || decision === null) throw malformed('it is no object');
  const { decisionId, effect, agentId, toolName, params } = decision as Partial<Record<string, unknown>>;
  if (typeof decisionId !== 'string' || decisionId === '' || decisionId.length > MAX_ID_LENGTH) throw malformed('it has no decisionId');
  if (agentId !== undefined && agentId !== request.agentId) throw swapped(request, decisionId, 'agent');
  if (toolName !== undefined && toolName !== request.toolName) throw swapped(request, decisionId, 'tool');
  switch (effect) {
    case 'allow':
      if (params !== undefined) throw malformed('an allow cannot replace params');
      break;
    case 'sanitize':
      if (!isRecord(params)) throw malformed('a sanitize needs the complete params');
      break;
    case 'approval_needed':
      if (params !== undefined && !isRecord(params)) throw malformed('the params of an approval are no object');
      break;
    case 'deny':
      break;
    default:
      return { effect: 'deny', decisionId, reason: 'The decision has an effect that this version does not know.' };
  }
  return decision as Decision;
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(why: string): DecisionUnavailableError {
  return new DecisionUnavailableError('malformed', `The decision cannot be believed: ${why}.`);
}

function swapped({ agentId, toolName }: DecisionRequest, decisionId: string, what: string): DecisionUnavailableError {
  const message = `The decision is for another ${what} than was asked about.`;
  publishDiagnostic({ kind: 'security', code: 'decision_echo_mismatch', message, agentId, toolName, decisionId });
  return new DecisionUnavailableError('echo_mismatch', message);
}
