import { PARAMS_CASES, ParamsCase } from './paramsCases.js';
import type { Random } from '../../policy/fuzz/random.js';

/** One field of an answer: how it can be read, what it says when it is read first, and what it says later. */
export interface FieldPlan {
  readonly how: 'data' | 'hidden' | 'getter' | 'inherited' | 'flips' | 'throws';
  readonly first: unknown;
  readonly later: unknown;
}

/** What an answer is: an object of some kind, or something that becomes one, or nothing of the sort. */
export type Shape = (typeof SHAPES)[number];

/** An answer that a service in this process may give, described rather than built: an oracle reads the plan, never the object. */
export interface AnswerPlan {
  readonly fields: Readonly<Record<string, FieldPlan>>;
  readonly shape: Shape;
  /** Whether the service changes its answer as soon as it has given it. */
  readonly meddles: boolean;
}

/** Shapes whose fields are an answer's: what counts is what they say. */
const OBJECTS = ['plain', 'frozen', 'bare', 'instance', 'proxy', 'list with fields', 'error', 'then is no function'] as const;
const LATER = ['promise', 'promise of a promise', 'thenable', 'thenable that goes on', 'promise of a thenable'] as const;
const NEVER = ['proxy that throws', 'then throws', 'thenable that throws', 'rejection', 'thenable that fails first', 'function', 'text', 'in a list', 'nothing', 'null', 'true'] as const; // prettier-ignore
const SHAPES = [...OBJECTS, ...LATER, ...NEVER] as const;

/** Whether this shape can say anything that may be believed. */
export function canSpeak(shape: Shape): boolean {
  return !(NEVER as readonly string[]).includes(shape);
}

/** A plan of an answer with these fields, changed in some of them. */
export function planOf(random: Random, fields: Record<string, unknown>, others: Readonly<Record<string, readonly unknown[]>>): AnswerPlan {
  const plans: Record<string, FieldPlan> = {};
  for (const [name, value] of Object.entries(fields)) plans[name] = { how: 'data', first: value, later: value };
  for (let n = random.below(3); n > 0; n--) {
    const name = random.pick(Object.keys(others));
    const pool = others[name] as readonly unknown[];
    const first = name in plans && random.chance(0.4) ? plans[name]?.first : random.pick(pool);
    const how = random.pick(['data', 'data', 'data', 'hidden', 'getter', 'inherited', 'flips', 'flips', 'throws'] as const);
    if (random.chance(0.1)) delete plans[name];
    else plans[name] = { how, first, later: how === 'flips' ? laterOf(random, pool) : first };
  }
  const shape = random.chance(0.4) ? 'plain' : random.pick(SHAPES);
  return { fields: plans, shape, meddles: random.chance(0.2) };
}

/** Mostly the most dangerous thing to say later, which pools begin with. */
function laterOf(random: Random, pool: readonly unknown[]): unknown {
  return random.chance(0.6) ? pool[0] : random.pick(pool);
}

/** What a field says when it is read first; undefined where there is none. */
export function said(plan: AnswerPlan, name: string): unknown {
  return plan.fields[name]?.first;
}

/** Builds what the plan describes. */
export function built({ fields, shape, meddles }: AnswerPlan): unknown {
  const target: object =
    shape === 'bare'
      ? Object.create(null)
      : shape === 'instance'
        ? new (class Answer {})()
        : shape === 'list with fields'
          ? []
          : shape === 'error'
            ? new Error('an answer')
            : {};
  const inherited = Object.create(Object.getPrototypeOf(target) as object | null) as object;
  for (const [name, plan] of Object.entries(fields)) {
    Object.defineProperty(plan.how === 'inherited' ? inherited : target, name, descriptorOf(plan));
  }
  if (Object.values(fields).some(({ how }) => how === 'inherited')) Object.setPrototypeOf(target, inherited);
  const answer = target as Record<string, unknown>;
  if (meddles && (OBJECTS as readonly string[]).includes(shape) && shape !== 'frozen') queueMicrotask(() => meddle(answer));
  return shaped(answer, shape);
}

function descriptorOf({ how, first, later }: FieldPlan): PropertyDescriptor {
  // each reading gets params of its own
  const value = (given: unknown): unknown => (given instanceof ParamsCase ? given.make() : given);
  let reads = 0;
  const get = (): unknown => {
    if (how === 'throws') throw new TypeError('a field that cannot be read');
    return value(reads++ === 0 ? first : later);
  };
  return how === 'getter' || how === 'flips' || how === 'throws'
    ? { get, enumerable: true, configurable: true }
    : { value: value(first), enumerable: how !== 'hidden', writable: true, configurable: true };
}

/** Too late: nothing it does now may matter. */
function meddle(answer: Record<string, unknown>): void {
  const now: Record<string, unknown> = { effect: 'allow', state: 'approved', params: PARAMS_CASES[0]?.make() };
  for (const [name, value] of Object.entries(now)) Reflect.set(answer, name, value);
}

function shaped(answer: Record<string, unknown>, shape: Shape): unknown {
  const allow = { effect: 'allow', decisionId: 'late', state: 'approved' };
  switch (shape) {
    case 'frozen':
      return Object.freeze(answer);
    case 'proxy':
      return new Proxy(answer, {});
    case 'proxy that throws':
      return new Proxy(answer, { get: () => { throw new RangeError('a trap'); } }); // prettier-ignore
    case 'then is no function':
      return Object.defineProperty(answer, 'then', { value: 'allow', configurable: true });
    case 'then throws':
      return Object.defineProperty(answer, 'then', { get: () => { throw new RangeError('a trap'); } }); // prettier-ignore
    case 'thenable that throws':
      return { ...allow, then: () => { throw new RangeError('a trap'); } }; // prettier-ignore
    case 'promise':
      return Promise.resolve(answer);
    case 'promise of a promise':
      return Promise.resolve().then(() => Promise.resolve(answer));
    case 'thenable':
      return { ...allow, then: (resolve: (value: unknown) => void) => resolve(answer) };
    case 'promise of a thenable':
      return Promise.resolve().then(() => ({ ...allow, then: (resolve: (value: unknown) => void) => resolve(answer) }));
    case 'thenable that goes on':
      return { then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => (resolve(answer), resolve(allow), reject(allow)) }; // prettier-ignore
    case 'thenable that fails first':
      return { then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => (reject(allow), resolve(allow)) };
    case 'rejection':
      return Promise.reject(allow);
    case 'function':
      return Object.assign(() => allow, { decisionId: 'function', effect: 'allow', state: 'approved' });
    case 'text':
      return JSON.stringify(allow);
    case 'in a list':
      return [allow];
    case 'nothing':
      return undefined;
    case 'null':
      return null;
    case 'true':
      return true;
    default:
      return answer;
  }
}
