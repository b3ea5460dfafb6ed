import type { CedarEntity, CedarRecord, CedarUid } from './CedarValue.js';
import type { Policy } from './Policy.js';

/** One question to Cedar. */
export interface CedarRequest {
  readonly principal: CedarUid;
  readonly action: CedarUid;
  readonly resource: CedarUid;
  /** Made by `toCedar`. */
  readonly context: CedarRecord;
  readonly entities: readonly CedarEntity[];
}

/** A policy that could not be evaluated. Cedar itself passes over such a policy; here it denies. */
export interface EvaluationError {
  readonly policy: Policy;
  /** For logs only: may quote attributes. */
  readonly message: string;
}

/** Cedar's plain answer: two effects, in its own semantics. */
export interface Evaluation {
  readonly decision: 'allow' | 'deny';
  /** For allow the permits that match, for deny the forbids that match: none means that nothing permits. */
  readonly reasons: readonly Policy[];
  readonly errors: readonly EvaluationError[];
}

/**
 * Answers requests from a fixed set of policies. The seam between our four effects and whatever evaluates Cedar.
 *
 * @throws whatever goes wrong: the caller denies
 */
export interface Evaluate {
  (request: CedarRequest): Evaluation;
  /** Frees what it holds outside the JavaScript heap. It may still be called; it then takes it anew. */
  readonly release?: (() => void) | undefined;
}

/** Makes an evaluator for some policies. Cheap: whatever is costly waits for the first request. */
export type MakeEvaluate = (policies: readonly Policy[]) => Evaluate;
