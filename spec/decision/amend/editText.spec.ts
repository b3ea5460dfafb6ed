import { expect } from 'chai';
import { editText, readEditText, typedValues } from '../../../lib/decision/amend/editText.js';

describe('A value of an edit as text', () => {
  for (const [what, value, text] of [
    ['a text, as it is', 'a "b"', 'a "b"'],
    ['a BigInt', 12n, '12'],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a number', 12.5, '12.5'],
    ['a flag', false, 'false'],
    ['null', null, 'null'],
    ['a list', ['a', 1], '["a",1]'],
    ['an object', { b: 1, a: 2 }, '{"a":2,"b":1}'],
  ] as const) {
    it(`is ${what}`, () => expect(editText(value)).to.equal(text));

    it(`is read again as ${what}`, () => expect(readEditText(text, value)).to.deep.equal({ ok: true, value }));
  }

  it('is empty where there is nothing', () => expect(editText(undefined)).to.equal(''));

  it('is read as JSON where there is nothing', () => {
    expect(readEditText('"x"', undefined)).to.deep.equal({ ok: true, value: 'x' });
    expect(readEditText('true', undefined)).to.deep.equal({ ok: true, value: true });
  });

  for (const [what, text, present, expected] of [
    ['a word where a number is', 'many', 1, 'a number, such as 200 or 12.5'],
    ['a quoted number where a number is', '"1"', 1, 'a number, such as 200 or 12.5'],
    ['a number where a flag is', '1', true, 'true or false'],
    ['a fraction where a BigInt is', '1.5', 1n, 'a whole number'],
    ['a BigInt with a leading zero', '01', 1n, 'a whole number'],
    ['a negative zero where a BigInt is', '-0', 1n, 'a whole number'],
    ['a BigInt that is too long', `1${'0'.repeat(4_096)}`, 1n, 'a whole number'],
    ['a day where a time is', '2026-01-31', new Date(0), 'a time such as 2026-01-31T12:00:00.000Z'],
    ['no time where one is', 'soon', new Date(0), 'a time such as 2026-01-31T12:00:00.000Z'],
    ['an object where a list is', '{}', [], 'a list in JSON, such as ["a", "b"]'],
    ['a list where an object is', '[]', {}, 'an object in JSON, such as {"a": 1}'],
    ['a text without quotes where there is nothing', 'x', undefined, 'JSON, such as "a text" in quotes, 10 or true'],
  ] as const)
    it(`is not ${what}`, () => expect(readEditText(text, present)).to.deep.equal({ ok: false, expected }));
});

describe('Values of an edit that come in JSON', () => {
  const params = { big: 10n, due: new Date(0), amount: 1, note: 'x', to: { big: 5n } };

  it('are BigInts and dates where the call has them', () => {
    expect(typedValues({ '/big': '12', '/due': '1970-01-01T00:00:00.009Z', '/to/big': '-7' }, params)).to.deep.equal({
      '/big': 12n,
      '/due': new Date(9),
      '/to/big': -7n,
    });
  });

  it('stay as they are where they are not right, or of no such kind, or name no place', () => {
    const set = { '/big': 'many', '/due': 5, '/amount': '2', '/note': '12', '/new': '12', 'no pointer': '12' };
    expect(typedValues(set, params)).to.deep.equal(set);
  });
});
