import { DATETIMES, DECIMALS, DURATIONS, ENTITIES, IPS, LONGS, TEXTS, TYPES } from './typed.js';
import { literal, type Random } from './random.js';

const PATHS = ['principal', 'action', 'resource', 'context', 'context.input', 'context.input.amount', 'context.input.body', 'context.input.tags', 'context.input.o', 'context.input.o.n.x', 'context.input.missing', 'context.input.missing.deeper', 'context.session.env', 'context.facts.deep', 'context.system.now', 'context.input.price', 'context["input"]["odd key!"]', 'context.input["__proto__"]', 'context.input["constructor"]', 'context.input["toString"]', 'principal.level', 'principal.zz', 'resource.x', 'Aegis::Role::"r0".x', 'Aegis::Agent::"bot".level'] as const; // prettier-ignore
const NAMES = ['input', 'a', 'o', 'o.n', 'o.n.x', 'amount', 'amount.x', 'level', 'team.name.x', 'zz', '"odd key!"', '__proto__', 'constructor', 'toString', '"\\u{1f600}"', 'input.o.n.x'] as const; // prettier-ignore
const ATTRIBUTES = ['.a', '.o', '.level', '.zz', '["odd key!"]', '["\\u{1f600}"]', '.n.x', '["hasOwnProperty"]'] as const;
const UNARY = ['isEmpty', 'isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'toDate', 'toTime', 'toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'] as const; // prettier-ignore
const BINARY = ['contains', 'containsAll', 'containsAny', 'lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual', 'isInRange', 'offset', 'durationSince', 'getTag', 'hasTag'] as const; // prettier-ignore
const OPERATORS = ['==', '!=', '<', '<=', '>', '>=', '&&', '||', '+', '-', '*', 'in'] as const;
/** Near texts that Cedar's functions take: what makes them refuse one. */
export const BROKEN = ['', '-', '1', '1.', '.5', '1.00000', '-0.0', '+1.0', '922337203685477.5808', '2024-02-30', '2024-13-01', '2024-01-01T24:00:00Z', '2024-01-01T00:00:60Z', '2024-01-01T00:00:00', '2024-01-01T00:00:00+2400', '2023-02-29', '1s1d', '1d1d', ' 1d', '1.5s', '9223372036854775808ms', '-106751991168d', '01.2.3.4', '1.2.3', '1.2.3.256', '1.2.3.4/33', '1.2.3.4/032', ':::', '1:2:3:4:5:6:7', '::ffff:1.2.3.4', '1:2:3:4:5:6:7:8::', '::1/129', '00001::', 'g::', '1.2.3.4/', '\u0661.0', '1.5\n'] as const; // prettier-ignore

/** Expressions of any kind anywhere: most end in an error somewhere, and all of those have to agree. */
export function untypedExpression(random: Random, depth: number): string {
  const a = (): string => untypedExpression(random, depth - 1);
  if (depth <= 0) return leaf(random);
  switch (random.below(13)) {
    case 0:
    case 1:
    case 2:
      return `(${a()} ${random.pick(OPERATORS)} ${a()})`;
    case 3:
      return random.chance(0.7) ? `(!(${a()}))` : `(-(${a()}))`;
    case 4:
      return `(if ${a()} then ${a()} else ${a()})`;
    case 5:
      return `((${a()}) has ${random.pick(NAMES)})`;
    case 6:
      return `((${a()}) like ${random.pick(['"*"', '"*a*"', '"a\\*"', '""', '"*\\u{1f600}"'])})`;
    case 7:
      return `(${a()}).${random.pick(BINARY)}(${a()})`;
    case 8:
      return `(${a()}).${random.pick(UNARY)}()`;
    case 9:
      return `((${a()}) is ${random.pick(TYPES)}${random.pick(['', ` in ${a()}`])})`;
    case 10:
      return `[${random.list(3, a).join(', ')}]`;
    case 11:
      return `{${random.shuffle(['a', '"odd key!"', '"\\u{1f600}"', '"__proto__"', '"constructor"', '"toString"', 'o']).slice(0, random.below(4)).map((name) => `${name}: ${a()}`).join(', ')}}`; // prettier-ignore
    default:
      return `(${a()})${random.pick(ATTRIBUTES)}`;
  }
}

function leaf(random: Random): string {
  switch (random.below(7)) {
    case 0:
      return random.pick(['true', 'false']);
    case 1:
      return random.pick(LONGS);
    case 2:
      return literal(random.pick(TEXTS));
    case 3:
      return `${random.pick(['decimal', 'datetime', 'duration', 'ip'])}(${literal(random.pick(random.chance(0.5) ? BROKEN : [...DECIMALS, ...DATETIMES, ...DURATIONS, ...IPS]))})`; // prettier-ignore
    case 4:
      return random.pick(ENTITIES);
    default:
      return random.pick(PATHS);
  }
}
