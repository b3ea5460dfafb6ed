// The answer of `GET /v1/decision/{id}/status`: a server writes it, a client reads it.
import * as v from 'valibot';
import type { DecisionStatus } from '../../model/Decision.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { readApprovalStatus } from './approvalStatus.js';
import { optionalText, readAnswer } from './readWire.js';

interface WireStatus {
  readonly decision_id: string;
  readonly status: string;
  readonly effect?: string | null | undefined;
  readonly outcome?: unknown;
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly params?: unknown;
  readonly types?: unknown;
  readonly digest?: unknown;
}

const statusAnswer: v.GenericSchema<unknown, WireStatus> = /* @__PURE__ */ (() =>
  v.object({
    decision_id: v.string(),
    status: v.string(),
    effect: optionalText,
    outcome: v.optional(v.unknown()),
    reason: v.optional(v.unknown()),
    code: v.optional(v.unknown()),
    params: v.optional(v.unknown()),
    types: v.optional(v.unknown()),
    digest: v.optional(v.unknown()),
  }))();

/**
 * Reads where an approval stands. A status or effect that the protocol does not know is `invalid`.
 *
 * @param full whether the server is one that also says what became of the approval, in `outcome`
 * @throws DecisionUnavailableError `malformed` or `duplicate_key`, naming the place and what was expected, never what was there
 */
export function readStatusAnswer(body: string, full = false): DecisionStatus {
  const { decision_id, status, effect, outcome, reason, code, ...edited } = readAnswer(statusAnswer, body);
  const decisionId = decision_id;
  if (full && typeof outcome === 'string') {
    const why = typeof reason === 'string' ? reason : undefined;
    return readApprovalStatus({
      decision_id,
      status,
      effect: effect ?? '',
      outcome,
      reason: why,
      code: code === 'halted' ? code : undefined,
      ...edited,
    });
  }
  return { decisionId, state: stateOf(status, effect) };
}

function stateOf(status: string, effect: string | null | undefined): DecisionStatus['state'] {
  if (status === 'PENDING') return 'pending';
  if (status !== 'OK') return 'invalid';
  return effect === 'allow' ? 'approved' : effect === 'deny' ? 'denied' : 'invalid';
}

/**
 * Writes where an approval stands. The protocol has no word for `expired`: it is written as a denial.
 *
 * @throws NotFoundError for `invalid`: no such approval
 */
export function writeStatusAnswer({ decisionId, state }: DecisionStatus, requestId: string): string {
  const answer = (status: 'PENDING' | 'OK', effect: string): string =>
    JSON.stringify({ decision_id: decisionId, status, effect, request_id: requestId });
  switch (state) {
    case 'pending':
      return answer('PENDING', 'approval_needed');
    case 'approved':
      return answer('OK', 'allow');
    case 'denied':
    case 'expired':
      return answer('OK', 'deny');
    case 'invalid':
      throw new NotFoundError('There is no approval with this decision_id.');
  }
}
