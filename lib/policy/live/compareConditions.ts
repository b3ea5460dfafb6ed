import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalText } from '../../common/data/canonical.js';

/** A node of Cedar's JSON: one kind, and its content. */
type Node = Readonly<Record<string, unknown>>;
interface Pair {
  readonly left: Node;
  readonly right: Node;
}

/** How many terms are compared before the answer is no: a condition has up to 130. */
const MAX_COMPARISONS = 5_000;

/**
 * Compares the conditions of two policies, by their form.
 *
 * - `asMuch`: whether those of `next` surely hold, or fail to evaluate, wherever those of `before` do. For forbids, which stop a call either way.
 * - `noMore`: whether those of `next` surely hold only where those of `before` do. For permits.
 *
 * @returns false where that is not plain
 */
export function compareConditions(question: 'asMuch' | 'noMore', next: PolicyJson, before: PolicyJson): boolean {
  return new Comparison()[question](conditionOf(next), conditionOf(before));
}

const ALWAYS: Node = { Value: true };

/** All conditions as one: in their order, each only where those before it hold. */
function conditionOf({ conditions }: PolicyJson): Node {
  const terms = conditions.map(({ kind, body }): Node => (kind === 'when' ? (body as Node) : { '!': { arg: body } }));
  return terms.length === 0 ? ALWAYS : terms.reduce((left, right) => ({ '&&': { left, right } }));
}

/** Compares two conditions. Each is true, false or an error for a request, and every rule holds for all nine combinations. */
class Comparison {
  readonly #texts = new Map<Node, string | undefined>();
  #left = MAX_COMPARISONS;

