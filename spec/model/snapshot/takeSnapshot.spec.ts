import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import vm from 'node:vm';
import sinon from 'sinon';
import { UnsupportedParamError } from '../../../lib/model/errors/CallErrors.js';
import { DEFAULT_LIMITS, takeInstanceSnapshot, takeSnapshot } from '../../../lib/model/snapshot/takeSnapshot.js';
import { quickestMs } from '../../support/pace.js';

const copyOf = (value: unknown, limits: Partial<typeof DEFAULT_LIMITS> = {}): unknown =>
  takeSnapshot(value, '', { ...DEFAULT_LIMITS, ...limits }).value;

function refusal(value: unknown, limits: Partial<typeof DEFAULT_LIMITS> = {}): UnsupportedParamError {
  try {
    copyOf(value, limits);
  } catch (error) {
    expect(error).to.be.instanceOf(UnsupportedParamError);
    return error as UnsupportedParamError;
  }
  throw new Error('it was taken');
}

class Order {
  id = 'o1';
}

describe('takeSnapshot', () => {
  it('copies data deeply', () => {
    const value = { a: [1, { b: 'x' }], at: new Date(5), n: 2n ** 70n, t: true, z: null };
    const copy = copyOf(value) as typeof value;
    expect(copy).to.deep.equal(value);
    expect(copy).to.not.equal(value);
    expect(copy.a).to.not.equal(value.a);
    expect(copy.a[1]).to.not.equal(value.a[1]);
    expect(copy.at).to.not.equal(value.at);
  });

  it('makes -0 a 0', () => expect(Object.is((copyOf({ n: -0 }) as { n: number }).n, 0)).to.equal(true));
  it('drops properties that are undefined', () => expect(copyOf({ a: undefined, b: 1 })).to.have.all.keys('b'));
  it('drops what is not enumerable', () => expect(copyOf(Object.defineProperty({ b: 1 }, 'a', { value: 1 }))).to.have.all.keys('b'));
  it('takes records without a prototype', () => {
    expect(copyOf(Object.assign(Object.create(null), { a: 1 }))).to.deep.equal({ a: 1 });
  });
  it('takes data of another realm', () => {
    const value = vm.runInNewContext('({ list: [1, { a: 2 }], at: new Date(7), bare: Object.create(null) })') as object;
    expect(copyOf(value)).to.deep.equal({ list: [1, { a: 2 }], at: new Date(7), bare: {} });
    expect((copyOf(value) as { at: Date }).at).to.be.instanceOf(Date);
  });
  it("takes the Date of a test's fake clock", () => {
    const clock = sinon.useFakeTimers(5);
    try {
      expect(copyOf({ at: new Date(), then: new Date(7) })).to.deep.equal({ at: new Date(5), then: new Date(7) });
    } finally {
      clock.restore();
    }
  });
  it('takes text of any kind, lone surrogates too', () => expect(copyOf({ a: '\ud800' })).to.deep.equal({ a: '\ud800' }));

  describe('where the first null is', () => {
    const table: readonly (readonly [unknown, string | undefined])[] = [
      [{ a: 1 }, undefined],
      [{ a: null }, '/a'],
      [{ a: { 'b/c~d': [1, null] }, z: null }, '/a/b~1c~0d/1'],
      [{ a: undefined, b: null }, '/b'],
    ];
    for (const [value, at] of table)
      it(`is ${at ?? 'nowhere'} in ${JSON.stringify(value)}`, () => expect(takeSnapshot(value).firstNull).to.equal(at));
  });

  describe('refuses, by place, ', () => {
    const proxied = new Proxy({}, {});
    const table: readonly (readonly [string, unknown, RegExp])[] = [
      ['a Map', new Map([['a', 1]]), /a Map/],
      ['a Set', new Set([1]), /a Set/],
      ['a WeakMap', new WeakMap(), /a WeakMap/],
      ['a WeakSet', new WeakSet(), /a WeakSet/],
      ['a WeakRef', new WeakRef({}), /class instance/],
      ['a class instance', new Order(), /a class instance/],
      ['an instance of an Array subclass', new (class Items extends Array<number> {})(3), /Array subclass/],
      ['an instance of a Date subclass', new (class Day extends Date {})(), /Date subclass/],
      ['a function', () => 1, /a function/],
      ['a class', Order, /a function/],
      ['a symbol', Symbol('s'), /a symbol/],
      ['undefined in a list', [undefined], /undefined/],
      ['a Proxy', proxied, /a Proxy/],
      ['a Proxy of a list', new Proxy([], {}), /a Proxy/],
      ['a RegExp', /a/, /a RegExp/],
      ['an Error', new Error('x'), /an Error/],
      ['a Buffer', Buffer.from('x'), /a buffer/],
      ['a typed array', new Uint8Array(2), /a buffer/],
      ['a DataView', new DataView(new ArrayBuffer(1)), /a buffer/],
      ['an ArrayBuffer', new ArrayBuffer(2), /an ArrayBuffer/],
      ['a SharedArrayBuffer', new SharedArrayBuffer(2), /an ArrayBuffer/],
      ['a URL', new URL('http://a'), /class instance/],
      ['a URLSearchParams', new URLSearchParams('a=1'), /class instance/],
      ['an AbortSignal', AbortSignal.abort(), /class instance/],
      ['a stream', Readable.from([]), /class instance/],
      ['an EventEmitter', new EventEmitter(), /class instance/],
      ['a generator', (function* () {})(), /a generator/],
      ['a boxed number', new Number(1), /boxed/],
      ['a boxed text', new String('a'), /boxed/],
      ['NaN', Number.NaN, /the number NaN/],
      ['Infinity', Infinity, /the number Infinity/],
      ['-Infinity', -Infinity, /the number -Infinity/],
      ['an invalid Date', new Date(Number.NaN), /invalid Date/],
      ['a hole', [1, , 2], /a hole/], // oxlint-disable-line no-sparse-arrays
      ['a list with named properties', Object.assign([1], { extra: 1 }), /named properties/],
      ['a symbol key', { [Symbol('s')]: 1 }, /symbol key/],
      ['an object that inherits from data', Object.create({ a: 1 }), /class instance/],
      ['an object that inherits from a Proxy', Object.create(proxied), /class instance/],
    ];
    for (const [name, value, kind] of table)
      it(name, () => {
        const error = refusal({ deep: { here: value } });
        expect(error.path).to.match(/^\/deep\/here/);
        expect(error.message)
          .to.match(kind)
          .and.match(/pass plain data .*, or name the parameter in `opaque`/);
      });

    it('a Promise, whose value the caller can wait for', () => {
      const error = refusal({ deep: { here: Promise.resolve(1) } });
      expect(error.path).to.equal('/deep/here');
      expect(error.message).to.include('is a Promise, which cannot be copied; await it before the call.');
    });

    for (const key of ['__proto__', 'constructor', 'prototype', '__entity', '__extn', '__expr'])
      it(`the key ${key}, at the top and below`, () => {
        const data = JSON.parse(`{"${key}": {"admin": true}}`) as object;
        expect(refusal(data).path).to.equal(`/${key}`);
        expect(refusal({ a: [data] }).path).to.equal(`/a/0/${key}`);
        expect(({} as { admin?: boolean }).admin).to.equal(undefined);
      });

    it('a getter that throws, and does not quote it', () => {
      const error = refusal({
        get a(): never {
          throw new Error('CANARY');
        },
      });
      expect(error.message).to.include('a getter in it threw').and.not.include('CANARY');
      expect(error.cause).to.equal(undefined);
    });

    it('an object that names its own kind, without asking it', () => {
      let asked = 0;
      class Liar {
        get [Symbol.toStringTag](): string {
          asked += 1;
          return 'CANARY';
        }
      }
      expect(refusal({ a: new Liar() }).message).to.not.include('CANARY');
      expect(asked).to.equal(0);
    });
  });

  it('reads each property once and calls nothing else', () => {
    const reads: string[] = [];
    const value = {
      get a(): number {
        reads.push('a');
        return reads.length;
      },
      list: [1],
      toJSON(): object {
        reads.push('toJSON');
        return { a: 99 };
      },
    };
    Object.defineProperty(value, 'toJSON', { enumerable: false });
    Object.defineProperty(value.list, '0', { enumerable: true, get: () => (reads.push('0'), 7) });
    Object.defineProperty(value, 'valueOf', { value: () => reads.push('valueOf') });
    const date = Object.assign(new Date(5), { getTime: () => reads.push('getTime') });
    expect(copyOf({ value, date })).to.deep.equal({ value: { a: 1, list: [7] }, date: new Date(5) });
    expect(reads).to.deep.equal(['a', '0']);
  });

  it('never runs a trap of a Proxy', () => {
    const traps: string[] = [];
    const handler = new Proxy({}, { get: (_, trap) => void traps.push(String(trap)) });
    refusal({ a: new Proxy({}, handler) });
    refusal(new Proxy([], handler));
    refusal(Object.create(new Proxy({}, handler)));
    expect(traps).to.deep.equal([]);
  });

  describe('keeps limits', () => {
    const nested = (depth: number): unknown => {
      let value: unknown = 1;
      for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
      return value;
    };

    it('of depth: 31 and 32 pass, 33 does not', () => {
      for (const depth of [31, 32]) expect(copyOf(nested(depth))).to.deep.equal(nested(depth));
      expect(refusal(nested(33)).message).to.include('nested deeper than 32');
    });

    it('of keys: 9,999 and 10,000 pass, 10,001 do not', () => {
      const keys = (count: number): object => ({ list: new Array(count - 3).fill(0), a: 1, b: 1 });
      for (const count of [9_999, 10_000]) expect(() => copyOf(keys(count))).to.not.throw();
      expect(refusal(keys(10_001)).message).to.include('more than 10000 keys and items');
    });

    it('of bytes in UTF-8: at the limit passes, one more does not', () => {
      // 2 for the key's place, 1 for its name
      const limits = { maxBytes: 103 };
      for (const [fill, size] of [
        ['x', 1],
        ['é', 2],
        ['€', 3],
        ['😀', 4],
      ] as const) {
        const text = fill.repeat(Math.floor(100 / size)).padEnd(Math.floor(100 / size) * fill.length + (100 % size), '.');
        expect(Buffer.byteLength(text)).to.equal(100);
        expect(copyOf({ a: text.slice(0, -1) }, limits)).to.deep.equal({ a: text.slice(0, -1) });
        expect(copyOf({ a: text }, limits)).to.deep.equal({ a: text });
        expect(refusal({ a: `${text}.` }, limits).message).to.include('larger than 103 bytes');
      }
    });

    it('of bytes in keys and other values', () => {
      expect(() => copyOf({ aa: 1, b: [true, null, new Date()] }, { maxBytes: 47 - 2 })).to.not.throw();
      expect(refusal({ aa: 1, b: [true, null, new Date()] }, { maxBytes: 44 }).message).to.include('larger than 44 bytes');
    });

    it('of a BigInt, before it is written out', () => {
      expect(() => copyOf({ n: 1n << 399n }, { maxBytes: 103 })).to.not.throw();
      expect(() => refusal({ n: 1n << 420n }, { maxBytes: 103 })).to.not.throw();
      const huge = -(1n << 30_000_000n);
      const ms = quickestMs(50, () => expect(refusal({ n: huge }).message).to.include('BigInt larger than the size limit'));
      expect(ms).to.be.lessThan(50);
    });

    for (const [name, make] of [
      ['a list nested a million deep', () => nested(1_000_000)],
      ['a list of a million', () => new Array(1_000_000).fill(0)],
      ['a sparse list of four billion', () => new Array(2 ** 32 - 1)],
      [
        'a cycle',
        () => {
          const loop: unknown[] = [];
          loop.push(loop);
          return loop;
        },
      ],
      [
        'many references to one object',
        () => {
          let v: unknown = [1];
          for (let i = 0; i < 31; i++) v = [v, v];
          return v;
        },
      ],
      ['a text of 50 million', () => 'x'.repeat(50_000_000)],
    ] as const)
      it(`refuses ${name} in less than 50 ms`, () => {
        const value = make();
        expect(quickestMs(50, () => refusal({ value }))).to.be.lessThan(50);
      });
  });
});

