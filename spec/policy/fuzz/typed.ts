import { literal, type Random } from './random.js';

/** Texts that have gone wrong somewhere: astral, combining, escapes, Cedar's and JSON's own marks. */
export const TEXTS = ['', 'a', 'ab', 'a@b.c', 'A', '*', 'a*b', '\\', '"', '😀', '😀a😀', 'e\u0301', 'é', '\ufffd', '\u0000', '\u2028', 'prod', 'staging', 'aaaaaaab', '__entity', '\ud7ff', '\ue000'] as const; // prettier-ignore
export const LONGS = ['0', '1', '-1', '2', '7', '1000', '-5', '9007199254740991', '9007199254740992', '9007199254740993', '-9007199254740993', '9223372036854775807', '-9223372036854775808', '4611686018427387904', '3037000500', '-3037000499'] as const; // prettier-ignore
export const DECIMALS = ['0.0', '1.5', '-1.5', '-0.5', '0.0001', '-0.0001', '922337203685477.5807', '-922337203685477.5808', '900719925474.0993', '1.50', '1.5000', '0012.5'] as const; // prettier-ignore
export const DATETIMES = ['1970-01-01', '2024-02-29', '2024-02-29T12:30:59Z', '2024-02-29T12:30:59.999Z', '1969-12-31T23:59:59.999Z', '0000-01-01', '0000-01-01T00:00:00+2359', '9999-12-31T23:59:59.999-2359', '2024-01-01T00:00:00.000-0130'] as const; // prettier-ignore
export const DURATIONS = ['0ms', '1ms', '-1ms', '1d', '-1d2h3m4s5ms', '23h59m', '9223372036854775807ms', '-9223372036854775808ms', '86399999ms', '106751991167d'] as const; // prettier-ignore
export const IPS = ['127.0.0.1', '127.0.0.0/8', '10.0.0.0/8', '10.1.2.3', '10.1.2.3/32', '0.0.0.0/0', '224.0.0.1', '::1', '::', '::/0', 'fe80::1/64', 'fe80::2', 'ff02::1', '1:2:3:4:5:6:7:8', '2001:db8::/32', '1::8'] as const; // prettier-ignore
export const ENTITIES = ['Aegis::Agent::"bot"', 'Aegis::Agent::"Admin::x"', 'Aegis::Agent::Admin::"x"', 'Aegis::Role::"r0"', 'Aegis::Role::"r5"', 'Aegis::Role::"r30"', 'Aegis::Role::"unknown"', 'Aegis::Action::"t"', 'Aegis::Action::"g"', 'T::"d"', 'A::B::"x"', 'A::"B::x"', 'Aegis::Agent::"\\u{1f600}"'] as const; // prettier-ignore
export const TYPES = ['Aegis::Agent', 'Aegis::Agent::Admin', 'Aegis::Role', 'Aegis::Action', 'T', 'A', 'A::B'] as const;
const PATTERNS = ['*', '', 'a*', '*a', '*@*', 'a*b', '*a*b*', '**', 'a\\*b', '\\**', '*\\u{1f600}*', '*a*a*b', '*\\u{301}', '\\u{fffd}', '*\\\\*', 'e*'] as const; // prettier-ignore

export const KINDS = ['bool', 'long', 'text', 'decimal', 'datetime', 'duration', 'ip', 'entity', 'texts', 'longs', 'record', 'records', 'sets'] as const; // prettier-ignore
type Kind = (typeof KINDS)[number];

/** Expressions that mostly evaluate without an error on the contexts of `policyFuzzRequests`. */
export class TypedExpressions {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  bool(depth: number): string {
    const { pick, a } = this.#tools(depth);
    if (depth <= 0) return pick(['true', 'false', 'context.input.flag', 'context.input has maybe', 'context.input has o.n.x', 'context.facts has deep.a.b', 'principal has level', 'context.input has "odd key!"', 'resource has x']); // prettier-ignore
    const order = pick(['<', '<=', '>', '>=']);
    return pick([
      () => `(${a('bool')} && ${a('bool')})`,
      () => `(${a('bool')} || ${a('bool')})`,
      () => `!(${a('bool')})`,
      () => `(if ${a('bool')} then ${a('bool')} else ${a('bool')})`,
      () => `(${a('long')} ${order} ${a('long')})`,
      () => `(${a('datetime')} ${order} ${a('datetime')})`,
      () => `(${a('duration')} ${order} ${a('duration')})`,
      () => `(${a('decimal')}).${pick(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'])}(${a('decimal')})`,
      () => this.#equality(depth),
      () => `(${a('text')} like "${pick(PATTERNS)}")`,
      () => `(${a('texts')}).contains(${a('text')})`,
      () => `(${a('longs')}).contains(${a('long')})`,
      () => `(${a('texts')}).${pick(['containsAll', 'containsAny'])}(${a('texts')})`,
      () => `(${a('longs')}).${pick(['containsAll', 'containsAny'])}(${a('longs')})`,
      () => `(${a('records')}).contains(${a('record')})`,
      () => `(${a('sets')}).contains(${a('longs')})`,
      () => `(${a('sets')}).${pick(['containsAll', 'containsAny'])}(${a('sets')})`,
      () => `(${a(pick(['texts', 'longs', 'records', 'sets']))}).isEmpty()`,
      () => `(${a('entity')} in ${pick([a('entity'), `[${a('entity')}, ${a('entity')}]`, '[]'])})`,
      () => `(${a('entity')} is ${pick(TYPES)}${pick(['', ` in ${a('entity')}`, ` in [${a('entity')}]`])})`,
      () => `(${a('ip')}).${pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'])}()`,
      () => `(${a('ip')}).isInRange(${a('ip')})`,
      () => `((${a('record')}) has ${pick(['a', 's', 'n', 'n.x', 'n.y', '"odd key!"', 'zz'])})`,
      () => `(context.input has maybe && context.input.maybe == ${a(pick(['long', 'text']))})`,
      () => `(context.input has list && context.input.list.contains(${a('record')}))`,
      () => `(${a('entity')}).hasTag(${a('text')})`,
    ])();
  }

