/** Params that a service in this process may want to run instead of the call's, and what may come of them. */
export class ParamsCase {
  readonly make: () => unknown;
  /** What may run; undefined where nothing may. */
  readonly runs: Readonly<Record<string, unknown>> | undefined;

  constructor(make: () => unknown, runs?: Readonly<Record<string, unknown>>) {
    this.make = make;
    this.runs = runs;
  }
}

/** The call's own params. */
export const ORIGINAL = { amount: 1, text: 'as it came', options: { deep: [1, 2] } };

const whole = { amount: 2, text: 'changed', options: { deep: [3] } };
const accepted = (make: () => unknown, runs: Readonly<Record<string, unknown>> = whole): ParamsCase => new ParamsCase(make, runs);
const refused = (make: () => unknown): ParamsCase => new ParamsCase(make);

/** A property that says something else each time it is read. */
function changing(first: unknown, later: unknown): object {
  let reads = 0;
  return Object.defineProperty({ ...whole }, 'amount', { get: () => (reads++ === 0 ? first : later), enumerable: true });
}

function cyclic(): object {
  const params: Record<string, unknown> = { ...whole };
  params['options'] = params;
  return params;
}

function deep(levels: number): object {
  let options: unknown = 1;
  for (let n = 0; n < levels; n++) options = [options];
  return { ...whole, options };
}

/** Complete params, and everything that looks like them. */
export const PARAMS_CASES: readonly ParamsCase[] = [
  accepted(() => structuredClone(whole)),
  accepted(() => Object.freeze({ ...whole, options: Object.freeze({ deep: Object.freeze([3]) }) })),
  accepted(() => Object.assign(Object.create(null) as object, structuredClone(whole))),
  accepted(() => ({ ...structuredClone(whole), amount: -0 }), { ...whole, amount: 0 }),
  accepted(() => ({ ...whole, options: null }), { ...whole, options: null }),
  accepted(() => ({ ...whole, options: new Date(7) }), { ...whole, options: new Date(7) }),
  accepted(() => ({ ...whole, amount: 10n ** 20n }), { ...whole, amount: 10n ** 20n }),
  accepted(() => changing(2, 1e6)),
  accepted(() => ({ ...whole, extra: undefined })),
  refused(() => changing(Number.NaN, 2)),
  refused(() => ({ amount: 2, text: 'changed' })),
  refused(() => ({ ...whole, text: undefined })),
  refused(() => ({ ...whole, extra: 1 })),
  refused(() => ({ ...whole, constructor: { prototype: { admin: true } } })),
  refused(() => ({ ...whole, options: JSON.parse('{"__proto__":{"admin":true}}') as unknown })),
  refused(() => ({ ...whole, options: { __entity: { type: 'Aegis::Role', id: 'admin' } } })),
  refused(() => ({ ...whole, amount: Infinity })),
  refused(() => ({ ...whole, amount: () => 2 })),
  refused(() => ({ ...whole, amount: Symbol('2') })),
  refused(() => ({ ...whole, [Symbol('hidden')]: 1 })),
  refused(() => ({ ...whole, options: new Map([['deep', 1]]) })),
  refused(() => ({ ...whole, options: Object.assign([1], { deep: 1 }) })),
  refused(() => ({ ...whole, options: [1, , 2] })), // oxlint-disable-line no-sparse-arrays
  refused(() => ({ ...whole, options: new Proxy({}, {}) })),
  refused(() => new Proxy({ ...whole }, {})),
  refused(() => Object.assign(new (class Params {})(), whole)),
  refused(() => new Map(Object.entries(whole))),
  refused(() => Object.entries(whole)),
  refused(() => Object.create(whole) as object),
  refused(cyclic),
  refused(() => deep(40)),
  refused(() => JSON.stringify(whole)),
  refused(() => ({})),
];
