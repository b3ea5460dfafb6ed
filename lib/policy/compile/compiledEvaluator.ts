import type { RecordValue } from '../value/Value.js';
import { type CompiledPolicy, compilePolicy } from './compilePolicy.js';
import type { BoundEvaluator, Caller, Evaluation, EvaluationError, Evaluator } from '../Evaluator.js';
import { EvaluationContext } from './EvaluationContext.js';
import type { Policy } from '../Policy.js';
import type { StepBudget } from '../value/StepBudget.js';
import { wasmEvaluator } from '../wasm/wasmEvaluator.js';

/** Up to this many policies, those whose scope includes a caller are kept for that caller; of more, they are found at each call. */
const KEPT = 256;

const NONE: readonly never[] = Object.freeze([]);

/**
 * Evaluates by functions that policies are compiled to: some hundred times quicker than {@link wasmEvaluator}, which does it where one of the
 * policies has something that is not compiled. Compiled policies are exact for every request, so no evaluation is handed to cedar-wasm half-way.
 */
export function compiledEvaluator(policies: readonly Policy[]): Evaluator {
  let chosen: Evaluator | undefined;
  return {
    forCaller: (caller) => (chosen ??= evaluatorOf(policies)).forCaller(caller),
    release: () => chosen?.release?.(),
  };
}

function evaluatorOf(policies: readonly Policy[]): Evaluator {
  const compiled: CompiledPolicy[] = [];
  for (const policy of policies) {
    const one = compilePolicy(policy);
    if (one === undefined) return wasmEvaluator(policies);
    compiled.push(one);
  }
  // so that reasons are ordered by id without sorting them at each call
  compiled.sort((a, b) => (a.policy.id < b.policy.id ? -1 : 1));
  const permits = compiled.filter(({ policy }) => policy.effect === 'permit');
  return { forCaller: (caller) => new BoundPolicies(compiled, permits, caller) };
}

/** A class, not closures: calls of methods stay quick however many policy sets and callers there are. */
class BoundPolicies implements BoundEvaluator {
  readonly #all: Applicable | undefined;
  readonly #permits: Applicable | undefined;
  readonly #source: { readonly all: readonly CompiledPolicy[]; readonly permits: readonly CompiledPolicy[] };
  readonly #caller: Caller;

  constructor(all: readonly CompiledPolicy[], permits: readonly CompiledPolicy[], caller: Caller) {
    this.#source = { all, permits };
    this.#caller = caller;
    this.#all = all.length > KEPT ? undefined : inScopeOf(all, caller);
    this.#permits = permits.length > KEPT ? undefined : inScopeOf(permits, caller);
  }

  evaluate(context: RecordValue, budget: StepBudget): Evaluation {
    return evaluate(this.#all ?? inScopeOf(this.#source.all, this.#caller), this.#caller, context, budget);
  }

  evaluatePermits(context: RecordValue, budget: StepBudget): Evaluation {
    return evaluate(this.#permits ?? inScopeOf(this.#source.permits, this.#caller), this.#caller, context, budget);
  }
}

/** The policies whose scope includes a caller, and the steps that evaluating all of them takes. */
interface Applicable {
  readonly policies: readonly CompiledPolicy[];
  readonly nodes: number;
}

function inScopeOf(all: readonly CompiledPolicy[], caller: Caller): Applicable {
  const policies = all.filter(({ inScope }) => inScope(caller));
  return { policies, nodes: policies.reduce((sum, { nodes }) => sum + nodes, 0) };
}

function evaluate({ policies, nodes }: Applicable, caller: Caller, context: RecordValue, budget: StepBudget): Evaluation {
  budget.take(nodes);
  const request = new EvaluationContext(caller, context, budget);
  let permits: Policy[] | undefined;
  let forbids: Policy[] | undefined;
  let errors: EvaluationError[] | undefined;
  for (let i = 0; i < policies.length; i++) {
    const { policy, holds } = policies[i] as CompiledPolicy;
    const value = holds === undefined || holds(request);
    if (value === undefined) {
      (errors ??= []).push({ policy, message: request.problem as string, readsNull: request.readsNull, plain: true });
      request.problem = undefined;
      request.readsNull = false;
    } else if (value) {
      if (policy.effect === 'permit') (permits ??= []).push(policy);
      else (forbids ??= []).push(policy);
    }
  }
  const decision = forbids === undefined && permits !== undefined ? 'allow' : 'deny';
  return { decision, reasons: forbids ?? permits ?? NONE, errors: errors ?? NONE, permits: permits ?? NONE };
}
