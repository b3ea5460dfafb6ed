import { expect } from 'chai';
import {
  fromStoredJson,
  MAX_RESULT_CHARACTERS,
  storedForm,
  toStoredResult,
  toStoredJson,
  toStoredChange,
} from '../../lib/store/storedJson.js';

const restored = (value: unknown): unknown => fromStoredJson(toStoredJson(value));

describe('toStoredJson and fromStoredJson', () => {
  const VALUES: Readonly<Record<string, unknown>> = {
    null: null,
    'a boolean': true,
    numbers: [0, -1.5, 2 ** 53, 1e300],
    text: 'ü"\u0000\u2028\ud83d\ude00',
    'an empty list and an empty record': [[], {}],
    'a date': new Date(5),
    'a bigint': -(12n ** 30n),
    'dates and bigints further down': { a: [{ at: new Date(0), n: 0n }], b: { c: { d: [new Date(1)] } } },
    'a record that looks like a date': { $aegis: 'date', value: 7 },
    'a record that looks like a bigint': { $aegis: 'bigint', value: 'no number' },
    'a record that looks like a marked record': { $aegis: 'record', value: { $aegis: 'record', value: {} } },
    'a mark that means nothing': { $aegis: { deep: new Date(2) }, other: [1n] },
    'names that objects have of themselves': JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":3}') as unknown,
  };
  for (const [what, value] of Object.entries(VALUES)) {
    it(`bring back ${what}`, () => {
      expect(storedForm(value)).to.deep.equal(value);
      expect(restored(value)).to.deep.equal(value);
      expect(restored({ in: [value] })).to.deep.equal({ in: [value] });
    });
  }

  it('set no prototype', () => {
    const value = restored(JSON.parse('{"__proto__":{"polluted":true}}')) as object;
    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
    expect(Object.hasOwn(value, '__proto__')).to.equal(true);
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
  });

  it('drop what is undefined', () => {
    expect(restored({ a: undefined, b: 1 })).to.deep.equal({ b: 1 });
  });

  class Instance {
    own = { at: new Date(4), none: undefined };
    get shown(): string {
      return 'no property of its own';
    }
  }
  const LOST: Readonly<Record<string, unknown>> = {
    'what is undefined': { a: undefined, b: { c: undefined, d: [{ e: undefined }] } },
    'what is undefined in a list': [undefined, 1, [undefined]],
    'functions and symbols': { a: () => 1, b: Symbol('b'), c: [() => 1, Symbol('c')] },
    'numbers that are none': [NaN, Infinity, -Infinity, { n: NaN }],
    'an instance': new Instance(),
    'a record without a prototype': Object.assign(Object.create(null) as object, { a: 1, b: undefined }),
  };
  for (const [what, value] of Object.entries(LOST))
    it(`have the same form as storedForm() says, of ${what}`, () => {
      for (const given of [value, [value], { in: value }]) expect(storedForm(given)).to.deep.equal(restored(given));
      expect(Object.keys(Object(storedForm(value)) as object)).to.deep.equal(Object.keys(Object(restored(value)) as object));
    });

  it('refuse text that is not theirs', () => {
    for (const text of ['', '{', 'undefined', '{"$aegis":"bigint","value":"x"}']) expect(() => fromStoredJson(text)).to.throw(SyntaxError);
  });
});

