import { isLong, addLongs, multiplyLongs, negateLong, subtractLongs } from '../value/longs.js';
import { type Long, QuantityValue, type Value } from '../value/Value.js';
import type { Compile, CompileKind, EvaluationContext, Expression, Run } from './EvaluationContext.js';
import { exactFields } from './exactFields.js';
import { dependsOnNull, nullRead, wrongKinds } from './wrongKinds.js';
import { sameValue } from '../value/sameValue.js';

const OVERFLOW = 'a Long overflows';
const BOOLEANS = 'two Booleans';
/** What people most often meet: an amount such as 19.99. */
const DECIMALS = ' (count money in cents, or compare by x.greaterThan(decimal("100.0")) and the like)';

/** Operators on Booleans and Longs, equality and order, by their names in Cedar's JSON. */
export const LOGIC: ReadonlyMap<string, CompileKind> = new Map<string, CompileKind>([
  ['&&', test((left, right, _, node) => (n) => {
    const first = left(n);
    if (first === false) return false;
    return first === true ? boolean(n, right(n), node) : wrongKinds(n, node, BOOLEANS, first);
  })],
  ['||', test((left, right, _, node) => (n) => {
    const first = left(n);
    if (first === true) return true;
    return first === false ? boolean(n, right(n), node) : wrongKinds(n, node, BOOLEANS, first);
  })],
  ['!', (content, compile, node) => {
    const { run } = compile(exactFields(content, ['arg']).arg);
    return {
      boolean: true,
      run: (n) => {
        const value = run(n);
        return typeof value === 'boolean' ? !value : wrongKinds(n, node, 'a Boolean', value);
      },
    };
  }],
  ['if-then-else', ifThenElse],
  ['==', equality(true)],
  ['!=', equality(false)],
  ['<', test((left, right, limit, node) => (n) => {
    const [a, b] = [left(n), limit ?? right(n)];
    return typeof a === 'number' && typeof b === 'number' ? a < b : ordered(n, a, b, (x, y) => x < y, node);
  })],
  ['<=', test((left, right, limit, node) => (n) => {
    const [a, b] = [left(n), limit ?? right(n)];
    return typeof a === 'number' && typeof b === 'number' ? a <= b : ordered(n, a, b, (x, y) => x <= y, node);
  })],
  ['>', test((left, right, limit, node) => (n) => {
    const [a, b] = [left(n), limit ?? right(n)];
    return typeof a === 'number' && typeof b === 'number' ? a > b : ordered(n, a, b, (x, y) => x > y, node);
  })],
  ['>=', test((left, right, limit, node) => (n) => {
    const [a, b] = [left(n), limit ?? right(n)];
    return typeof a === 'number' && typeof b === 'number' ? a >= b : ordered(n, a, b, (x, y) => x >= y, node);
  })],
  ['+', arithmetic(addLongs)],
  ['-', arithmetic(subtractLongs)],
  ['*', arithmetic(multiplyLongs)],
  ['neg', (content, compile, node) => {
    const { run } = compile(exactFields(content, ['arg']).arg);
    return {
      run: (n) => {
        const value = run(n);
        return isLong(value) ? (negateLong(value) ?? n.fail(OVERFLOW)) : wrongKinds(n, node, 'a Long', value);
      },
    };
  }],
]); // prettier-ignore

/** @param run makes what gives a Boolean or an error; `constant` is what the right side always is, if that is known */
function test(run: (left: Run, right: Run, constant: Value | undefined, node: unknown) => Run): CompileKind {
  return (content, compile, node) => {
    const fields = exactFields(content, ['left', 'right']);
    const [left, right] = [compile(fields.left), compile(fields.right)];
    return { run: run(left.run, right.run, right.constant, node), boolean: true };
  };
}

function ifThenElse(content: unknown, compile: Compile, node: unknown): Expression {
  const parts = exactFields(content, ['if', 'then', 'else']);
  const [test, yes, no] = [compile(parts.if).run, compile(parts.then).run, compile(parts.else).run];
  return {
    run: (n) => {
      const value = test(n);
      return typeof value === 'boolean' ? (value ? yes(n) : no(n)) : wrongKinds(n, node, 'a Boolean', value);
    },
  };
}

function equality(wanted: boolean): CompileKind {
  return test((left, right, constant, node) => (n) => {
    const a = left(n);
    const b = constant ?? right(n);
    if (a === undefined || b === undefined) return undefined;
    return dependsOnNull(a, b) ? nullRead(n, node) : sameValue(a, b, n.budget) === wanted;
  });
}

function arithmetic(operate: (a: Long, b: Long) => Long | undefined): CompileKind {
  return (content, compile, node) => {
    const fields = exactFields(content, ['left', 'right']);
    const [left, right] = [compile(fields.left).run, compile(fields.right).run];
    return {
      run: (n) => {
        const a = left(n);
        const b = right(n);
        return isLong(a) && isLong(b) ? (operate(a, b) ?? n.fail(OVERFLOW)) : wrongKinds(n, node, 'two Longs', a, b);
      },
    };
  };
}

/** Longs, datetimes and durations have an order; decimals have functions instead. */
function ordered(
  n: EvaluationContext,
  a: Value | undefined,
  b: Value | undefined,
  compare: (x: Long, y: Long) => boolean,
  node: unknown,
): boolean | undefined {
  if (isLong(a) && isLong(b)) return compare(a, b);
  if (a instanceof QuantityValue && b instanceof QuantityValue && a.kind === b.kind && a.kind !== 'decimal')
    return compare(a.amount, b.amount);
  const decimals = a instanceof QuantityValue && a.kind === 'decimal' ? DECIMALS : '';
  return wrongKinds(n, node, `two Longs, datetimes or durations${decimals}`, a, b);
}

function boolean(n: EvaluationContext, value: Value | undefined, node: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : wrongKinds(n, node, BOOLEANS, value);
}