describe('takeInstanceSnapshot', () => {
  const dataOf = (value: object): unknown => takeInstanceSnapshot(value, '/dto').value;

  it('copies the own data of an instance', () => {
    const order = Object.assign(new Order(), { items: [{ n: 1 }], none: undefined });
    expect(dataOf(order)).to.deep.equal({ id: 'o1', items: [{ n: 1 }] });
    expect(Object.getPrototypeOf(dataOf(order))).to.equal(Object.prototype);
  });

  it('leaves accessors of the class alone', () => {
    class Priced {
      net = 1;
      get gross(): number {
        throw new Error('never read');
      }
    }
    expect(dataOf(new Priced())).to.deep.equal({ net: 1 });
  });

  it('refuses own accessors, by place, without running them', () => {
    let ran = 0;
    for (const accessor of [{ get: () => (ran += 1) }, { set: () => (ran += 1) }]) {
      const order = Object.defineProperty(new Order(), 'amount', { ...accessor, enumerable: true });
      expect(() => dataOf(order)).to.throw(UnsupportedParamError, 'The value at /dto/amount is an accessor');
    }
    expect(ran).to.equal(0);
  });

  for (const [name, value] of [
    ['a Map', new Map()],
    ['a Date', new Date()],
    ['a Proxy', new Proxy(new Order(), {})],
    ['a list', []],
    ['a Buffer', Buffer.alloc(1)],
    ['an Error', new Error('x')],
  ] as const)
    it(`refuses ${name}: its properties are not what it is`, () => {
      expect(() => dataOf(value)).to.throw(UnsupportedParamError, '/dto');
    });

  it('refuses instances below', () => {
    expect(() => dataOf(Object.assign(new Order(), { inner: new Order() }))).to.throw(UnsupportedParamError, '/dto/inner');
  });

  it('keeps limits', () => {
    expect(() => takeInstanceSnapshot(new Order(), '/dto', { ...DEFAULT_LIMITS, maxBytes: 5 })).to.throw(UnsupportedParamError, '5 bytes');
  });
});
