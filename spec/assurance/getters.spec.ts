import { expect } from 'chai';
import { AegisModule, guard, guardSync } from '../../lib/index.js';
import { counted } from '../support/assurance.js';
import { StandInDecisions } from '../support/standInDecisions.js';

type Loose = (...args: unknown[]) => unknown;
const guards: Readonly<Record<string, (fn: Loose, options: object) => Loose>> = {
  'guard()': (fn, options) => guard(fn as never, options as never) as unknown as Loose,
  'guardSync()': (fn, options) => guardSync(fn as never, options as never) as unknown as Loose,
};

/** Data that answers differently each time it is read. */
const changing = (): object => {
  let reads = 0;
  return Object.defineProperty({}, 'tenant', { enumerable: true, get: () => (reads++ === 0 ? 'first' : 'later') });
};
/** Ways to put such data among the arguments. `tenantOf` reads it as a callback would. */
const SHAPES: Readonly<Record<string, { make: () => unknown; tenantOf: (arg: any) => unknown }>> = {
  'at the top': { make: changing, tenantOf: (d) => d.tenant },
  deeper: { make: () => ({ a: { b: changing() } }), tenantOf: (d) => d.a.b.tenant },
  'in a list': { make: () => ({ a: [changing()] }), tenantOf: (d) => d.a[0].tenant },
  'behind an iterator': {
    make: () => {
      const list: unknown[] = [changing()];
      // not enumerable, so it is no named property of the list
      Object.defineProperty(list, Symbol.iterator, { value: () => [{ tenant: 'iterated' }][Symbol.iterator]() });
      return { a: list };
    },
    tenantOf: ({ a: [first] }) => first.tenant,
  },
  'behind toJSON': {
    make: () => {
      const data = changing();
      Object.defineProperty(data, 'toJSON', { value: () => ({ tenant: 'json' }) });
      return data;
    },
    tenantOf: (d) => JSON.parse(JSON.stringify(d)).tenant,
  },
  'as the list of arguments itself': { make: changing, tenantOf: (d) => ({ ...d }).tenant },
};
/** Each takes the tenant that a callback saw. */
const CALLBACKS: Readonly<Record<string, (tenantOf: (args: any) => unknown, saw: (tenant: unknown) => void) => object>> = {
  session: (tenantOf, saw) => ({
    session: (_: unknown, args: readonly unknown[]) => {
      const tenant = tenantOf(args);
      saw(tenant);
      return { tenant };
    },
  }),
  agentId: (tenantOf, saw) => ({
    agentId: (_: unknown, args: readonly unknown[]) => {
      saw(tenantOf(args));
      return 'bot';
    },
  }),
  signal: (tenantOf, saw) => ({
    signal: (_: unknown, args: readonly unknown[]) => {
      saw(tenantOf(args));
      return undefined;
    },
  }),
};
const NAMINGS: Readonly<Record<string, object>> = {
  'by position': { params: ['d'] },
  'with a rest': { params: ['...d'] },
  'as a sole object': {},
  'beside an opaque one': { params: ['d', 'o'], opaque: ['o'] },
};