  /** Where `old` is true or an error, so is `next`. */
  asMuch(next: Node, old: Node): boolean {
    if (next['Value'] === true || this.#termByTerm(next, old, '&&')) return true;
    const either = terms(old, '||');
    if (either.length > 1) return either.every((term) => this.asMuch(next, term));
    const both = terms(next, '&&');
    if (both.length > 1) return both.every((term) => this.asMuch(term, old));
    const alternatives = terms(next, '||');
    // behind a term that may be an error, the old condition may be one where a later term is false
    const needed = untilDoubtful(terms(old, '&&'));
    if (alternatives.length > 1 || needed.length > 1)
      return alternatives.some((term) => needed.some((other) => this.#mayGoOn() && this.asMuch(term, other)));
    const [now, before] = [negated(next), negated(old)];
    return now !== undefined && before !== undefined && this.noMore(now, before);
  }

  /** Where `next` is true, so is `old`. */
  noMore(next: Node, old: Node): boolean {
    if (old['Value'] === true || this.#termByTerm(old, next, '||')) return true;
    const either = terms(next, '||');
    if (either.length > 1) return either.every((term) => this.noMore(term, old));
    const both = terms(old, '&&');
    if (both.length > 1) return both.every((term) => this.noMore(next, term));
    const needed = terms(next, '&&');
    // behind a term that may be an error, the old condition may be one where a later term is true
    const alternatives = untilDoubtful(terms(old, '||'));
    if (alternatives.length > 1 || needed.length > 1)
      return needed.some((term) => alternatives.some((other) => this.#mayGoOn() && this.noMore(term, other)));
    const [now, before] = [negated(next), negated(old)];
    return now !== undefined && before !== undefined && this.asMuch(now, before);
  }

  #mayGoOn(): boolean {
    this.#left -= 1;
    return this.#left >= 0;
  }

  /**
   * Whether one chain is the other with wider terms, each an error in the same cases. The chain that has to hold less often may have more terms at its
   * end where it is of `&&`, and fewer where it is of `||`.
   */
  #termByTerm(wide: Node, narrow: Node, kind: '&&' | '||'): boolean {
    const [wider, narrower] = [terms(wide, kind), terms(narrow, kind)];
    const [fewer, more] = kind === '&&' ? [wider, narrower] : [narrower, wider];
    return fewer.length <= more.length && fewer.every((_, i) => this.#isWider(wider[i] as Node, narrower[i] as Node));
  }

  #isWider(wide: Node, narrow: Node): boolean {
    const [a, b] = [negated(wide), negated(narrow)];
    if (a !== undefined && b !== undefined) return this.#isWider(b, a);
    return this.#isSame(wide, narrow) || this.#hasWiderLimit(wide, narrow) || this.#hasMoreMembers(wide, narrow);
  }

  /** `x > 10` for `x > 100`. */
  #hasWiderLimit(wide: Node, narrow: Node): boolean {
    const [a, b] = [limitOf(wide), limitOf(narrow)];
    if (a === undefined || b === undefined || a.upper !== b.upper || !this.#isSame(a.left, b.left)) return false;
    if (a.limit === b.limit) return a.included || !b.included;
    return a.upper ? a.limit > b.limit : a.limit < b.limit;
  }

  /** `["a", "b"].contains(x)` for `["a"].contains(x)`. */
  #hasMoreMembers(wide: Node, narrow: Node): boolean {
    const [a, b] = [wide['contains'], narrow['contains']] as (Pair | undefined)[];
    if (a === undefined || b === undefined || !this.#isSame(a.right, b.right)) return false;
    const [members, fewer] = [this.#membersOf(a.left), this.#membersOf(b.left)];
    return members !== undefined && fewer !== undefined && [...fewer].every((member) => members.has(member));
  }

  /** The members of a set; undefined unless all are literals. */
  #membersOf(node: Node): Set<string | undefined> | undefined {
    const items = node['Set'] as readonly Node[] | undefined;
    if (items?.every((item) => 'Value' in item && this.#textOf(item) !== undefined) !== true) return undefined;
    return new Set(items.map((item) => this.#textOf(item)));
  }

  #isSame(a: Node, b: Node): boolean {
    const text = this.#textOf(a);
    return text !== undefined && text === this.#textOf(b);
  }

  /** Undefined where it has a Long beyond 2^53: Cedar's JSON rounds those, so that two of them can look equal. */
  #textOf(node: Node): string | undefined {
    if (!this.#texts.has(node)) this.#texts.set(node, isExact(node) ? canonicalText(node) : undefined);
    return this.#texts.get(node);
  }
}

/** The terms of a chain of `||` or `&&`, in their order. */
function terms(node: Node, kind: '||' | '&&'): Node[] {
  const pair = node[kind] as Pair | undefined;
  return pair === undefined ? [node] : [...terms(pair.left, kind), ...terms(pair.right, kind)];
}

/** The first terms: each but the last surely is no error. */
function untilDoubtful(chain: readonly Node[]): readonly Node[] {
  const doubtful = chain.findIndex((term) => !isSure(term));
  return doubtful === -1 ? chain : chain.slice(0, doubtful + 1);
}

/** Whether it is a Boolean for every request. Reading the context may always be an error: what is read may be missing, or a null. */
function isSure(node: Node): boolean {
  const has = node['has'] as { readonly left: Node; readonly attr: unknown } | undefined;
  if (has !== undefined) return typeof has.attr === 'string' && isEntity(has.left);
  const equals = (node['=='] ?? node['!=']) as Pair | undefined;
  return equals !== undefined && [equals.left, equals.right].every((side) => isEntity(side) || 'Value' in side);
}

function isEntity({ Var: variable }: Node): boolean {
  return variable !== undefined && variable !== 'context';
}

function negated(node: Node): Node | undefined {
  return (node['!'] as { readonly arg: Node } | undefined)?.arg;
}

interface Limit {
  readonly left: Node;
  readonly limit: number;
  readonly upper: boolean;
  readonly included: boolean;
}

function limitOf(node: Node): Limit | undefined {
  for (const kind of ['<', '<=', '>', '>=']) {
    const pair = node[kind] as Pair | undefined;
    const limit = pair?.right['Value'];
    if (pair !== undefined && Number.isSafeInteger(limit))
      return { left: pair.left, limit: limit as number, upper: kind.startsWith('<'), included: kind.endsWith('=') };
  }
  return undefined;
}

function isExact(node: unknown): boolean {
  if (typeof node === 'number') return Number.isSafeInteger(node);
  return typeof node !== 'object' || node === null || Object.values(node).every(isExact);
}
