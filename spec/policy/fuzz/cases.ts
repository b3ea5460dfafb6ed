import { useCedar } from '../../../lib/policy/wasm/CedarWasm.js';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import { compilePolicy } from '../../../lib/policy/compile/compilePolicy.js';
import type { BoundEvaluator, Evaluation } from '../../../lib/policy/Evaluator.js';
import { MAX_POLICY_COST, policyCost } from '../../../lib/policy/parse/policyCost.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { readRecord } from '../../../lib/policy/value/readValue.js';
import { scanCedar } from '../../../lib/policy/parse/tokens.js';
import { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { wasmEvaluator } from '../../../lib/policy/wasm/wasmEvaluator.js';
import { probe } from './probes.js';
import { Random } from './random.js';
import { randomCaller, randomContext } from './requests.js';
import { TypedExpressions } from './typed.js';
import { untypedExpression } from './untyped.js';

/** What a fuzz run saw. */
export interface FuzzCounts {
  requests: number;
  policies: number;
  allowed: number;
  /** Requests on which no policy erred. */
  withoutError: number;
  /** Policies that cedar-wasm does not parse, or that are too deep for it: not used. */
  refusedPolicies: number;
  /** Policies with something that is not compiled. */
  uncompiledPolicies: number;
  /** Requests that cedar-wasm refused: not compared. */
  refusedRequests: number;
  differences: string[];
}

const REQUESTS_PER_SET = 24;

/** What policies are made of: expressions that mostly evaluate, any expressions, or many small ones about details. */
export type FuzzKind = 'well-typed' | 'arbitrary' | 'probing';

function noCounts(): FuzzCounts {
  return { requests: 0, policies: 0, allowed: 0, withoutError: 0, refusedPolicies: 0, uncompiledPolicies: 0, refusedRequests: 0, differences: [] }; // prettier-ignore
}

/** Asks random policies random requests, both ways. */
export function fuzzEvaluation(seed: number, requests: number, kind: FuzzKind): FuzzCounts {
  const random = new Random(seed);
  const counts = noCounts();
  while (counts.requests < requests) {
    const policies = randomPolicies(random, kind, counts);
    const wasm = wasmEvaluator(policies);
    const compiled = compiledEvaluator(policies);
    const requestsPerSet = kind === 'probing' ? 4 : REQUESTS_PER_SET;
    for (let i = 0; i < requestsPerSet; i += 4) {
      const caller = randomCaller(random);
      const [truths, answers] = [wasm.forCaller(caller), compiled.forCaller(caller)];
      for (let j = 0; j < 4; j++) compare(truths, answers, randomContext(random, kind === 'well-typed'), policies, counts);
    }
    wasm.release?.();
    compiled.release?.();
  }
  return counts;
}

function compare(
  truths: BoundEvaluator,
  answers: BoundEvaluator,
  raw: Record<string, unknown>,
  policies: readonly Policy[],
  counts: FuzzCounts,
): void {
  const context = readRecord(raw);
  let truth: Evaluation;
  try {
    truth = truths.evaluate(context, new StepBudget());
  } catch {
    counts.refusedRequests += 1;
    return;
  }
  const answer = answers.evaluate(context, new StepBudget());
  counts.requests += 1;
  if (truth.errors.length === 0) counts.withoutError += 1;
  if (truth.decision === 'allow') counts.allowed += 1;
  const [wanted, got] = [summary(truth), summary(answer)];
  if (wanted === got) return;
  const input = JSON.stringify(raw, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  counts.differences.push(`cedar-wasm ${wanted}, compiled ${got}\n${policies.map(({ text }) => text).join('\n')}\n${input}`);
}

function summary({ decision, reasons, errors }: Evaluation): string {
  return `${decision} by ${reasons.map(({ id }) => id).join()} errors ${errors.map(({ policy }) => policy.id).sort().join()}`; // prettier-ignore
}

/** Compiled policies of a kind. */
export function randomPolicies(random: Random, kind: FuzzKind, counts: FuzzCounts = noCounts()): Policy[] {
  const expressions = new TypedExpressions(random);
  const policies: Policy[] = [];
  const wanted = kind === 'probing' ? 40 : 1 + random.below(16);
  while (policies.length < wanted) {
    const depth = 1 + random.below(random.chance(0.1) ? 7 : 3);
    const condition = (): string => {
      const body = kind === 'well-typed' ? expressions.bool(depth) : random.chance(0.3) ? probe(random) : untypedExpression(random, depth);
      return `${random.chance(0.7) ? 'when' : 'unless'} { ${body} }`;
    };
    const text =
      kind === 'probing'
        ? `permit (principal, action, resource) when { ${probe(random)} };`
        : `${random.chance(0.5) ? 'permit' : 'forbid'} (${randomScope(random)}) ${random.list(random.chance(0.8) ? 1 : 3, condition).join(' ')};`;
    const policy = policyOf(`p${policies.length}`, text);
    if (policy === undefined) {
      counts.refusedPolicies += 1;
      continue;
    }
    counts.policies += 1;
    // cedar-wasm would answer for all the others too
    if (compilePolicy(policy) === undefined) counts.uncompiledPolicies += 1;
    else policies.push(policy);
  }
  return policies;
}

function randomScope(random: Random): string {
  if (random.chance(0.5)) return 'principal, action, resource';
  const principal = random.pick(['', '', '', '== Aegis::Agent::"bot"', 'in Aegis::Role::"r5"', 'is Aegis::Agent', 'is Aegis::Agent in Aegis::Role::"r0"', 'is Aegis::Agent::Admin', 'in Aegis::Agent::Admin::"x"', '== Aegis::Agent::"\\u{1f600}"']); // prettier-ignore
  const action = random.pick(['', '', '', '== Aegis::Action::"t"', 'in Aegis::Action::"g"', 'in [Aegis::Action::"g", Aegis::Action::"u"]', 'in []', '== Action::"t"']); // prettier-ignore
  const resource = random.pick(['', '', '', 'is T', '== A::B::"x"', '== A::"B::x"', 'in A::B::"x"', 'is A in A::"B::x"']);
  return `principal ${principal}, action ${action}, resource ${resource}`;
}

/** Past the checks of policy files, which know our own entity types only. */
export function policyOf(id: string, text: string): Policy | undefined {
  if (policyCost(scanCedar(text)) > MAX_POLICY_COST) return undefined;
  const parsed = useCedar((cedar) => cedar.policyToJson(text));
  if (parsed.type !== 'success') return undefined;
  const effect = parsed.json.effect === 'permit' ? 'permit' : 'deny';
  const applied = { id, hash: '', effect } as const;
  return { id, effect, applied, text, json: parsed.json, action: { kind: 'any' }, groupsAsked: [], operations: [], limit: undefined, mayPermit: false, observeUntilMs: undefined, file: 'a', line: 1, column: 1 }; // prettier-ignore
}