describe('toStoredResult', () => {
  class Account {
    readonly id = 7;
    readonly #secret = 'hidden';
    get shown(): string {
      return this.#secret;
    }
    toJSON(): string {
      return 'not asked';
    }
  }

  const RESULTS: Readonly<Record<string, readonly [unknown, unknown]>> = {
    'plain data as it is': [
      { a: [1, null, 'x'], at: new Date(3), n: 5n },
      { a: [1, null, 'x'], at: new Date(3), n: 5n },
    ],
    undefined: [undefined, undefined],
    'a Map as its entries': [new Map<unknown, unknown>([['a', new Map([[1, 2]])]]), [['a', [[1, 2]]]]],
    'a Set as a list': [new Set([1, new Set([2])]), [1, [2]]],
    'an Error as its name, message and own data': [
      Object.assign(new TypeError('no'), { code: 'E1' }),
      { name: 'TypeError', message: 'no', code: 'E1' },
    ],
    'an instance as its own data': [new Account(), { id: 7 }],
    'numbers that JSON has no word for as text': [
      [NaN, Infinity, -Infinity],
      ['NaN', 'Infinity', '-Infinity'],
    ],
    'a date that is none as null': [new Date(NaN), null],
    'nothing for functions and symbols': [{ f: () => 1, s: Symbol('s'), list: [() => 1] }, { list: [null] }],
    'nothing for a function itself': [(): number => 1, undefined],
    'what is there twice, twice': [((one: object) => [one, one])({ a: 1 }), [{ a: 1 }, { a: 1 }]],
  };
  for (const [what, [result, expected]] of Object.entries(RESULTS))
    it(`gives ${what}`, () => {
      const stored = toStoredResult(result);
      expect(stored).to.deep.equal(expected);
      if (stored !== undefined) expect(restored(stored)).to.deep.equal(expected);
    });

  it('is a copy', () => {
    const result = { list: [1], at: new Date(1) };
    const stored = toStoredResult(result) as typeof result;
    result.list.push(2);
    result.at.setTime(2);
    expect(stored).to.deep.equal({ list: [1], at: new Date(1) });
  });

  it('says so where the result is circular', () => {
    const circular: Record<string, unknown> = {};
    circular['in'] = [circular];
    const map = new Map<string, unknown>();
    map.set('self', map);
    for (const result of [circular, map]) expect(toStoredResult(result)).to.deep.equal({ $unstored: 'circular' });
  });

  it('says so where it is too large, to the character', () => {
    const quotes = 2;
    expect(toStoredResult('x'.repeat(MAX_RESULT_CHARACTERS - quotes))).to.have.length(MAX_RESULT_CHARACTERS - quotes);
    expect(toStoredResult('x'.repeat(MAX_RESULT_CHARACTERS - quotes + 1))).to.deep.equal({
      $unstored: `larger than ${MAX_RESULT_CHARACTERS} characters`,
    });
  });

  it('says so where it is binary, and never looks into it', () => {
    for (const result of [Buffer.alloc(20_000_000), { file: new Uint8Array(3) }, new ArrayBuffer(8)])
      expect(toStoredResult(result)).to.deep.equal({ $unstored: 'binary data' });
  });

  it('says so where it would be copied for ever: a list that is in itself many times over, a long list, long names', () => {
    const many = Array.from({ length: 60 }).reduce((inner) => [inner, inner], 1 as unknown);
    const long = { [`a${'b'.repeat(MAX_RESULT_CHARACTERS)}`]: 1 };
    for (const result of [many, Array.from({ length: 300_000 }), new Set(Array.from({ length: 300_000 }, (_, i) => i)), long])
      expect(toStoredResult(result)).to.deep.equal({ $unstored: `larger than ${MAX_RESULT_CHARACTERS} characters` });
  });

  it('says so where it cannot be read', () => {
    const throws = {
      get a(): never {
        throw new Error('no');
      },
    };
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const result of [throws, [throws], proxy]) expect(toStoredResult(result)).to.deep.equal({ $unstored: 'cannot be read' });
    const deep = Array.from({ length: 100_000 }).reduce((inner) => [inner], 1 as unknown);
    expect(toStoredResult(deep)).to.deep.equal({ $unstored: 'cannot be read' });
  });
});

describe('toStoredChange', () => {
  it('keeps a short error, and the beginning of a long one', () => {
    const failed = (message: string) => ({ to: 'failed', error: { name: 'Error', message } }) as const;
    expect(toStoredChange(failed('short'))).to.deep.equal(failed('short'));
    expect(toStoredChange(failed('x'.repeat(10_001)))).to.deep.equal(failed(`${'x'.repeat(10_000)}…`));
  });

  it('copies a result, and leaves everything else alone', () => {
    const completed = toStoredChange({ to: 'completed', result: new Map([['a', 1]]) });
    expect(completed).to.deep.equal({ to: 'completed', result: [['a', 1]] });
    const approved = { to: 'approved', approvedBy: 'ann' } as const;
    expect(toStoredChange(approved)).to.equal(approved);
  });
});
