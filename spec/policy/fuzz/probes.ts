import { BROKEN } from './untyped.js';
import { DATETIMES, DECIMALS, DURATIONS, ENTITIES, IPS, LONGS, TEXTS, TYPES } from './typed.js';
import { literal, type Random } from './random.js';

const CHARS = [...'0123456789.-:/+TZdhms af*', 'é', '\u0661', '\n'];
const FUNCTIONS = [
  ['decimal', DECIMALS, ['decimal("0.0")', 'decimal("1.5")'], ['.lessThan(', '.greaterThanOrEqual(', ' == (', ' < (']],
  ['datetime', DATETIMES, ['datetime("2024-02-29")', 'datetime("1969-12-31")'], [' < (', ' >= (', ' == (', '.durationSince(']],
  ['duration', DURATIONS, ['duration("1d")', 'duration("-1ms")'], [' < (', ' >= (', ' == (']],
  ['ip', IPS, ['ip("127.0.0.0/8")', 'ip("::/3")', 'ip("10.1.2.3")'], ['.isInRange(', ' == (']],
] as const;
const IP_TESTS = ['isLoopback', 'isMulticast', 'isIpv4', 'isIpv6'] as const;
const MORE_IPS = ['120.0.0.1', '126.255.255.255', '128.0.0.0', '127.0.0.0/4', '127.0.0.0/7', '127.0.0.0/9', '223.255.255.255', '239.1.2.3/4', '239.1.2.3/3', '240.0.0.0', 'feff::1', 'ff00::/7', '::2', '::1/127'] as const; // prettier-ignore

/** Small conditions, each about one thing of which the outcome hangs on details. */
export function probe(random: Random): string {
  switch (random.below(8)) {
    case 0:
    case 1:
      return functionProbe(random);
    case 2:
      return likeProbe(random);
    case 3:
      return `${random.pick(ENTITIES)} ${random.pick(['==', '!=', 'in'])} ${random.pick(ENTITIES)}`;
    case 4:
      return random.pick([
        () => `[${random.pick(ENTITIES)}, ${random.pick(ENTITIES)}].contains(${random.pick(ENTITIES)})`,
        () => `principal in [${random.pick(ENTITIES)}, ${random.pick(['1', 'principal', '"a"', ...ENTITIES])}]`,
        () => `${random.pick(ENTITIES)} is ${random.pick(TYPES)} in ${random.pick(['1', ...ENTITIES])}`,
        () => `{a: ${random.pick(ENTITIES)}} == {a: ${random.pick(ENTITIES)}}`,
      ])();
    case 5:
      return setProbe(random);
    case 6:
      return random.pick([
        () => `(${random.pick(['true', 'false', '1'])} ${random.pick(['&&', '||'])} ${random.pick(['true', '1', '"a"'])}) == 1`,
        () => `(if ${random.pick(['true', 'false', '1'])} then ${random.pick(['1', 'true'])} else ${random.pick(['1', '"a"'])}) == 1`,
        () => `${scalar(random)} ${random.pick(['<', '<=', '>', '>='])} ${scalar(random)}`,
        () => `principal.${random.pick(['hasTag', 'getTag'])}(${random.pick(['"a"', '1'])}) == ${random.pick(['1', 'true', 'false'])}`,
      ])();
    default:
      return `(${random.pick(LONGS)} ${random.pick(['+', '-', '*'])} ${random.pick(LONGS)}) ${random.pick(['==', '<', '>='])} (${random.pick(LONGS)} ${random.pick(['+', '-', '*'])} ${random.pick(['0', '1', '2'])})`; // prettier-ignore
  }
}

/** A text that a function takes, or nearly. */
function functionProbe(random: Random): string {
  const [name, texts, others, operators] = random.pick(FUNCTIONS);
  let text: string = random.pick(name === 'ip' ? [...texts, ...MORE_IPS] : texts);
  if (random.chance(0.3)) text = random.pick(BROKEN);
  else if (random.chance(0.6)) text = edited(random, text);
  const value = `${name}(${literal(text)})`;
  if (name === 'ip' && random.chance(0.4)) return `${value}.${random.pick(IP_TESTS)}()`;
  return `(${value})${random.pick(operators)}${random.pick(others)})`;
}

function edited(random: Random, text: string): string {
  const chars = [...text];
  for (let n = random.below(2); n >= 0; n--)
    chars.splice(random.below(chars.length + 1), random.below(2), ...(random.chance(0.7) ? [random.pick(CHARS)] : []));
  return chars.join('');
}

function likeProbe(random: Random): string {
  const units = ['a', 'a', 'b', 'ab', '😀'];
  const text = random.list(8, () => random.pick(units)).join('');
  const pattern = random.list(6, () => random.pick([...units, '*', '*'])).join('');
  return `${literal(text)} like ${literal(pattern)}`;
}

/** The same items twice, in another order and with repetitions; sometimes with one more. */
function setProbe(random: Random): string {
  const items = random.list(12, () => item(random, 2));
  const again = random.shuffle([...items, ...items.filter(() => random.chance(0.3)), ...(random.chance(0.3) ? [item(random, 2)] : [])]);
  const [a, b] = [`[${items.join(', ')}]`, `[${again.join(', ')}]`];
  return random.pick([`${a} == ${b}`, `[${a}] == [${b}, ${a}]`, `{s: ${b}} == {s: ${a}}`, `${b}.containsAll(${a})`, `${a}.containsAll(${b})`, `[${a}].contains(${b})`, `[{a: ${a}}].containsAny([{a: ${b}}])`]); // prettier-ignore
}

function item(random: Random, depth: number): string {
  if (depth === 0 || random.chance(0.6)) return scalar(random);
  return random.chance(0.5)
    ? `[${random.list(2, () => item(random, depth - 1)).join(', ')}]`
    : `{a: ${item(random, depth - 1)}, b: ${scalar(random)}}`;
}

function scalar(random: Random): string {
  return random.pick(['1', '2', '"1"', '"2"', 'true', 'false', '9007199254740993', '""', '"s1:"', '"[i1;]"', 'decimal("1.0")', 'decimal("1.00")', 'duration("1ms")', 'datetime("1970-01-01")', 'duration("0ms")', 'ip("1.2.3.4")', 'ip("1.2.3.4/32")', 'ip("1.2.3.4/31")', literal(random.pick(TEXTS)), ...ENTITIES]); // prettier-ignore
}
