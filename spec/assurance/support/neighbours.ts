import { types } from 'node:util';
import type { Random } from '../../policy/fuzz/random.js';

/** Values that are easily taken for one another. */
const ALIKE = [0, -0, '0', 0n, false, '', null, 'null', undefined, 'undefined', 1, '1', 1n, '1n', true, 'true', 1.0000000000000002, 2 ** 53, 2n ** 53n, 2 ** 53 + 2, '9007199254740992', new Date(1), '@1', '1970-01-01T00:00:00.001Z', [], {}, [[]], [null], '[]', '{}', '\ud800', '\udfff', '\ufffd', 'é', 'e\u0301', '"', '\\"', 'a","b', { a: 1 }, { a: '1' }, { 'a":1,"b': 2 }, { a: 1, b: 2 }, [1, 2], ['1,2'], '1,2', [1, [2]], [[1], 2]] as const; // prettier-ignore

/** Two values: equal and made otherwise, or different in one place, or two that are easily taken for one another. */
export function neighbours(random: Random, value: unknown): readonly [unknown, unknown] {
  const dice = random.below(10);
  if (dice < 5) return [value, remade(random, value)];
  if (dice < 8) return [value, changed(random, value)];
  const [one, other] = [random.pick(ALIKE), random.pick(ALIKE)];
  return random.pick([[one, other], [[one, 1], [other, 1]], [{ a: one }, { a: other }], [[[one]], [[other]]]]); // prettier-ignore
}

/** Equal by the rules: keys in another order, properties that are undefined, no prototype, -0 for 0. */
function remade(random: Random, value: unknown): unknown {
  if (value === 0) return random.chance(0.5) ? -0 : 0;
  if (typeof value !== 'object' || value === null) return value;
  if (types.isDate(value)) return new Date(value.getTime());
  if (Array.isArray(value)) return value.map((item) => remade(random, item));
  const record = (random.chance(0.2) ? Object.create(null) : {}) as Record<string, unknown>;
  for (const [key, item] of random.shuffle(Object.entries(value))) own(record, key, remade(random, item));
  if (random.chance(0.2)) record[`left out ${random.below(9)}`] = undefined;
  return record;
}

/** Different in one place, as a rule. */
function changed(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || types.isDate(value) || random.chance(0.15)) return lookAlike(random, value);
  if (Array.isArray(value)) {
    const items = [...(value as unknown[])];
    const at = random.below(items.length);
    const kind = random.below(5);
    if (kind === 0) items.splice(at, 1);
    else if (kind === 1) items.splice(at, 0, random.pick(ALIKE) ?? 0);
    else if (kind === 2) items.reverse();
    else if (items.length > 0) items[at] = changed(random, items[at]);
    return items;
  }
  const entries = Object.entries(value);
  const at = random.below(entries.length);
  const [key, item] = entries[at] ?? ['a', 1];
  const kind = random.below(5);
  if (kind === 0) entries.splice(at, 1);
  else if (kind === 1) entries.splice(at, 1, [`${key} `, item]);
  else if (kind === 2) entries.push(['b', random.pick(ALIKE)]);
  else entries.splice(at, 1, [key, changed(random, item)]);
  const record = {};
  for (const [name, given] of entries) own(record, name, given);
  return record;
}

/** The same in another type, or nearly the same in its own. */
function lookAlike(random: Random, value: unknown): unknown {
  if (types.isDate(value))
    return random.pick([value.getTime(), value.toISOString(), new Date(value.getTime() ^ 1), BigInt(value.getTime())]);
  if (typeof value === 'number')
    return random.pick([
      String(value),
      Number.isInteger(value) ? BigInt(value) : value * 2,
      value + 1,
      -value,
      value * (1 + Number.EPSILON),
    ]);
  if (typeof value === 'bigint') return random.pick([String(value), `${value}n`, Number(value), value + 1n, -value]);
  if (typeof value === 'string') return random.pick([`${value} `, value.toUpperCase(), [value], value.normalize('NFD'), Number(value) || 0, value.slice(1)]); // prettier-ignore
  if (Array.isArray(value)) return random.pick([[value], { ...value }, JSON.stringify(value.length), value.flat()]);
  return random.pick(ALIKE);
}

/** Defined, not assigned: `__proto__` is a key like any other here. */
function own(record: object, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, enumerable: true, writable: true, configurable: true });
}
