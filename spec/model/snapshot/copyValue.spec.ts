import { expect } from 'chai';
import { UnsupportedParamError } from '../../../lib/model/errors/CallErrors.js';
import { takeSnapshot, DEFAULT_LIMITS } from '../../../lib/model/snapshot/takeSnapshot.js';

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

const taken = (value: unknown, maxBytes: number): unknown => takeSnapshot(value, '', { ...DEFAULT_LIMITS, maxBytes }).value;

describe('The size of a snapshot', () => {
  const hundredDigits = 1n << 399n;
  const table: readonly (readonly [unknown, number])[] = [
    [0n, 8],
    [5n, 8],
    [-5n, 8],
    [2n ** 53n, 8],
    [-(2n ** 53n), 8],
    [2n ** 53n + 1n, 14],
    [-(2n ** 53n) - 1n, 14],
    [hundredDigits, 100],
    [-hundredDigits, 100],
    [hundredDigits << 4n, 101],
    ['', 0],
    ['text', 4],
    ['é', 2],
    [1.5, 8],
    [false, 8],
    [null, 8],
    [new Date(5), 8],
  ];
  for (const [value, bytes] of table) {
    const name = typeof value === 'bigint' ? `a BigInt of ${value.toString(16).length} hexadecimal digits` : JSON.stringify(value);
    it(`counts ${bytes} bytes for ${name}`, () => {
      expect(taken(value, bytes)).to.deep.equal(value);
      expect(() => taken(value, bytes - 1)).to.throw(UnsupportedParamError, /larger than/);
    });
    it(`counts ${bytes} bytes, its key and its place for ${name} in a record`, () => {
      expect(taken({ n: value }, bytes + 3)).to.deep.equal({ n: value });
      expect(() => taken({ n: value }, bytes + 2)).to.throw(UnsupportedParamError, /larger than/);
    });
  }

  it('is no reason to refuse a BigInt of thousands of digits where there is room', () => {
    for (const value of [1n << 4_095n, 1n << 4_096n, 1n << 100_000n, -(1n << 100_000n)])
      expect(taken({ value }, 262_144)).to.deep.equal({ value });
  });

  it('adds up what each item would have had room for alone', () => {
    const list = [1n << 399n, 'x'.repeat(100)];
    expect(taken(list, 204)).to.deep.equal(list);
    expect(() => taken(list, 203)).to.throw(UnsupportedParamError, 'larger than 203 bytes');
  });
});
