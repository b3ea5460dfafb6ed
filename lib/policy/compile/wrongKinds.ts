import { EntityValue, holdsNull, IpValue, NULL, QuantityValue, RecordValue, SetValue, type Value } from '../value/Value.js';
import type { EvaluationContext } from './EvaluationContext.js';

/** Longer expressions are cut: the start says which one it is. */
const SHOWN = 120;
/** Deeper parts of an expression are left out. */
const SHOWN_DEPTH = 8;

const READS_NULL = 'reads a parameter that is null';

/** What kind of Cedar value it is, in a sentence. Never the value. */
export function kindOf(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'a Boolean';
    case 'string':
      return 'a String';
    case 'object':
      if (value instanceof QuantityValue) return `a ${value.kind}`;
      if (value instanceof SetValue) return 'a Set';
      if (value instanceof RecordValue) return 'a Record';
      if (value instanceof IpValue) return 'an ipaddr';
      return value instanceof EntityValue ? 'an entity' : 'null';
    default:
      return 'a Long';
  }
}

/** Notes that an expression has operands of the wrong kind. An operand that failed has noted its own problem, which stays. */
export function wrongKinds(n: EvaluationContext, node: unknown, needed: string, ...operands: readonly (Value | undefined)[]): undefined {
  if (n.problem !== undefined) return undefined;
  const kinds = operands.filter((value) => value !== undefined).map(kindOf);
  return n.fail(`\`${sourceOf(node)}\` needs ${needed}, and got ${kinds.join(' and ')}`);
}

/** Notes that what an expression depends on is null. */
export function nullRead(n: EvaluationContext, node: unknown): undefined {
  if (n.problem === undefined) n.readsNull = true;
  return n.fail(`\`${sourceOf(node)}\` ${READS_NULL}`);
}

/** Whether an expression that looks at the whole of these would look at a null. */
export function dependsOnNull(a: Value, b: Value = NULL): boolean {
  return (typeof a === 'object' && holdsNull(a)) || (b !== NULL && typeof b === 'object' && holdsNull(b));
}

/** An expression of Cedar's JSON in Cedar's own words, shortened: for people who look for it in a policy. */
export function sourceOf(node: unknown): string {
  const text = written(node, 0);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1)}…`;
}

const METHODS: ReadonlySet<string> = new Set(['contains', 'containsAll', 'containsAny', 'isEmpty', 'getTag', 'hasTag']);

function written(node: unknown, depth: number): string {
  const [kind, content] = Object.entries(node as object)[0] as [string, unknown];
  if (depth > SHOWN_DEPTH) return '…';
  const part = (of: unknown): string => written(of, depth + 1);
  if (kind === 'Var') return String(content);
  if (kind === 'Value') return typeof content === 'object' ? 'an entity' : JSON.stringify(content);
  if (Array.isArray(content))
    return `${kind === 'Set' ? '' : kind}${kind === 'Set' ? '[' : '('}${content.map(part).join(', ')}${kind === 'Set' ? ']' : ')'}`;
  const { left, right, attr, arg } = content as Readonly<Record<string, unknown>>;
  if (kind === '.') return `${part(left)}.${String(attr)}`;
  if (kind === 'has') return `${part(left)} has ${[attr].flat().join('.')}`;
  if (METHODS.has(kind)) return `${part(left ?? arg)}.${kind}(${right === undefined ? '' : part(right)})`;
  if (arg !== undefined) return `${kind === 'neg' ? '-' : kind}${part(arg)}`;
  if (left === undefined) return kind === 'Record' ? '{…}' : 'if …';
  return right === undefined ? `${part(left)} ${kind} …` : `${part(left)} ${kind} ${part(right)}`;
}
