import type { Params } from '../model/Params.js';
import type { EntityValue, RecordValue } from './value/Value.js';
import type { EntityGraph } from './value/EntityGraph.js';
import type { Policy } from './Policy.js';
import type { StepBudget } from './value/StepBudget.js';

/** Who wants to do what: the part of a request that many calls share. */
export interface Caller {
  readonly principal: EntityValue;
  readonly action: EntityValue;
  readonly resource: EntityValue;
  readonly entities: EntityGraph;
}

/** A policy that could not be evaluated. Cedar itself skips such a policy; Aegis denies the call. */
export interface EvaluationError {
  readonly policy: Policy;
  /** For logs only: may quote attributes. */
  readonly message: string;
  /** It reads a parameter that is null. */
  readonly readsNull?: boolean | undefined;
  /** The message names expressions of the policy and kinds of values, and no value. */
  readonly plain?: boolean | undefined;
}

/** Cedar's plain answer: two effects, in its own semantics. */
export interface Evaluation {
  readonly decision: 'allow' | 'deny';
  /** On allow the permits that match, on deny the forbids that match: if there are none, nothing permits the call. Ordered by id. */
  readonly reasons: readonly Policy[];
  readonly errors: readonly EvaluationError[];
  /** The permits that match although a forbid stops the call, ordered by id; absent if the evaluator cannot tell. */
  readonly permits?: readonly Policy[] | undefined;
}

/** An evaluator of some policies, bound to one caller. It evaluates them on the context of one call after another. */
export interface BoundEvaluator {
  /**
   * Evaluates all the policies.
   *
   * @throws Error if they cannot be evaluated; the engine then denies the call
   */
  evaluate(context: RecordValue, budget: StepBudget): Evaluation;
  /**
   * Evaluates the permits alone: tells whether anything permits a call that a forbid stops.
   *
   * @throws Error if they cannot be evaluated; the engine then denies the call
   */
  evaluatePermits(context: RecordValue, budget: StepBudget): Evaluation;
}

/** Evaluates the policies of one call on params that may differ from the call's. */
export interface ParamsEvaluator {
  evaluate(params: Params): Evaluation;
  evaluatePermits(params: Params): Evaluation;
}

/** Evaluates a fixed set of policies in Cedar's own semantics. Aegis's four effects are decided on top of it. */
export interface Evaluator {
  /** Does the work that does not depend on the context. The result is worth keeping. */
  forCaller(caller: Caller): BoundEvaluator;
  /** Frees the memory it holds outside the JavaScript heap. It can still be used, and then allocates again. */
  release?(): void;
}

/** Makes an evaluator of some policies. Cheap: costly work waits for the first caller. */
export type MakeEvaluator = (policies: readonly Policy[]) => Evaluator;
