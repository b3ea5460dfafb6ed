import { expect } from 'chai';
import vm from 'node:vm';
import { isBuiltIn, isPlainObject, isRootPrototype, kindOf } from '../../../lib/common/data/plainObject.js';

class Order {
  id = 1;
}

describe('isPlainObject', () => {
  const plain: readonly (readonly [string, unknown])[] = [
    ['an object', {}],
    ['an object with toJSON', { toJSON: () => 1 }],
    ['one without a prototype', Object.create(null)],
    ['one of another realm', vm.runInNewContext('({})')],
    ['one without a prototype of another realm', vm.runInNewContext('Object.create(null)')],
  ];
  for (const [name, value] of plain) it(`is true for ${name}`, () => expect(isPlainObject(value)).to.equal(true));

  const other: readonly (readonly [string, unknown])[] = [
    ['null', null],
    ['undefined', undefined],
    ['a text', 'x'],
    ['a function', () => 1],
    ['a list', []],
    ['a list of another realm', vm.runInNewContext('[]')],
    ['an instance', new Order()],
    ['an instance of another realm', vm.runInNewContext('new (class {})()')],
    ['a Date', new Date()],
    ['a Date of another realm', vm.runInNewContext('new Date()')],
    ['a Map', new Map()],
    ['a Proxy', new Proxy({}, {})],
    ['what inherits from data', Object.create({ a: 1 })],
    ['what inherits from a Proxy of Object.prototype', Object.create(new Proxy(Object.prototype, {}))],
    ['what inherits from a copy of hasOwnProperty', Object.create({ hasOwnProperty: 1, isPrototypeOf: 1 })],
  ];
  for (const [name, value] of other) it(`is false for ${name}`, () => expect(isPlainObject(value)).to.equal(false));
});

describe('isRootPrototype', () => {
  it('knows the root of this realm and of another', () => {
    expect(isRootPrototype(Object.prototype)).to.equal(true);
    expect(isRootPrototype(vm.runInNewContext('Object.prototype') as object)).to.equal(true);
    for (const proto of [null, Array.prototype, Order.prototype, Object.create(null) as object])
      expect(isRootPrototype(proto)).to.equal(false);
  });
});

describe('isBuiltIn', () => {
  it('is true for what is more than its properties', () => {
    for (const value of [new Map(), new Date(), [], Buffer.alloc(1), new Proxy({}, {}), Promise.resolve(), /a/, new Error('x')])
      expect(isBuiltIn(value)).to.equal(true);
  });
  it('is false for plain objects and instances', () => {
    for (const value of [{}, new Order(), Object.create(null) as object]) expect(isBuiltIn(value)).to.equal(false);
  });
});

describe('kindOf', () => {
  it('speaks for the object, not with it', () => {
    const liar = Object.assign(new Order(), { [Symbol.toStringTag]: 'CANARY' });
    expect(kindOf(liar)).to.equal('a class instance');
    expect(kindOf(new Proxy([], {}))).to.equal('a Proxy');
    expect(kindOf(new (class Items extends Array {})())).to.equal('an instance of an Array subclass');
  });
});
