import type { PolicyCall } from '../../../lib/policy/PolicyEngine.js';
import { literal, type Random } from '../../policy/fuzz/random.js';

/** What a condition says of a call: Cedar's third answer is an error. */
export type Truth = boolean | 'error';

/** A condition twice: as its author writes it in Cedar, and as plain code that knows nothing of Cedar. */
export interface Condition {
  readonly cedar: string;
  readonly holds: (call: PolicyCall) => Truth;
}

/** The params that conditions and operations are about. */
export const NAMES = ['env', 'mode', 'body', 'kind'] as const;
export const VALUES = ['old', 'new', 'production', 'a@b.c', 'to a@b.c!', ''] as const;

export const ALWAYS: Condition = { cedar: 'true', holds: () => true };

/** A condition of some depth; `mayErr` is how often an atom reads what may not be there, or compares what cannot be compared. */
export function randomCondition(random: Random, depth: number, mayErr: number): Condition {
  if (depth === 0 || random.chance(0.5)) return random.chance(mayErr) ? daring(random) : careful(random);
  const deeper = (): Condition => randomCondition(random, depth - 1, mayErr);
  switch (random.below(4)) {
    case 0:
      return not(deeper());
    case 1:
      return and(deeper(), deeper());
    case 2:
      return not(and(not(deeper()), not(deeper())), true);
    default:
      return choice(deeper(), deeper(), deeper());
  }
}

/** Looks before it reads: never an error. */
export function careful(random: Random): Condition {
  const name = random.pick(NAMES);
  return random.pick([
    () => ALWAYS,
    () => has(name),
    () => valueIs(name, random.pick(VALUES)),
    () => valueIs(name, random.pick(VALUES)),
    () => limit(random.below(4)),
    () => nested(random.below(3)),
    () => tagged(random.pick(['x', 'y'])),
    () => inSession('user_id', random.pick(['ann', 'bob'])),
    () => known(random.chance(0.5)),
  ])();
}

/** May be an error: a param that is not there, a text that is a number. */
function daring(random: Random): Condition {
  const name = random.pick(NAMES);
  return random.pick([() => equals(name, 'new'), () => like(name, '@'), () => below('amount', 2), () => below('n', 2)])();
}

/** A param is there, and is this text. */
export function valueIs(name: string, value: string): Condition {
  return and(has(name), equals(name, value));
}

/** A param is there, and is not this text. */
export function valueIsNot(name: string, value: string): Condition {
  return and(has(name), not(equals(name, value)));
}

function has(name: string): Condition {
  return { cedar: `context.input has ${name}`, holds: ({ params }) => name in params };
}

function equals(name: string, value: string): Condition {
  const cedar = `context.input.${name} == ${literal(value)}`;
  return { cedar, holds: ({ params }) => (name in params ? params[name] === value : 'error') };
}

function like(name: string, part: string): Condition {
  const holds = ({ params }: PolicyCall): Truth => (typeof params[name] === 'string' ? params[name].includes(part) : 'error');
  return { cedar: `context.input.${name} like "*${part}*"`, holds };
}

/** `n` is always a whole number. */
function limit(most: number): Condition {
  return { cedar: `context.input.n > ${most}`, holds: ({ params }) => (params['n'] as number) > most };
}

/** `amount` is there or not, and may have decimals: then it is no Long. */
function below(name: string, most: number): Condition {
  const holds = ({ params }: PolicyCall): Truth => (Number.isInteger(params[name]) ? (params[name] as number) < most : 'error');
  return { cedar: `context.input.${name} < ${most}`, holds };
}

function nested(value: number): Condition {
  const cedar = `context.input has o.a && context.input.o.a == ${value}`;
  return { cedar, holds: ({ params }) => (params['o'] as { a?: unknown } | undefined)?.a === value };
}

/** `tags` is always a list. */
function tagged(tag: string): Condition {
  return { cedar: `context.input.tags.contains("${tag}")`, holds: ({ params }) => (params['tags'] as string[]).includes(tag) };
}

function inSession(name: string, value: string): Condition {
  return {
    cedar: `context.session has ${name} && context.session.${name} == "${value}"`,
    holds: ({ session }) => session?.[name] === value,
  };
}

/** The fact `internal` is always there. */
function known(value: boolean): Condition {
  return { cedar: `context.facts.internal == ${value}`, holds: ({ facts }) => facts['internal'] === value };
}

function not(inner: Condition, bare = false): Condition {
  const holds = (call: PolicyCall): Truth => {
    const truth = inner.holds(call);
    return truth === 'error' ? truth : !truth;
  };
  return { cedar: bare ? `!${inner.cedar}` : `!(${inner.cedar})`, holds };
}

/** As Cedar does, the right side is only looked at where the left one holds. */
function and(left: Condition, right: Condition): Condition {
  const holds = (call: PolicyCall): Truth => {
    const truth = left.holds(call);
    return truth === true ? right.holds(call) : truth;
  };
  return { cedar: `((${left.cedar}) && (${right.cedar}))`, holds };
}

function choice(test: Condition, yes: Condition, no: Condition): Condition {
  const holds = (call: PolicyCall): Truth => {
    const truth = test.holds(call);
    return truth === 'error' ? truth : (truth ? yes : no).holds(call);
  };
  return { cedar: `(if ${test.cedar} then ${yes.cedar} else ${no.cedar})`, holds };
}
