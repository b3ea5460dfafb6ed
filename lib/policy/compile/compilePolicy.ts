import { ExpressionCompiler } from './expression.js';
import { compileScope, type InScope } from './scope.js';
import type { EvaluationContext } from './EvaluationContext.js';
import type { Policy } from '../Policy.js';
import { exactFields, list, Uncompilable } from './exactFields.js';
import type { Long } from '../value/Value.js';
import { toLong } from '../value/longs.js';
import { scanCedar } from '../parse/tokens.js';

/** A policy as functions. */
export interface CompiledPolicy {
  readonly policy: Policy;
  /** Whether its scope includes a caller. Needs no context, and is never an error. */
  readonly inScope: InScope;
  /** Whether its conditions hold for a caller in its scope; undefined is an error, noted in the request. Absent without conditions. */
  readonly holds: ((request: EvaluationContext) => boolean | undefined) | undefined;
  /** How many nodes its conditions have. */
  readonly nodes: number;
}

/** A policy can be in several slices, but is compiled once. */
const compiled = new WeakMap<Policy, CompiledPolicy | Uncompilable>();

/** @returns undefined if the policy has something that cannot be compiled, so that cedar-wasm must evaluate it */
export function compilePolicy(policy: Policy): CompiledPolicy | undefined {
  let known = compiled.get(policy);
  if (known === undefined) {
    known = tryToCompile(policy);
    compiled.set(policy, known);
  }
  return known instanceof Uncompilable ? undefined : known;
}

function tryToCompile(policy: Policy): CompiledPolicy | Uncompilable {
  try {
    return compile(policy);
  } catch (error) {
    if (error instanceof Uncompilable) return error;
    throw error;
  }
}

function compile(policy: Policy): CompiledPolicy {
  const json = exactFields(policy.json, ['effect', 'principal', 'action', 'resource', 'conditions'], ['annotations']);
  if (json.effect !== (policy.effect === 'permit' ? 'permit' : 'forbid')) throw new Uncompilable('the effect is not known');
  const compiler = new ExpressionCompiler(longLiterals(policy.text));
  const conditions = list(json.conditions).map((node) => condition(node, compiler));
  return { policy, inScope: compileScope(json), holds: conjunction(conditions), nodes: compiler.nodes };
}

function condition(node: unknown, compiler: ExpressionCompiler): (request: EvaluationContext) => boolean | undefined {
  const { kind, body } = exactFields(node, ['kind', 'body']);
  if (kind !== 'when' && kind !== 'unless') throw new Uncompilable('a condition is neither when nor unless');
  const { run, boolean } = compiler.compile(body);
  const wanted = kind === 'when';
  if (wanted && boolean === true) return run as (request: EvaluationContext) => boolean | undefined;
  return (n) => {
    const value = run(n);
    return typeof value === 'boolean' ? value === wanted : n.fail('a condition is not a Boolean');
  };
}

/** All conditions, in their order: once one does not hold, the rest are not evaluated. */
function conjunction(conditions: readonly ((request: EvaluationContext) => boolean | undefined)[]): CompiledPolicy['holds'] {
  const [only] = conditions;
  if (conditions.length < 2) return only;
  return (n) => {
    for (const holds of conditions) {
      const value = holds(n);
      if (value !== true) return value;
    }
    return true;
  };
}

/**
 * The Longs that a policy's JSON holds. JSON rounds those beyond 2^53, so they are looked up in the policy's text: exact where only one of its
 * literals rounds to the number, else undefined.
 */
export function longLiterals(policyText: string): (value: number) => Long | undefined {
  return (value) => {
    if (Number.isSafeInteger(value)) return value + 0;
    const written = new Set<bigint>();
    for (const { kind, text } of scanCedar(policyText)) {
      if (kind === 'number' && Number(text) === Math.abs(value)) written.add(BigInt(text));
    }
    const [literal] = written;
    return literal === undefined || written.size > 1 ? undefined : toLong(value < 0 ? -literal : literal);
  };
}
