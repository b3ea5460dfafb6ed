import { expect } from 'chai';
import { UnsupportedParamError } from '../../../lib/model/errors/CallErrors.js';
import { takeSnapshot } from '../../../lib/model/snapshot/takeSnapshot.js';

function refusal(value: unknown): UnsupportedParamError {
  try {
    takeSnapshot(value);
  } catch (error) {
    expect(error).to.be.instanceOf(UnsupportedParamError);
    return error as UnsupportedParamError;
  }
  throw new Error('it was taken');
}

describe('copyValue', () => {
  it("takes a key that is the text 'undefined'", () => {
    expect(takeSnapshot({ undefined: 1 }).value).to.deep.equal({ undefined: 1 });
  });

  it('drops a symbol key that is not enumerable, as it drops such a name', () => {
    const value = Object.defineProperty({ a: 1 }, Symbol('hidden'), { value: 2 });
    const copy = takeSnapshot(value).value as object;
    expect(Reflect.ownKeys(copy)).to.deep.equal(['a']);
  });

  it('finds the enumerable symbol key behind one that is not', () => {
    const value = Object.defineProperty({ a: 1 }, Symbol('hidden'), { value: 2 });
    const { path, message } = refusal({ deep: Object.assign(value, { [Symbol('shown')]: 3 }) });
    expect(path).to.equal('/deep/Symbol(shown)');
    expect(message).to.include('is a symbol key');
  });

  for (const [name, proto] of [
    ['another list', [2]],
    ['a record', { inherited: 1 }],
    ['the root of records', Object.prototype],
    ['nothing', null],
  ] as const)
    it(`refuses a list that inherits from ${name}`, () => {
      expect(refusal({ list: Object.setPrototypeOf([1], proto) as unknown }).path).to.equal('/list');
    });

  describe('says where and what', () => {
    const table: readonly (readonly [unknown, string])[] = [
      [[undefined], 'The value at /0 is undefined, which cannot be copied'],
      [{ a: () => 1 }, 'The value at /a is a function, which cannot be copied'],
      [new Map(), 'The value is a Map, which cannot be copied'],
      [JSON.parse('{ "constructor": 1 }'), "The key 'constructor' is not allowed at the top; rename it."],
      [{ a: JSON.parse('{ "constructor": 1 }') as unknown }, "The key 'constructor' is not allowed at /a; rename it."],
      [new Array(10_001).fill(0), 'The value has more than 10000 keys and items.'],
      [{ a: new Array(10_000).fill(0) }, 'The value at /a has more than 10000 keys and items.'],
    ];
    for (const [value, message] of table) it(message, () => expect(refusal(value).message.startsWith(message)).to.equal(true));
  });
});
