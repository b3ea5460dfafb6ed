import { isLong, addLongs, multiplyLongs, negateLong, subtractLongs } from '../value/longs.js';
import { type Long, QuantityValue, type Value } from '../value/Value.js';
import type { Compile, EvaluationContext, Expression, Run } from './EvaluationContext.js';
import { exactFields } from './exactFields.js';
import { sameValue } from '../value/sameValue.js';

type CompileKind = (node: unknown, compile: Compile) => Expression;

const NO_BOOLEAN = 'a Boolean is needed';
const NO_LONG = 'a Long is needed';

/** Operators on Booleans and Longs, equality and order, by their names in Cedar's JSON. */
export const LOGIC: ReadonlyMap<string, CompileKind> = new Map<string, CompileKind>([
  ['&&', test((left, right) => (n) => {
    const first = left(n);
    if (first === false) return false;
    return first === true ? boolean(n, right(n)) : n.fail(NO_BOOLEAN);
  })],
  ['||', test((left, right) => (n) => {
    const first = left(n);
    if (first === true) return true;
    return first === false ? boolean(n, right(n)) : n.fail(NO_BOOLEAN);
  })],
  ['!', (node, compile) => {
    const { run } = compile(exactFields(node, ['arg']).arg);
    return {
      boolean: true,
      run: (n) => {
        const value = run(n);
        return typeof value === 'boolean' ? !value : n.fail(NO_BOOLEAN);
      },
    };
  }],
  ['if-then-else', ifThenElse],
  ['==', equality(true)],
  ['!=', equality(false)],
  ['<', test((left, right, limit) => (n) => {
    const [a, b] = [left(n), limit ?? right(n)];
    return typeof a === 'number' && typeof b === 'number' ? a < b : ordered(n, a, b, (x, y) => x < y);
  })],
  ['<=', test((left, right, limit) => (n) => {
    const [a, b] = [left(n), limit ?? right(n)];
    return typeof a === 'number' && typeof b === 'number' ? a <= b : ordered(n, a, b, (x, y) => x <= y);
  })],
  ['>', test((left, right, limit) => (n) => {
    const [a, b] = [left(n), limit ?? right(n)];
    return typeof a === 'number' && typeof b === 'number' ? a > b : ordered(n, a, b, (x, y) => x > y);
  })],
  ['>=', test((left, right, limit) => (n) => {
    const [a, b] = [left(n), limit ?? right(n)];
    return typeof a === 'number' && typeof b === 'number' ? a >= b : ordered(n, a, b, (x, y) => x >= y);
  })],
  ['+', arithmetic(addLongs)],
  ['-', arithmetic(subtractLongs)],
  ['*', arithmetic(multiplyLongs)],
  ['neg', unary((arg) => (n) => {
    const value = arg(n);
    return isLong(value) ? (negateLong(value) ?? n.fail('a Long overflows')) : n.fail(NO_LONG);
  })],
]); // prettier-ignore

function logic(run: (left: Run, right: Run) => Run): CompileKind {
  return (node, compile) => {
    const { left, right } = exactFields(node, ['left', 'right']);
    return { run: run(compile(left).run, compile(right).run) };
  };
}

/** @param run makes what gives a Boolean or an error; `constant` is what the right side always is, if that is known */
function test(run: (left: Run, right: Run, constant: Value | undefined) => Run): CompileKind {
  return (node, compile) => {
    const fields = exactFields(node, ['left', 'right']);
    const [left, right] = [compile(fields.left), compile(fields.right)];
    return { run: run(left.run, right.run, right.constant), boolean: true };
  };
}

function unary(run: (arg: Run) => Run): CompileKind {
  return (node, compile) => ({ run: run(compile(exactFields(node, ['arg']).arg).run) });
}

function ifThenElse(node: unknown, compile: Compile): Expression {
  const parts = exactFields(node, ['if', 'then', 'else']);
  const [test, yes, no] = [compile(parts.if).run, compile(parts.then).run, compile(parts.else).run];
  return {
    run: (n) => {
      const value = test(n);
      return typeof value === 'boolean' ? (value ? yes(n) : no(n)) : n.fail(NO_BOOLEAN);
    },
  };
}

function equality(wanted: boolean): CompileKind {
  return test((left, right, constant) => (n) => {
    const a = left(n);
    const b = constant ?? right(n);
    return a === undefined || b === undefined ? undefined : sameValue(a, b, n.budget) === wanted;
  });
}

function arithmetic(operate: (a: Long, b: Long) => Long | undefined): CompileKind {
  return logic((left, right) => (n) => {
    const a = left(n);
    const b = right(n);
    return isLong(a) && isLong(b) ? (operate(a, b) ?? n.fail('a Long overflows')) : n.fail(NO_LONG);
  });
}

/** Longs, datetimes and durations have an order; decimals have functions instead. */
function ordered(
  n: EvaluationContext,
  a: Value | undefined,
  b: Value | undefined,
  compare: (x: Long, y: Long) => boolean,
): boolean | undefined {
  if (isLong(a) && isLong(b)) return compare(a, b);
  if (a instanceof QuantityValue && b instanceof QuantityValue && a.kind === b.kind && a.kind !== 'decimal')
    return compare(a.amount, b.amount);
  return n.fail('two Longs, datetimes or durations are needed');
}

function boolean(n: EvaluationContext, value: Value | undefined): boolean | undefined {
  return typeof value === 'boolean' ? value : n.fail(NO_BOOLEAN);
}
