import { canonicalText } from '../../common/data/canonical.js';
import { didYouMean } from '../../common/didYouMean.js';
import { AGENT, TOOLSET } from '../parse/scope.js';

/** What every call has below `context`, in Aegis; undefined where the call, the program or the host says what is there. */
const CONTEXT: Readonly<Record<string, readonly string[] | undefined>> = {
  input: undefined,
  session: undefined,
  facts: undefined,
  system: ['now'],
};
const TYPES: Readonly<Record<string, string>> = { principal: AGENT, resource: TOOLSET };

/** Before names that are not below `context`. */
const NOWHERE = '';

type Node = Readonly<Record<string, unknown>>;

/**
 * What in the conditions of a policy can never be so, in any call: attributes that no call has, types that nothing has, terms that contradict each
 * other.
 *
 * @param conditions as Cedar's JSON has them
 * @returns a sentence for each finding
 */
export function deadConditions(conditions: readonly { readonly kind: string; readonly body: unknown }[]): readonly string[] {
  const found = new Set<string>();
  const tell = (sentence: string): void => void found.add(sentence);
  for (const { kind, body } of conditions) {
    if (isLiteral(body, kind === 'unless'))
      tell(`A condition \`${kind} { ${kind === 'unless'} }\` never holds, so the policy never applies. Remove it.`);
    look(body, tell);
  }
  contradictions(
    conditions.filter(({ kind }) => kind === 'when').map(({ body }) => body),
    tell,
  );
  return [...found];
}

function look(node: unknown, tell: (sentence: string) => void): void {
  if (typeof node !== 'object' || node === null) return;
  for (const [kind, content] of Object.entries(node)) {
    const { left, right, attr, entity_type: type } = isNode(content) ? content : {};
    if (kind === '.') missing(pathOf(node) ?? [], 'reading it fails, which denies the call', tell);
    if (kind === 'has') missing([...(pathOf(left) ?? [NOWHERE]), ...[attr].flat().map(String)], 'this test is always false', tell);
    if (kind === 'is') wrongType(left, type, tell);
    if (kind === '==') {
      wrongType(left, typeOf(right), tell);
      wrongType(right, typeOf(left), tell);
    }
    if (kind === '&&') contradictions([node], tell);
    look(content, tell);
  }
}

/** An attribute of `context` or `context.system` that no call has. */
function missing(path: readonly string[], effect: string, tell: (sentence: string) => void): void {
  const [first, second] = path;
  if (first === undefined || first === NOWHERE) return;
  const [at, name, known] = Object.hasOwn(CONTEXT, first)
    ? [`context.${first}`, second, CONTEXT[first]]
    : ['context', first, Object.keys(CONTEXT)];
  if (known === undefined || name === undefined || known.includes(name)) return;
  tell(
    `No call has \`${at}.${name}\`, so ${effect}${didYouMean(name, known) || `; there is ${known.map((key) => `\`${at}.${key}\``).join(', ')}`}`,
  );
}

function wrongType(left: unknown, type: unknown, tell: (sentence: string) => void): void {
  const variable = fieldOf(left, 'Var');
  const expected = typeof variable === 'string' && Object.hasOwn(TYPES, variable) ? TYPES[variable] : undefined;
  if (expected !== undefined && typeof type === 'string' && type !== expected)
    tell(`\`${String(variable)}\` is always of type \`${expected}\`, never \`${type}\`, so this test is always false.`);
}

/** Terms that all have to hold, of which two want different literals in one place. */
function contradictions(terms: readonly unknown[], tell: (sentence: string) => void): void {
  const wanted = new Map<string, string>();
  for (const term of terms.flatMap(conjuncts)) {
    const equality = fieldOf(term, '==');
    if (!isNode(equality)) continue;
    for (const [side, other] of [
      ['left', 'right'],
      ['right', 'left'],
    ] as const) {
      const path = pathOf(equality[side]);
      const literal = fieldOf(equality[other], 'Value');
      if (path === undefined || path.length === 0 || literal === undefined) continue;
      const name = ['context', ...path].join('.');
      const text = canonicalText(literal);
      const before = wanted.get(name);
      if (before !== undefined && before !== text)
        tell(`The conditions want \`${name}\` to be two different values at once, so they never hold together.`);
      wanted.set(name, text);
    }
  }
}

function conjuncts(node: unknown): readonly unknown[] {
  const both = fieldOf(node, '&&');
  return isNode(both) ? [...conjuncts(both['left']), ...conjuncts(both['right'])] : [node];
}

/** The names below `context`, if the expression is an attribute there. */
function pathOf(node: unknown): readonly string[] | undefined {
  if (fieldOf(node, 'Var') === 'context') return [];
  const inner = fieldOf(node, '.');
  if (!isNode(inner)) return undefined;
  const left = pathOf(inner['left']);
  return left === undefined ? undefined : [...left, String(inner['attr'])];
}

function typeOf(node: unknown): unknown {
  return fieldOf(fieldOf(fieldOf(node, 'Value'), '__entity'), 'type');
}

function isLiteral(node: unknown, value: boolean): boolean {
  return fieldOf(node, 'Value') === value;
}

function fieldOf(node: unknown, name: string): unknown {
  return isNode(node) ? node[name] : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
