import { EntityValue, IpValue, NullValue, QuantityValue, RecordValue, type SetMembers, SetValue, type Value } from './Value.js';
import type { StepBudget } from './StepBudget.js';

/** Sets up to this size are searched one by one. */
const SEARCHED = 8;
/** Steps for a scalar in a set, and for a field or a composite item. */
const PER_SCALAR = 16;
const PER_FIELD = 64;
/** Steps for a text are its units shifted by this. */
const TEXT_SHIFT = 2;

/** Cedar's `==`, of values without a null. Takes time in proportion to the smaller of the two, however deep they are and in any order. */
export function sameValue(a: Value, b: Value, budget: StepBudget): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') {
    if (typeof a === 'string') budget.take(a.length >> TEXT_SHIFT);
    return a === b;
  }
  if (a === b) return true;
  if (a instanceof EntityValue) return b instanceof EntityValue && a.id === b.id && a.type === b.type;
  if (a instanceof QuantityValue) return b instanceof QuantityValue && a.kind === b.kind && a.amount === b.amount;
  if (a instanceof IpValue) return b instanceof IpValue && a.version === b.version && a.address === b.address && a.prefix === b.prefix;
  if (a instanceof SetValue) return b instanceof SetValue && sameSets(a, b, budget);
  return a instanceof RecordValue && b instanceof RecordValue && sameRecords(a, b, budget);
}

/** Cedar's `contains`. */
export function contains(set: SetValue, value: Value, budget: StepBudget): boolean {
  if (typeof value !== 'object' && set.members === undefined && set.items.length <= SEARCHED) {
    for (const item of set.items) if (sameValue(item, value, budget)) return true;
    return false;
  }
  return isMember(setMembers(set, budget), value, budget);
}

/** Cedar's `containsAll`. */
export function containsAll(set: SetValue, other: SetValue, budget: StepBudget): boolean {
  const members = setMembers(set, budget);
  budget.take(other.items.length);
  return other.items.every((item) => isMember(members, item, budget));
}

/** Cedar's `containsAny`. */
export function containsAny(set: SetValue, other: SetValue, budget: StepBudget): boolean {
  const members = setMembers(set, budget);
  budget.take(other.items.length);
  return other.items.some((item) => isMember(members, item, budget));
}

/** Equal for equal values only; made once for a set and a record. */
export function valueKey(value: Value, budget: StepBudget): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 't' : 'f';
    case 'string':
      return `s${sized(value)}`;
    case 'object':
      if (value instanceof EntityValue) return `e${sized(value.type)}${sized(value.id)}`;
      if (value instanceof QuantityValue) return `q${value.kind}${value.amount};`;
      if (value instanceof IpValue) return `a${value.version}:${value.address}/${value.prefix};`;
      if (value instanceof NullValue) return 'n';
      if (value.key === undefined) {
        value.key = value instanceof SetValue ? setKey(value, budget) : recordKey(value, budget);
        budget.take(value.key.length >> TEXT_SHIFT);
      }
      return value.key;
    default:
      return `i${value};`;
  }
}

function sameSets(a: SetValue, b: SetValue, budget: StepBudget): boolean {
  const [left, right] = [setMembers(a, budget), setMembers(b, budget)];
  if (left.scalars.size !== right.scalars.size || left.keys.size !== right.keys.size) return false;
  budget.take(left.scalars.size + left.keys.size);
  for (const scalar of left.scalars) if (!right.scalars.has(scalar)) return false;
  for (const key of left.keys) if (!right.keys.has(key)) return false;
  return true;
}

function sameRecords(a: RecordValue, b: RecordValue, budget: StepBudget): boolean {
  const { names, fields } = a;
  if (names.length !== b.names.length) return false;
  budget.take(names.length * PER_FIELD);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    // mostly in the same order
    const other = b.names[i] === name ? b.fields[i] : b.get(name);
    if (other === undefined || !sameValue(fields[i] as Value, other, budget)) return false;
  }
  return true;
}

function setMembers(set: SetValue, budget: StepBudget): SetMembers {
  if (set.members !== undefined) return set.members;
  const scalars = new Set<boolean | number | bigint | string>();
  const keys = new Set<string>();
  for (const item of set.items) {
    if (typeof item === 'object') {
      budget.take(PER_FIELD);
      keys.add(valueKey(item, budget));
    } else {
      budget.take(typeof item === 'string' ? PER_SCALAR + (item.length >> TEXT_SHIFT) : PER_SCALAR);
      scalars.add(item);
    }
  }
  set.members = { scalars, keys };
  return set.members;
}

function isMember({ scalars, keys }: SetMembers, value: Value, budget: StepBudget): boolean {
  if (typeof value === 'object') return keys.size > 0 && keys.has(valueKey(value, budget));
  if (typeof value === 'string') budget.take(value.length >> TEXT_SHIFT);
  return scalars.has(value);
}

function setKey({ items }: SetValue, budget: StepBudget): string {
  budget.take(items.length * PER_FIELD);
  const keys = items.map((item) => valueKey(item, budget)).sort();
  return `[${keys.filter((key, i) => key !== keys[i - 1]).join('')}]`;
}

function recordKey({ names, fields }: RecordValue, budget: StepBudget): string {
  budget.take(names.length * PER_FIELD);
  return `{${names
    .map((name, i) => `${sized(name)}${valueKey(fields[i] as Value, budget)}`)
    .sort()
    .join('')}}`;
}

/** With its length before it, a text cannot run into what follows. */
function sized(text: string): string {
  return `${text.length}:${text}`;
}
