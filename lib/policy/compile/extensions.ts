import { IpValue, QuantityValue, type Value } from '../value/Value.js';
import { type Compile, constant, type EvaluationContext, type Expression } from './EvaluationContext.js';
import { wrongKinds } from './wrongKinds.js';
import { addLongs, divideLong, subtractLongs } from '../value/longs.js';
import { isInRange, isLoopback, isMulticast, LITERALS } from '../value/literals.js';
import { list, Uncompilable } from './exactFields.js';

/** Gives undefined for an error: an argument of the wrong kind, or one it cannot take. */
type Call = (...args: Value[]) => Value | undefined;

const DAY = 86_400_000;

const FUNCTIONS: ReadonlyMap<string, { readonly arity: number; readonly call: Call }> = new Map(
  Object.entries({
    decimal: ofText(LITERALS.decimal),
    lessThan: ofQuantities('decimal', 'decimal', ({ amount: a }, { amount: b }) => a < b),
    lessThanOrEqual: ofQuantities('decimal', 'decimal', ({ amount: a }, { amount: b }) => a <= b),
    greaterThan: ofQuantities('decimal', 'decimal', ({ amount: a }, { amount: b }) => a > b),
    greaterThanOrEqual: ofQuantities('decimal', 'decimal', ({ amount: a }, { amount: b }) => a >= b),
    datetime: ofText(LITERALS.datetime),
    offset: ofQuantities('datetime', 'duration', ({ amount: a }, { amount: b }) => quantity('datetime', addLongs(a, b))),
    durationSince: ofQuantities('datetime', 'datetime', ({ amount: a }, { amount: b }) => quantity('duration', subtractLongs(a, b))),
    toDate: ofQuantity('datetime', ({ amount }) => quantity('datetime', subtractLongs(amount, sinceMidnight(amount)))),
    toTime: ofQuantity('datetime', ({ amount }) => quantity('duration', sinceMidnight(amount))),
    duration: ofText(LITERALS.duration),
    toMilliseconds: ofQuantity('duration', ({ amount }) => amount),
    toSeconds: ofQuantity('duration', ({ amount }) => divideLong(amount, 1_000)),
    toMinutes: ofQuantity('duration', ({ amount }) => divideLong(amount, 60_000)),
    toHours: ofQuantity('duration', ({ amount }) => divideLong(amount, 3_600_000)),
    toDays: ofQuantity('duration', ({ amount }) => divideLong(amount, DAY)),
    ip: ofText(LITERALS.ip),
    isIpv4: ofIp(({ version }) => version === 4),
    isIpv6: ofIp(({ version }) => version === 6),
    isLoopback: ofIp(isLoopback),
    isMulticast: ofIp(isMulticast),
    isInRange: {
      arity: 2,
      call: (inner, outer) => (inner instanceof IpValue && outer instanceof IpValue ? isInRange(inner, outer) : undefined),
    },
  } satisfies Record<string, { arity: number; call: Call }>),
);

/** Compiles a call of an extension function. @returns undefined where there is no such function */
export function compileExtension(name: string, content: unknown, compile: Compile): Expression | undefined {
  const known = FUNCTIONS.get(name);
  if (known === undefined) return undefined;
  const { arity, call } = known;
  const args = list(content).map(compile);
  const [first, second] = args;
  // Cedar notices a wrong number of arguments when it evaluates: an odd case of an error, and wasm knows it
  if (args.length !== arity || first === undefined) throw new Uncompilable('a function has a wrong number of arguments');
  const fail = (n: EvaluationContext, ...operands: readonly Value[]): undefined =>
    wrongKinds(n, { [name]: content }, 'arguments that it can read', ...operands);
  const constants = args.flatMap((arg) => (arg.constant === undefined ? [] : [arg.constant]));
  if (constants.length === arity) {
    const value = call(...constants);
    return value === undefined ? { run: (n) => fail(n, ...constants) } : constant(value);
  }
  return {
    run: (n) => {
      const a = first.run(n);
      if (a === undefined) return undefined;
      if (typeof a === 'string') n.budget.take(a.length);
      if (second === undefined) return call(a) ?? fail(n, a);
      const b = second.run(n);
      return b === undefined ? undefined : (call(a, b) ?? fail(n, a, b));
    },
  };
}

function ofText(parse: (text: string) => Value | undefined): { arity: number; call: Call } {
  return { arity: 1, call: (text) => (typeof text === 'string' ? parse(text) : undefined) };
}

function ofQuantity(kind: QuantityValue['kind'], call: (value: QuantityValue) => Value | undefined): { arity: number; call: Call } {
  return { arity: 1, call: (value) => (value instanceof QuantityValue && value.kind === kind ? call(value) : undefined) };
}

function ofQuantities(
  left: QuantityValue['kind'],
  right: QuantityValue['kind'],
  call: (a: QuantityValue, b: QuantityValue) => Value | undefined,
): { arity: number; call: Call } {
  return {
    arity: 2,
    call: (a, b) =>
      a instanceof QuantityValue && b instanceof QuantityValue && a.kind === left && b.kind === right ? call(a, b) : undefined,
  };
}

function ofIp(call: (ip: IpValue) => boolean): { arity: number; call: Call } {
  return { arity: 1, call: (ip) => (ip instanceof IpValue ? call(ip) : undefined) };
}

function quantity(kind: QuantityValue['kind'], amount: QuantityValue['amount'] | undefined): QuantityValue | undefined {
  return amount === undefined ? undefined : new QuantityValue(kind, amount);
}

/** Never negative, also before 1970. */
function sinceMidnight(amount: QuantityValue['amount']): number {
  const rest = typeof amount === 'number' ? amount % DAY : Number(amount % BigInt(DAY));
  return rest < 0 ? rest + DAY : rest + 0;
}
