import { EMPTY_RECORD, EntityValue } from '../../../lib/policy/value/Value.js';
import { type Entity, EntityGraph } from '../../../lib/policy/value/EntityGraph.js';
import type { Caller } from '../../../lib/policy/Evaluator.js';
import { readRecord } from '../../../lib/policy/value/readValue.js';
import { DURATIONS, IPS, TEXTS } from './typed.js';
import type { Random } from './random.js';

const NUMBERS = [0, 1, 2, 7, 1000, -5, -0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2n ** 53n, -(2n ** 53n), 5n] as const;
const FRACTIONS = [0.5, -0.5, 1.5, 0.0001, -0.0001, 99.99, 900_719_925_474.25, 922_337_203_685_476.5, -922_337_203_685_476.5, 123_456_789_012.25] as const; // prettier-ignore
const DATES = [0, 1, -1, 1_709_209_859_999, -62_167_219_200_000, -62_167_219_200_001, 253_402_300_799_999, 253_402_300_800_000, 8.64e15, -8.64e15] as const; // prettier-ignore

/** A caller among entities: agents, a chain of roles, types and ids that are easily taken for one another. */
export function randomCaller(random: Random): Caller {
  const roles = Array.from({ length: random.pick([2, 3, 6, 6, 6, 40]) }, (_, i) => new EntityValue('Aegis::Role', `r${i}`));
  const pairs = [['Aegis::Agent', 'bot'], ['Aegis::Agent', 'Admin::x'], ['Aegis::Agent::Admin', 'x'], ['Aegis::Agent', '😀']] as const; // prettier-ignore
  const agents = pairs.map(([type, id]) => new EntityValue(type, id));
  const principal = random.pick(agents);
  const action = new EntityValue('Aegis::Action', random.pick(['t', 'u']));
  const group = new EntityValue('Aegis::Action', 'g');
  const attributes = readRecord({ level: random.pick(NUMBERS), team: { name: random.pick(TEXTS) }, '😀': 1 });
  const entities: Entity[] = [
    ...agents
      .filter((uid) => uid === principal || random.chance(0.3))
      .map((uid) => ({ uid, attributes, parents: random.chance(0.6) ? [random.pick(roles), random.pick(roles)] : [] })),
    { uid: action, attributes: EMPTY_RECORD, parents: random.chance(0.5) ? [group] : [] },
    ...roles.slice(1).map((uid, i) => ({ uid, attributes: EMPTY_RECORD, parents: random.chance(0.9) ? [roles[i] as EntityValue] : [] })),
  ];
  return {
    principal,
    action,
    resource: new EntityValue(random.pick(['T', 'A', 'A::B']), random.pick(['d', 'B::x', 'x'])),
    entities: new EntityGraph(random.shuffle(entities)),
  };
}

/** A context of the kinds that typed expressions expect; where `typed` is false, fields may be anything, or missing. */
export function randomContext(random: Random, typed: boolean): Record<string, unknown> {
  const n = (): unknown => (random.chance(0.6) ? random.below(10) : random.pick(NUMBERS));
  const text = (): string => random.pick(TEXTS);
  const odd = <T>(make: () => T): unknown => (typed || random.chance(0.8) ? make() : anything(random, 3));
  const input: Record<string, unknown> = {
    amount: odd(n),
    big: odd(() => random.pick(NUMBERS)),
    flag: odd(() => random.chance(0.5)),
    price: odd(() => random.pick(FRACTIONS)),
    body: odd(text),
    at: odd(() => new Date(random.pick(DATES))),
    tags: odd(() => random.list(12, text)),
    nums: odd(() => random.list(12, n)),
    nested: odd(() => random.list(3, () => random.list(3, random.chance(0.5) ? n : text))),
    o: odd(() => ({ a: n(), s: text(), n: { x: random.chance(0.5) } })),
    'odd key!': odd(text),
    // more fields than are searched one by one
    ...(random.chance(0.3) ? Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`f${i}`, i])) : {}),
    ...(random.chance(0.5) ? { maybe: random.pick([n, text])() } : {}),
    ...(random.chance(0.5) ? { list: random.list(4, () => ({ a: n(), s: text() })) } : {}),
    ...(random.chance(0.1) ? { '😀': text(), 'x\ud800': 1, nothing: undefined } : {}),
  };
  if (!typed && random.chance(0.3)) delete input[random.pick(Object.keys(input))];
  return {
    input,
    session: odd(() => ({ env: text(), ttl: random.pick(DURATIONS), ip: random.pick(IPS) })),
    facts: random.pick([{}, { deep: { a: { b: 1 } } }, { deep: { a: {} } }, { deep: undefined }]),
    system: { now: new Date(random.pick(DATES)) },
  };
}

function anything(random: Random, depth: number): unknown {
  const deeper = (): unknown => anything(random, depth - 1);
  return random.pick<() => unknown>([
    () => random.pick(NUMBERS),
    () => random.pick(FRACTIONS),
    () => random.pick(TEXTS),
    () => random.pick(['a\ud800', 0.1 + 0.2, 1e300, 2 ** 53, -(2n ** 70n), false, true]),
    () => new Date(random.pick(DATES)),
    () => (depth <= 0 ? [] : random.list(3, deeper)),
    () =>
      depth <= 0 ? {} : Object.fromEntries(random.list(3, () => [random.pick(['a', 's', 'n', '😀', 'b\udc00', 'odd key!']), deeper()])),
  ])();
}