describe('Arguments that change while they are read', () => {
  let module: AegisModule;
  beforeEach(() => (module = AegisModule.create({ decisions: new StandInDecisions(), agentId: 'bot' })));
  afterEach(() => module.close());

  let cases = 0;
  let wrong = 0;
  after(() => counted({ what: 'A8 a callback and the method, on arguments that change', cases, wrong }));

  for (const [make, guarded] of Object.entries(guards))
    for (const [name, callback] of Object.entries(CALLBACKS))
      it(`(${make}) are the same for ${name}, the decision and the method`, async () => {
        const faults: string[] = [];
        for (const [naming, options] of Object.entries(NAMINGS))
          for (const [shape, { make: given, tenantOf }] of Object.entries(SHAPES)) {
            // guardSync() finds an approval again by the arguments, so none may be opaque
            if (make === 'guardSync()' && 'opaque' in options) continue;
            cases += 1;
            const seen: unknown[] = [];
            const ran: unknown[] = [];
            const fn =
              make === 'guard()'
                ? async (...args: unknown[]) => void ran.push(tenantOf(args[0]))
                : (...args: unknown[]) => void ran.push(tenantOf(args[0]));
            Object.defineProperty(fn, 'length', { value: 0 });
            const call = guarded(fn, {
              toolName: 'act',
              module,
              ...options,
              ...callback(
                (args) => tenantOf(args[0]),
                (t) => seen.push(t),
              ),
            });
            await call(given(), ...(naming.startsWith('beside') ? [{}] : []));
            if (seen.length !== 1 || ran.length !== 1 || seen[0] !== ran[0])
              faults.push(`${naming}, ${shape}: saw ${seen.join()}, ran with ${ran.join()}`);
          }
        wrong += faults.length;
        expect(faults).to.deep.equal([]);
      });

  it('are refused where they are Proxies, before any callback sees them', async () => {
    const seen: unknown[] = [];
    const call = guards['guard()']?.(async () => void seen.push('ran'), {
      toolName: 'act',
      module,
      params: ['d'],
      session: (_: unknown, [d]: readonly unknown[]) => void seen.push(d),
    }) as Loose;
    for (const given of [new Proxy({}, {}), { deep: new Proxy({}, {}) }, [new Proxy([], {})]]) {
      const error = await Promise.resolve(call(given)).then(
        () => undefined,
        (e: Error) => e,
      );
      expect(error).to.have.property('name', 'UnsupportedParamError');
    }
    expect(seen).to.deep.equal([]);
  });

  it('are opaque as they are: the callback and the method get the same object', async () => {
    const seen: unknown[] = [];
    const options = {
      toolName: 'act',
      module,
      params: ['o'],
      opaque: ['o'],
      session: (_: unknown, [o]: readonly unknown[]) => void seen.push(o),
    };
    const request = new (class Request {})();
    await guards['guard()']?.(async (o) => void seen.push(o), options)(request);
    expect(seen).to.deep.equal([request, request]);
    expect(seen[0]).to.equal(seen[1]);
  });

  it('that a callback keeps and changes later change nothing, nor what another callback sees', async () => {
    const kept: { n: number }[] = [];
    const keep = (_: unknown, [d]: readonly unknown[]): void => {
      (d as { n: number }).n += 1;
      kept.push(d as { n: number });
    };
    let ran: unknown;
    const options = {
      toolName: 'act',
      module,
      params: ['d'],
      session: keep,
      signal: keep,
      agentId: (s: unknown, a: readonly unknown[]) => (keep(s, a), 'bot'),
    };
    await guards['guard()']?.(async (d) => {
      for (const one of kept) one.n = 99;
      ran = { ...(d as object) };
    }, options)({ n: 1 });
    expect(ran).to.deep.equal({ n: 1 });
    expect(kept).to.have.lengthOf(3);
  });

  it('are a copy for the schema, too: one that changes what it is given changes only what it returns', async () => {
    const service = new StandInDecisions();
    const own = AegisModule.create({ decisions: service, agentId: 'bot' });
    const validate = (params: any): object => {
      const value = { d: { n: params.d.n } };
      params.d.n = 99;
      return { value };
    };
    let saw: unknown;
    const session = (_: unknown, [d]: readonly any[]): object => ({ n: (saw = d.n) });
    const options = {
      toolName: 'act',
      module: own,
      params: ['d'],
      session,
      schema: { '~standard': { version: 1, vendor: 'x', validate } },
    };
    const given = { n: 1 };
    await guards['guard()']?.(async () => 0, options)(given);
    expect([saw, given.n, service.requests[0]?.params]).to.deep.equal([1, 1, { d: { n: 1 } }]);
    await own.close();
  });
});
