import { expect } from 'chai';
import { Readable } from 'node:stream';
import vm from 'node:vm';
import * as v from 'valibot';
import { guard, GuardDefinitionError, ParamsError, SanitizeError, UnsupportedParamError } from '../../../lib/index.js';
import type { AegisModule } from '../../../lib/index.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

type Loose = (...args: unknown[]) => Promise<unknown[]>;
const looseGuard = guard as unknown as (fn: (...args: any[]) => unknown, options: object) => Loose;

class Order {
  id = 'o1';
  #secret = 's';
  constructor(id = 'o1') {
    this.id = id;
  }
  get label(): string {
    return `order ${this.id}`;
  }
  set price(_v: number) {
    throw new Error('no setter runs');
  }
  open(): string {
    return this.#secret;
  }
}

describe('The arguments of a guarded call', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  /** What the function got. */
  const got = async (...args: unknown[]): Promise<unknown[]> => args;
  const guarded = (options: object, fn: (...args: any[]) => unknown = got): Loose =>
    looseGuard(fn, { toolName: 't', module, approval: 'wait', ...options });
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
  });
  afterEach(() => module.close());

  describe('with names', () => {
    it('are as many as were passed', async () => {
      const call = guarded({ params: ['a', 'b', 'c'] });
      for (const args of [[], [1], [1, undefined], [undefined, 2], [1, 2, 3]]) expect(await call(...args)).to.deep.equal(args);
      expect(service.requests.map((r) => r.params)).to.deep.equal([{}, { a: 1 }, { a: 1 }, { b: 2 }, { a: 1, b: 2, c: 3 }]);
    });

    for (const options of [{ opaque: ['b'] }, { plain: ['b'] }, { opaque: ['a'] }])
      it(`are as many as were passed, with ${JSON.stringify(options)} too`, async () => {
        const call = guarded({ params: ['a', 'b', 'c'], ...options });
        for (const args of [[], [1], [1, 2], [1, 2, undefined], [undefined, 2, undefined], [undefined, undefined, undefined]])
          expect(await call(...args)).to.deep.equal(args);
      });

    it('are refused when there are more', async () => {
      const error = await rejection(guarded({ params: ['a'] })(1, 2));
      expect(error).to.be.instanceOf(ParamsError);
      expect(error.message).to.equal('The call has 2 arguments, but the guard names 1; name every parameter that is passed in `params`.');
    });

    it('are spread again where the last is a rest', async () => {
      const call = guarded({ params: ['a', 'b', '...more'] });
      for (const args of [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]) expect(await call(...args)).to.deep.equal(args);
      expect(service.last.params).to.deep.equal({ a: 1, b: 2, more: [3, 4] });
    });

    it('may hold a param that a sanitize adds, in its place', async () => {
      service.always({ effect: 'sanitize', params: { c: 3 } });
      expect(await guarded({ params: ['a', 'b', 'c'] })()).to.deep.equal([undefined, undefined, 3]);
      service.always({ effect: 'sanitize', params: { a: 1, more: [5] } });
      expect(await guarded({ params: ['a', 'b', '...more'] })(1)).to.deep.equal([1, undefined, 5]);
    });

    it('refuse a rest that a sanitize made no list, without running', async () => {
      service.always({ effect: 'sanitize', params: { a: 1, more: 'x' } });
      expect(await rejection(guarded({ params: ['a', '...more'] })(1)))
        .to.be.instanceOf(SanitizeError)
        .and.include({ path: '/more' });
    });

    it('refuse a rest that a schema made no list, without running', async () => {
      const schema = v.object({ a: v.number(), more: v.pipe(v.array(v.number()), v.transform(String)) });
      expect(await rejection(guarded({ params: ['a', '...more'], schema })(1, 2)))
        .to.be.instanceOf(ParamsError)
        .and.include({ path: '/more' });
    });

    it('are none in place of a rest that a sanitize took away', async () => {
      const schema = v.object({ a: v.number(), more: v.optional(v.array(v.number())) });
      service.always({ effect: 'sanitize', params: { a: 1 } });
      expect(await guarded({ params: ['a', '...more'], schema })(1, 2, 3)).to.deep.equal([1]);
    });

    it("do not take '...more' for a param's name in a sanitize", async () => {
      service.always({ effect: 'sanitize', params: { more: [1], '...more': [2] } });
      expect(await rejection(guarded({ params: ['...more'] })(1)))
        .to.be.instanceOf(SanitizeError)
        .and.include({ path: '/...more' });
    });
  });

  describe('without names', () => {
    it('are the keys of a sole object', async () => {
      expect(await guarded({}, async (o) => [o])({ a: 1, b: [2] })).to.deep.equal([{ a: 1, b: [2] }]);
      expect(service.last.params).to.deep.equal({ a: 1, b: [2] });
    });

    it('may be none', async () => {
      expect(await guarded({})()).to.deep.equal([]);
      expect(service.last.params).to.deep.equal({});
      expect(await guarded({}, async (o = 'default') => [o])(undefined)).to.deep.equal(['default']);
    });

    it('are the default where undefined is passed for the sole one', async () => {
      const run = async (options: unknown = { limit: 5 }): Promise<unknown[]> => [options];
      for (const args of [[], [undefined]]) {
        expect(await guarded({}, run)(...args)).to.deep.equal([{ limit: 5 }]);
        expect(service.last.params).to.deep.equal({});
      }
      expect(await guarded({}, run)({})).to.deep.equal([{}]);
      // what a sanitize gives it is not left out
      service.always({ effect: 'sanitize', params: { limit: 1 } });
      const schema = v.object({ limit: v.optional(v.number()) });
      expect(await guarded({ schema }, run)(undefined)).to.deep.equal([{ limit: 1 }]);
    });

    it('may come from another realm', async () => {
      expect(await guarded({})(vm.runInNewContext('({ a: 1 })'))).to.deep.equal([{ a: 1 }]);
    });

    it('are refused when there are two', async () => {
      expect(await rejection(guarded({})({ a: 1 }, { b: 1 })))
        .to.be.instanceOf(ParamsError)
        .and.match(/2 arguments without names/)
        .and.match(/guardTools\(\).*'aegislib\/ai-sdk'.*opaque: \['\.\.\.context'\]/);
    });

    const others: readonly (readonly [string, unknown])[] = [
      ['a text', 'x'],
      ['a number', 1],
      ['null', null],
      ['a list', [1]],
      ['a function', () => 1],
      ['a Date', new Date()],
      ['a Map', new Map([['a', 1]])],
      ['an instance', new Order()],
      ['a Proxy', new Proxy({ a: 1 }, {})],
      ['a Buffer', Buffer.from('x')],
      ['a Promise', Promise.resolve({})],
    ];
    for (const [name, value] of others)
      for (const options of [{}, { opaque: ['a'] }])
        it(`are refused when the sole one is ${name}${'opaque' in options ? ' and something is opaque' : ''}`, async () => {
          const error = await rejection(guarded(options)(value));
          expect(error).to.be.instanceOf(ParamsError);
          expect(error.message).to.include("name it with params: ['…']");
          expect(service.requests).to.be.empty;
        });
  });

  describe('that are opaque', () => {
    it('are handed on by reference, and no decision sees them', async () => {
      const stream = Readable.from([]);
      const [to, body] = await guarded({ params: ['to', 'body'], opaque: ['body'] })('a', stream);
      expect(to).to.equal('a');
      expect(body).to.equal(stream);
      expect(service.last).to.deep.include({ params: { to: 'a' }, opaque: ['body'] });
    });

    it('may be a rest, or a key of a sole object', async () => {
      const [a, b] = [new Map(), new Set()];
      expect(await guarded({ params: ['...all'], opaque: ['all'] })(a, b)).to.have.ordered.members([a, b]);
      expect(service.last.params).to.deep.equal({});
      const [sole] = (await guarded({ opaque: ['body'] })({ to: 'a', body: a })) as [{ to: string; body: unknown }];
      expect(sole.to).to.equal('a');
      expect(sole.body).to.equal(a);
      expect(service.last.params).to.deep.equal({ to: 'a' });
    });

    it('may be all that a framework passes after a sole object', async () => {
      const context = { toolCallId: 'c1', abortSignal: new AbortController().signal };
      const call = guarded({ opaque: ['...context'] });
      const [input, handed, more] = (await call({ to: 'a' }, context, 7)) as unknown[];
      expect([input, more]).to.deep.equal([{ to: 'a' }, 7]);
      expect(handed).to.equal(context);
      expect(service.last).to.deep.include({ params: { to: 'a' }, opaque: ['context'] });
      expect(await call({ to: 'a' })).to.deep.equal([{ to: 'a' }]);
      expect(await call(undefined, context)).to.have.ordered.members([undefined, context]);
      expect(await call()).to.deep.equal([]);
      const [both, third] = (await guarded({ opaque: ['body', '...context'] })({ to: 'a', body: context }, context)) as [
        { body: unknown },
        unknown,
      ];
      expect([both.body, third]).to.have.ordered.members([context, context]);
      expect(service.last).to.deep.include({ params: { to: 'a' }, opaque: ['body', 'context'] });
      // a function that takes it may be guarded without names too
      const two = guarded({ opaque: ['...context'] }, async (first: unknown, second: unknown) => [first, second]);
      expect(await two({ a: 1 }, 2)).to.deep.equal([{ a: 1 }, 2]);
    });

    it('are refused after a sole object that has a key of that name, and under a name that is not the last or not its own', async () => {
      expect(await rejection(guarded({ opaque: ['...context'] })({ context: 1 }, 2)))
        .to.be.instanceOf(ParamsError)
        .and.match(/key 'context'/);
      for (const opaque of [['...'], ['...context', 'body'], ['context', '...context'], ['...a', '...b']])
        expect(() => guarded({ opaque }), opaque.join()).to.throw(GuardDefinitionError, "'...context'");
    });

    it('may be omitted', async () => {
      expect(await guarded({ params: ['to', 'body'], opaque: ['body'] })('a')).to.deep.equal(['a']);
    });

    it('cannot be replaced by a sanitize', async () => {
      service.always({ effect: 'sanitize', params: { to: 'a', body: 'x' } });
      const error = await rejection(guarded({ params: ['to', 'body'], opaque: ['body'] })('a', new Map()));
      expect(error)
        .to.be.instanceOf(SanitizeError)
        .and.match(/'body', which is opaque/);
    });

    it('keep their reference through a sanitize of the others', async () => {
      service.always({ effect: 'sanitize', params: { to: 'b' } });
      const body = new Map();
      expect(await guarded({ params: ['to', 'body'], opaque: ['body'] })('a', body)).to.have.ordered.members(['b', body]);
    });

    it('are not seen by the schema', async () => {
      const schema = v.strictObject({ to: v.string() });
      const body = new Map();
      expect(await guarded({ params: ['to', 'body'], opaque: ['body'], schema })('a', body)).to.have.ordered.members(['a', body]);
    });

    it('are read once where they are keys', async () => {
      let reads = 0;
      const sole = {
        get body(): number {
          return (reads += 1);
        },
        get to(): number {
          return (reads += 10);
        },
      };
      expect(await guarded({ opaque: ['body'] })(sole)).to.deep.equal([{ body: 1, to: 11 }]);
    });

    it('do not hide a symbol key or a getter that throws beside them', async () => {
      const call = guarded({ opaque: ['body'] });
      expect(await rejection(call({ body: 1, [Symbol('s')]: 1 }))).to.be.instanceOf(UnsupportedParamError);
      const error = await rejection(
        call({
          get to(): never {
            throw new Error('CANARY');
          },
        }),
      );
      expect(error).to.be.instanceOf(UnsupportedParamError);
      expect(error.message).to.not.include('CANARY');
    });
  });

  describe('that are plain', () => {
    const plain = { params: ['order'], plain: ['order'] };

    it('are decided on by their own data, and come as an instance of the same class', async () => {
      const [order] = (await guarded(plain)(new Order('o7'))) as [Order];
      expect(service.last.params).to.deep.equal({ order: { id: 'o7' } });
      expect(order).to.be.instanceOf(Order);
      expect(order.label).to.equal('order o7');
    });

    it('are a copy, without what is #private', async () => {
      const mine = new Order();
      const [order] = (await guarded(plain)(mine)) as [Order];
      expect(order).to.not.equal(mine);
      expect(() => order.open()).to.throw(TypeError);
    });

    it('keep their class through a sanitize, and no setter of it runs', async () => {
      service.always({ effect: 'sanitize', params: { order: { id: 'masked', price: 1 } } });
      const [order] = (await guarded(plain)(new Order())) as [Order];
      expect(order.label).to.equal('order masked');
      expect(Object.getOwnPropertyDescriptor(order, 'price')?.value).to.equal(1);
    });

    it('are what a sanitize makes of them, though that is no object', async () => {
      for (const order of ['withheld', null, [1]]) {
        service.always({ effect: 'sanitize', params: { order } });
        expect(await guarded(plain)(new Order())).to.deep.equal([order]);
      }
    });

    it('may be of another realm, or plain already', async () => {
      const foreign = vm.runInNewContext('new (class Order { id = 5; get twice() { return 2 * this.id } })()') as object;
      const [order] = (await guarded(plain)(foreign)) as [{ twice: number }];
      expect(order.twice).to.equal(10);
      expect(await guarded(plain)({ id: 'x' })).to.deep.equal([{ id: 'x' }]);
      expect(await guarded(plain)()).to.deep.equal([]);
    });

    for (const [name, value] of [
      ['a text', 'x'],
      ['a Date', new Date(5)],
      ['a list', [1]],
    ] as const)
      it(`take ${name} for what it is`, async () => {
        expect(await guarded(plain)(value)).to.deep.equal([value]);
      });

    for (const [name, value] of [
      ['a Map', new Map()],
      ['a Proxy', new Proxy(new Order(), {})],
      ['an own accessor', Object.defineProperty(new Order(), 'a', { get: () => 1, enumerable: true })],
      ['an instance inside', Object.assign(new Order(), { inner: new Order() })],
    ] as const)
      it(`refuse ${name}`, async () => {
        expect(await rejection(guarded(plain)(value)))
          .to.be.instanceOf(UnsupportedParamError)
          .and.match(/\/order/);
      });

    it('are refused as instances where they are not declared', async () => {
      const error = await rejection(guarded({ params: ['order'] })(new Order()));
      expect(error).to.be.instanceOf(UnsupportedParamError).and.include({ path: '/order' });
      expect(error.message).to.include('a class instance');
    });
  });
});