  #equality(depth: number): string {
    const { pick, a } = this.#tools(depth);
    const kind = pick<Kind>(['long', 'text', 'decimal', 'datetime', 'duration', 'ip', 'entity', 'texts', 'longs', 'record', 'records', 'sets', 'bool']); // prettier-ignore
    return `(${a(kind)} ${pick(['==', '!='])} ${a(this.#random.chance(0.9) ? kind : pick<Kind>(['long', 'record', 'texts']))})`;
  }

  expression(kind: Kind, depth: number): string {
    const { pick, a, chance } = this.#tools(depth);
    const choice = chance(0.15) && depth > 0 ? `(if ${a('bool')} then ${a(kind)} else ${a(kind)})` : undefined;
    const flat = depth <= 0 || chance(0.3);
    switch (kind) {
      case 'bool':
        return this.bool(depth);
      case 'long':
        if (flat) return pick(['1', '2', '-5', '0', '1000', pick(LONGS), 'context.input.amount', 'context.input.big', 'principal.level', 'context.input.o.a']); // prettier-ignore
        return choice ?? pick([() => `(${a(kind)} ${pick(['+', '-', '*'])} ${pick(['1', '2', '0', '-1', a(kind)])})`, () => `(-(${a(kind)}))`, () => `(${a('duration')}).${pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'])}()`])(); // prettier-ignore
      case 'text':
        return choice ?? pick([literal(pick(TEXTS)), 'context.input.body', 'context.session.env', 'principal.team.name', 'context.input["odd key!"]', 'context.input.o.s']); // prettier-ignore
      case 'decimal':
        return choice ?? pick([`decimal("${pick(DECIMALS)}")`, 'context.input.price']);
      case 'datetime':
        if (flat) return pick([`datetime("${pick(DATETIMES)}")`, 'context.input.at', 'context.system.now']);
        return choice ?? pick([() => `(${a(kind)}).offset(${a('duration')})`, () => `(${a(kind)}).toDate()`])();
      case 'duration':
        if (flat) return pick([`duration("${pick(DURATIONS)}")`, 'duration(context.session.ttl)']);
        return choice ?? pick([() => `(${a('datetime')}).durationSince(${a('datetime')})`, () => `(${a('datetime')}).toTime()`])();
      case 'ip':
        return choice ?? pick([`ip("${pick(IPS)}")`, 'ip(context.session.ip)']);
      case 'entity':
        return choice ?? pick(['principal', 'action', 'resource', pick(ENTITIES)]);
      case 'texts':
        return choice ?? pick([() => 'context.input.tags', () => `[${this.#random.list(3, () => a('text')).join(', ')}]`])();
      case 'longs':
        return choice ?? pick([() => 'context.input.nums', () => `[${this.#random.list(3, () => a('long')).join(', ')}]`])();
      case 'record':
        if (flat) return pick(['context.input.o', 'context.session', 'principal.team', '{}', '{a: 1, s: "a"}', '{"s": "a", "a": 1}']);
        return choice ?? `{a: ${a('long')}, "odd key!": ${a('text')}, n: ${a(pick<Kind>(['record', 'sets', 'entity', 'decimal']))}}`;
      case 'records':
        return `[${this.#random.list(2, () => a('record')).join(', ')}]`;
      case 'sets':
        return choice ?? pick([() => 'context.input.nested', () => `[${this.#random.list(3, () => a(pick<Kind>(['longs', 'texts']))).join(', ')}]`])(); // prettier-ignore
    }
  }

  #tools(depth: number): { pick: Random['pick']; chance: Random['chance']; a: (kind: Kind) => string } {
    const random = this.#random;
    return {
      pick: (list) => random.pick(list),
      chance: (p) => random.chance(p),
      a: (kind) => this.expression(kind, depth - 1),
    };
  }
}
