import type { EntityValue, RecordValue } from './value/Value.js';
import type { EntityGraph } from './value/EntityGraph.js';
import type { Policy } from './Policy.js';
import type { StepBudget } from './value/StepBudget.js';

/** Who asks, to do what: the part of a request that many calls share. */
export interface Caller {
  readonly principal: EntityValue;
  readonly action: EntityValue;
  readonly resource: EntityValue;
  readonly entities: EntityGraph;
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
  /** For allow the permits that match, for deny the forbids that match: none means that nothing permits. Ordered by id. */
  readonly reasons: readonly Policy[];
  readonly errors: readonly EvaluationError[];
}

/**
 * Answers one caller.
 *
 * @throws whatever goes wrong: the caller denies
 */
export type Ask = (context: RecordValue, budget: StepBudget) => Evaluation;

/** Some policies, ready to answer one caller. */
export interface Answers {
  readonly all: Ask;
  /** The permits alone: tells whether something permits a call that a forbid stops. */
  readonly permits: Ask;
}

/** Evaluates a fixed set of policies. The seam between our four effects and whatever evaluates Cedar. */
export interface Evaluator {
  /** Does what can be done before the context is known: worth keeping. */
  forCaller(caller: Caller): Answers;
  /** Frees what it holds outside the JavaScript heap. It may still be used; it then takes it anew. */
  release?(): void;
}

/** Makes an evaluator of some policies. Cheap: whatever is costly waits for the first caller. */
export type MakeEvaluator = (policies: readonly Policy[]) => Evaluator;
