import type { EntityValue, RecordValue, Value } from '../value/Value.js';
import type { EntityGraph } from '../value/EntityGraph.js';
import type { Caller } from '../Evaluator.js';
import type { StepBudget } from '../value/StepBudget.js';

/** A request while policies are evaluated on it. */
export class EvaluationContext {
  readonly principal: EntityValue;
  readonly action: EntityValue;
  readonly resource: EntityValue;
  readonly entities: EntityGraph;
  readonly context: RecordValue;
  readonly budget: StepBudget;
  /** The first thing that went wrong in the current policy. */
  problem: string | undefined = undefined;
  /** Whether that was a null in the params. */
  readsNull = false;

  constructor({ principal, action, resource, entities }: Caller, context: RecordValue, budget: StepBudget) {
    this.principal = principal;
    this.action = action;
    this.resource = resource;
    this.entities = entities;
    this.context = context;
    this.budget = budget;
  }

  /** Notes an error of the policy, unless one is noted already: the first error causes those that follow. */
  fail(problem: string): undefined {
    this.problem ??= problem;
    return undefined;
  }
}

/** A part of a policy. Returns undefined for an error, because throwing is slow. */
export type Run = (request: EvaluationContext) => Value | undefined;

/** A compiled expression. */
export interface Expression {
  readonly run: Run;
  /** Its value, if that is the same for every request. */
  readonly constant?: Value | undefined;
  /** Names of an attribute below `context`, if it is one. */
  readonly path?: readonly string[] | undefined;
  /** Whether it gives a Boolean whenever it gives anything. */
  readonly boolean?: true | undefined;
}

/** Compiles a part of a policy. @throws Uncompilable */
export type Compile = (node: unknown) => Expression;

/** Compiles one kind of node: its content, and the whole node for what is said of it. @throws Uncompilable */
export type CompileKind = (content: unknown, compile: Compile, node: unknown) => Expression;

/** An expression that is always the same value. */
export function constant(value: Value): Expression {
  return { run: () => value, constant: value };
}
