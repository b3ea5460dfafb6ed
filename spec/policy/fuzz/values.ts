import { useCedar } from '../../../lib/policy/wasm/CedarWasm.js';
import { EntityValue, IpValue, NullValue, QuantityValue, SetValue, type Value } from '../../../lib/policy/value/Value.js';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import { ExpressionCompiler } from '../../../lib/policy/compile/expression.js';
import { EvaluationContext } from '../../../lib/policy/compile/EvaluationContext.js';
import { longLiterals } from '../../../lib/policy/compile/compilePolicy.js';
import { Uncompilable } from '../../../lib/policy/compile/exactFields.js';
import { decimalText } from '../../../lib/policy/value/literals.js';
import { readRecord } from '../../../lib/policy/value/readValue.js';
import { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { wasmEvaluator } from '../../../lib/policy/wasm/wasmEvaluator.js';
import { policyOf } from './cases.js';
import { literal, Random } from './random.js';
import { randomCaller, randomContext } from './requests.js';
import { KINDS, TypedExpressions } from './typed.js';
import { untypedExpression } from './untyped.js';

/** What a run over values saw. */
export interface ValueCounts {
  expressions: number;
  errors: number;
  differences: string[];
}

/** Compiles expressions, and asks cedar-wasm whether each has the very value that it was found to have. */
export function fuzzValues(seed: number, expressions: number): ValueCounts {
  const random = new Random(seed);
  const typed = new TypedExpressions(random);
  const counts: ValueCounts = { expressions: 0, errors: 0, differences: [] };
  while (counts.expressions < expressions) {
    const caller = randomCaller(random);
    const raw = randomContext(random, random.chance(0.7));
    const context = readRecord(raw);
    const policies = [];
    const wanted = { reasons: [] as string[], errors: [] as string[] };
    while (policies.length < 16) {
      const depth = 1 + random.below(3);
      const text = random.chance(0.7) ? typed.expression(random.pick(KINDS), depth) : untypedExpression(random, depth);
      const node = expressionJson(text);
      if (node === undefined) continue;
      const value = valueOf(text, node, new EvaluationContext(caller, context, new StepBudget()));
      if (value === 'not compiled') continue;
      const id = `p${String(policies.length).padStart(2, '0')}`;
      const policy = policyOf(
        id,
        `permit (principal, action, resource) when { (${text}) == ${value === undefined ? 1 : cedarText(value)} };`,
      );
      if (policy === undefined) continue;
      policies.push(policy);
      (value === undefined ? wanted.errors : wanted.reasons).push(id);
    }
    counts.expressions += policies.length;
    counts.errors += wanted.errors.length;
    for (const make of [wasmEvaluator, compiledEvaluator]) {
      const evaluator = make(policies);
      const { reasons, errors } = evaluator.forCaller(caller).evaluate(context, new StepBudget());
      const got = { reasons: reasons.map(({ id }) => id), errors: errors.map(({ policy }) => policy.id).sort() };
      if (JSON.stringify(got) !== JSON.stringify(wanted)) {
        const odd = policies.filter(({ id }) => got.reasons.includes(id) !== wanted.reasons.includes(id) || got.errors.includes(id) !== wanted.errors.includes(id)); // prettier-ignore
        counts.differences.push(`${make.name}: ${odd.map(({ text }) => text).join('\n')}\n${String(raw['system'])} ${JSON.stringify(raw, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v))}`); // prettier-ignore
      }
      evaluator.release?.();
    }
  }
  return counts;
}

function valueOf(text: string, node: unknown, request: EvaluationContext): Value | undefined {
  try {
    return new ExpressionCompiler(longLiterals(text)).compile(node).run(request);
  } catch (error) {
    if (error instanceof Uncompilable) return 'not compiled';
    throw error;
  }
}

function expressionJson(text: string): unknown {
  const parsed = useCedar((cedar) => cedar.policyToJson(`permit (principal, action, resource) when { (${text}) == 1 };`));
  if (parsed.type !== 'success') return undefined;
  const [condition] = parsed.json.conditions;
  return condition === undefined ? undefined : (condition.body as { '==': { left: unknown } })['=='].left;
}

function cedarText(value: Value): string {
  switch (typeof value) {
    case 'string':
      return literal(value);
    case 'object':
      if (value instanceof EntityValue) return `${value.type}::${literal(value.id)}`;
      if (value instanceof SetValue) return `[${value.items.map(cedarText).join(', ')}]`;
      if (value instanceof IpValue) return `ip("${address(value)}/${value.prefix}")`;
      if (value instanceof NullValue) throw new TypeError('no expression is null');
      if (!(value instanceof QuantityValue)) return `{${value.names.map((name, i) => `${literal(name)}: ${cedarText(value.fields[i] as Value)}`).join(', ')}}`; // prettier-ignore
      if (value.kind === 'decimal') return `decimal("${decimalText(value.amount)}")`;
      return value.kind === 'duration' ? `duration("${value.amount}ms")` : `datetime("1970-01-01").offset(duration("${value.amount}ms"))`;
    default:
      return String(value);
  }
}

function address({ version, address: bits }: IpValue): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
  return Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');
}
