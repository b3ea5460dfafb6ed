import type { CedarToken } from './tokens.js';

/*
 * The wasm parser and evaluator recurse, and a stack overflow inside them ruins the instance. Measured on a cold instance with Node's default
 * stack of 984 KB, each nested bracket costs up to 14 KB of stack, each link of a chain of operators 10 KB, each `||` and `&&` 3 KB:
 * 74 nested brackets, 104 chained operators or 319 `&&` overflow. The limit leaves more than half of the stack to the caller.
 */
const BRACKET = 14;
const OPERATOR = 10;
const LOGIC = 3;

/** The most stack, in KB, that a policy may cost: 27 nested parentheses, 40 chained operators, or 130 terms of `||`. */
export const MAX_POLICY_COST = 400;

const OPERATORS: ReadonlySet<string> = new Set(['.', '!', '-', '+', '*', '==', '!=', '<', '<=', '>', '>=', 'has', 'like', 'in', 'is']);

/** What is known of the brackets the scan stands in. */
interface Level {
  /** The costliest of the finished comma-separated segments. */
  segments: number;
  /** The costliest of the segment's finished terms between `||` and `&&`. */
  terms: number;
  /** `if`s chain through `else` across terms, so they count for the whole segment. */
  ifs: number;
  logic: number;
  operators: number;
  child: number;
}

const newLevel = (): Level => ({ segments: 0, terms: 0, ifs: 0, logic: 0, operators: 0, child: 0 });

/** An upper bound of the stack that parsing and evaluating a policy costs, in KB. */
export function policyCost(tokens: Iterable<CedarToken>): number {
  const levels: Level[] = [newLevel()];
  for (const { kind, text } of tokens) {
    if (kind === 'string' || kind === 'number') continue;
    const level = levels.at(-1) as Level;
    if (text === '(' || text === '[' || text === '{') {
      // a["b"]["c"] chains as a.b.c does
      if (text === '[') level.operators++;
      levels.push(newLevel());
      // already beyond the limit
      if (levels.length * BRACKET > MAX_POLICY_COST) return Infinity;
    } else if (text === ')' || text === ']' || text === '}') {
      if (levels.length === 1) continue;
      levels.pop();
      const parent = levels.at(-1) as Level;
      parent.child = Math.max(parent.child, BRACKET + endSegment(level));
    } else if (text === ',') {
      endSegment(level);
    } else if (text === '||' || text === '&&' || text === 'when' || text === 'unless') {
      endTerm(level);
      level.logic++;
    } else if (text === 'if') {
      level.ifs++;
    } else if (OPERATORS.has(text)) {
      level.operators++;
    }
  }
  // what is still open counts as closed; the innermost level holds nothing that is open
  return levels.reduceRight((child, level) => {
    level.child = Math.max(level.child, BRACKET + child);
    return endSegment(level);
  }, -BRACKET);
}

function endTerm(level: Level): void {
  level.terms = Math.max(level.terms, level.operators * OPERATOR + level.child);
  level.operators = 0;
  level.child = 0;
}

function endSegment(level: Level): number {
  endTerm(level);
  level.segments = Math.max(level.segments, level.ifs * OPERATOR + level.logic * LOGIC + level.terms);
  level.terms = level.ifs = level.logic = 0;
  return level.segments;
}
