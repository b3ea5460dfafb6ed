import { expect } from 'chai';
import fc from 'fast-check';
import { parseJsonStrictly, StrictJsonError } from '../../../lib/common/data/parseJsonStrictly.js';
import { quickestMs } from '../../support/pace.js';

function problemOf(text: string, maxDepth?: number): string | undefined {
  try {
    parseJsonStrictly(text, maxDepth === undefined ? {} : { maxDepth });
    return undefined;
  } catch (error) {
    expect(error).to.be.instanceOf(StrictJsonError);
    return (error as StrictJsonError).problem;
  }
}

describe('parseJsonStrictly', () => {
  it('gives what JSON.parse gives for any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        if (text.includes('__proto__')) return;
        expect(parseJsonStrictly(text)).to.deep.equal(JSON.parse(text));
      }),
      { numRuns: 2_000 },
    );
  });

  const duplicates = [
    '{"effect":"deny","effect":"allow"}',
    '{"a":{"b":1,"c":2,"b":3}}',
    '[{"a":1},[{"a":1,"a":1}]]',
    '{"effect":"deny","\\u0065ffect":"allow"}',
    '{"a":"x,\\"a\\":1","a":2}',
    '{ "a" : [ 1 , {} ] , "b" : { } , "a" : null }',
    '{"":1,"":2}',
    '{"\\\\":1,"\\u005c":2}',
  ];
  for (const text of duplicates) {
    it(`refuses the duplicate key in ${text}`, () => expect(problemOf(text)).to.equal('duplicate_key'));
  }

  const fine = [
    '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}',
    '{"a":"a","b":"a"}',
    '["a","a"]',
    '{"a":["a","a"],"b":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":1,"A":1}',
    '"\\\\"',
    ' {} ',
    'null',
  ];
  for (const text of fine) it(`takes ${text}`, () => expect(parseJsonStrictly(text)).to.deep.equal(JSON.parse(text)));

  it('finds exactly the duplicates of a naive count, for random objects', () => {
    const key = fc.constantFrom('a', 'b', 'c', '\\u0061', '\\"', '\\\\', 'd');
    fc.assert(
      fc.property(fc.array(key, { maxLength: 4 }), fc.array(key, { maxLength: 4 }), (outer, inner) => {
        const members = (keys: string[], value: string): string => `{${keys.map((k) => `"${k}":${value}`).join(',')}}`;
        const twice = (keys: string[]): boolean => new Set(keys.map((k) => JSON.parse(`"${k}"`) as string)).size !== keys.length;
        const expected = twice(outer) || (outer.length > 0 && twice(inner));
        expect(problemOf(members(outer, members(inner, '"}],{["')))).to.equal(expected ? 'duplicate_key' : undefined);
      }),
    );
  });

  it('refuses __proto__ as a key anywhere, also when escaped, but not as a value', () => {
    expect(problemOf('{"a":[{"__proto__":{}}]}')).to.equal('forbidden_key');
    expect(problemOf('{"\\u005f_proto__":1}')).to.equal('forbidden_key');
    expect(parseJsonStrictly('["__proto__"]')).to.deep.equal(['__proto__']);
  });

  it('refuses nesting beyond the limit, however deep, without overflowing', () => {
    expect(problemOf('[[[]]]', 3)).to.equal(undefined);
    expect(problemOf('[[[[]]]]', 3)).to.equal('too_deep');
    expect(problemOf('[{"a":[[]]}]', 3)).to.equal('too_deep');
    expect(problemOf(`${'['.repeat(64)}${']'.repeat(64)}`)).to.equal(undefined);
    expect(problemOf(`${'['.repeat(300_000)}${']'.repeat(300_000)}`)).to.equal('too_deep');
    expect(problemOf('[[],[],[],[]]', 2)).to.equal(undefined);
  });

  for (const text of ['', ' ', '{', '{"a":1', '{"a":1,}', "{'a':1}", '\ufeff{}', 'NaN', '<html>', '{"a":01}', '"\u0001"']) {
    it(`refuses ${JSON.stringify(text)} as no JSON`, () => expect(problemOf(text)).to.equal('syntax'));
  }

  describe('with exactIntegers', () => {
    const problem = (text: string): string | undefined => {
      try {
        parseJsonStrictly(text, { exactIntegers: true });
      } catch (error) {
        return (error as StrictJsonError).problem;
      }
      return undefined;
    };
    for (const number of ['9007199254740993', '-12345678901234567891', '1'.repeat(400), '[1,9007199254740993]', '{"a":9007199254740993}'])
      it(`refuses ${number.slice(0, 40)}, which JSON.parse rounds`, () => expect(problem(number)).to.equal('inexact_number'));
    for (const number of [
      '9007199254740993.0',
      '0.12345678901234567',
      '1e22',
      '-9007199254740991',
      '1152921504606846976',
      '1152921504606847000',
    ])
      it(`takes ${number}`, () => expect(problem(number)).to.equal(undefined));
    it('takes digits in strings and keys, and every integer where it is not asked for', () => {
      expect(problem('{"9007199254740993":"\\" 9007199254740993"}')).to.equal(undefined);
      expect(parseJsonStrictly('9007199254740993')).to.equal(9007199254740992);
    });
  });

  it('never quotes the text', () => {
    for (const text of ['{"secret-canary":1,"secret-canary":2}', 'secret-canary', '{"a":secret-canary}']) {
      try {
        parseJsonStrictly(text);
        expect.fail('taken');
      } catch (error) {
        expect((error as Error).message).to.not.contain('secret');
        expect((error as Error).cause).to.equal(undefined);
      }
    }
  });

  it('takes linear time over 1 MiB of the worst', () => {
    const ms = quickestMs(1_000, () => {
      expect(problemOf(`["${'\\"'.repeat(500_000)}"]`)).to.equal(undefined);
      expect(problemOf(`{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":{}`).join(',')}}`)).to.equal(undefined);
    });
    expect(ms).to.be.lessThan(1_000);
  });
});
