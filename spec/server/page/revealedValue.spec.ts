import { expect } from 'chai';
import { asciiJson, metaOf, revealedChange, revealedJson, revealedParams, revealedValue } from '../../../lib/server/page/revealedValue.js';
import { originalText, parsed, visibleText, withClass } from '../../support/pageText.js';

type Nodes = ReturnType<typeof parsed>;
const texts = (nodes: Nodes, name: string): readonly string[] => withClass(nodes, name).map((found) => visibleText(found.childNodes));
const row = (value: unknown, all = false): Nodes => parsed(revealedValue(value, { name: 'p', all }));

describe('A value on a page', () => {
  const metas: readonly (readonly [unknown, string])[] = [
    ['EUR', 'text, 3'],
    ['', 'text, 0'],
    ['a\nb', 'text, 3, 2 lines'],
    ['😀'.repeat(1_234), 'text, 1,234'],
    [4200, 'number'],
    [42n, 'whole number'],
    [true, 'boolean'],
    [null, 'null'],
    [new Date(0), 'date'],
    [[], 'list, 0'],
    [[1, 2], 'list, 2'],
    [{ a: 1 }, 'object, 1'],
  ];
  for (const [value, meta] of metas)
    it(`says that it is ${meta}`, () => {
      expect(metaOf(value)).to.equal(meta);
      expect(texts(row(value), 'meta')[0]).to.equal(meta);
    });

  const boxes: readonly (readonly [unknown, readonly string[], readonly string[]])[] = [
    ['EUR', ['EUR'], []],
    ['"EUR"', ['"EUR"'], []],
    ['', [''], ['An empty text']],
    ['4200', ['4200'], []],
    [999, ['999'], []],
    [4200, ['4200'], ['4,200']],
    [-1234567.25, ['-1234567.25'], ['-1,234,567.25']],
    [1e21, ['1e+21'], ['1,000,000,000,000,000,000,000']],
    [1e-7, ['1e-7'], []],
    [0.1, ['0.1'], []],
    [12_345n, ['12345'], ['12,345']],
    [false, ['false'], []],
    [null, ['null'], []],
    [[], ['[]'], []],
    [{}, ['{}'], []],
    [new Date(0), ['1970-01-01T00:00:00.000Z'], []],
    ['dana@p\u0430rtner.example', ['dana@pаCyrillic U+0430rtner.example'], ['Host as the network sees it: xn--prtner-3nf.example']],
    [
      'see аррӏе.com, http://müller/x and аррӏе.com.',
      undefined as never,
      ['Hosts as the network sees them: xn--80ak6aa92e.com, xn--mller-kva'],
    ],
    ['ａdmin.example', undefined as never, ['Host as the network sees it: admin.example']],
    ['Привет. Как дела? a@b.example', undefined as never, []],
    ['@\u0378', undefined as never, []],
    [
      Array.from({ length: 7 }, (_, i) => `é${i}.com`).join(' '),
      undefined as never,
      ['Hosts as the network sees them: xn--0-9fa.com, xn--1-9fa.com, xn--2-9fa.com, xn--3-9fa.com, xn--4-9fa.com and 2 others'],
    ],
  ];
  for (const [value, shown, aids] of boxes)
    it(`shows ${typeof value === 'bigint' ? value : JSON.stringify(value)} without quotes, with what helps to read it`, () => {
      const page = row(value);
      if (shown !== undefined) expect(texts(page, 'v')).to.deep.equal(shown);
      expect(texts(page, 'aid')).to.deep.equal(aids);
    });

  it('shows numbers big, and what stands in lists and objects with its path', () => {
    expect(withClass(row(4200), 'big')).to.have.length(1);
    const page = row({ to: ['a', 'b'], amount: 4200, 'odd key\u200b': { x: null } });
    expect(texts(page, 'who')).to.deep.equal(['to[0] text, 1', 'to[1] text, 1', 'amount number', '["odd keyZWSP U+200B"].x null']);
    expect(texts(page, 'v')).to.deep.equal(['a', 'b', '4200', 'null']);
    expect(withClass(page, 'big')).to.be.empty;
  });

  it('shows the only item of a list without a path', () => {
    expect(texts(row(['x']), 'who')).to.deep.equal([]);
    expect(texts(row([['x']]), 'who')).to.deep.equal(['[0][0] text, 1']);
  });

  it('shows 30 and 10 of many values, all with all', () => {
    const many = Array.from({ length: 1_040 }, (_, i) => i);
    const page = row(many);
    expect(texts(page, 'v')).to.deep.equal([...many.slice(0, 30), ...many.slice(-10)].map(String));
    expect(texts(page, 'cut')).to.deep.equal(['1,000 values stand between and are not shown here. Show all']);
    expect(texts(row(many, true), 'v')).to.have.length(1_040);
    expect(texts(row(many, true), 'cut')).to.deep.equal([]);
  });

  it('shows the beginning and the end of a long text, and how much stands between', () => {
    const text = Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n');
    const page = row(text);
    expect(texts(page, 'cut')).to.deep.equal(['480 characters in 60 lines stand between and are not shown here. Show all']);
    expect(texts(page, 'v')).to.have.length(2);
    expect(originalText(withClass(row(text, true), 'v'))).to.equal(text);
  });

  it('stops after 500 chips in all of a value', () => {
    const page = row(['a\u200b'.repeat(400), 'b\u200b'.repeat(400), 'c']);
    expect(withClass(page, 'u')).to.have.length(500);
    expect(texts(page, 'cut')).to.deep.equal(['599 characters follow and are not shown here. Show all']);
    expect(texts(page, 'v').at(-1)).to.equal('c');
    expect(withClass(row(['a\u200b'.repeat(400), 'b\u200b'.repeat(400)], true), 'u')).to.have.length(800);
  });

  describe('that a policy changed', () => {
    it('is shown as it will run and as it was, with the difference marked to whole words', () => {
      const now = 'Customer d***@partner.example says the goods never arrived.';
      const before = 'Customer dana.miller@partner.example says the goods never arrived.';
      const page = parsed(revealedChange({ name: 'note', now: { value: now }, before: { value: before } }));
      expect(texts(page, 'who')).to.deep.equal(['Will run, changed by policy', 'The agent had written']);
      expect(texts(page, 'i')).to.deep.equal(['d***@partner.example']);
      expect(texts(page, 'd')).to.deep.equal(['dana.miller@partner.example']);
      expect(withClass(page, 'v').map((box) => originalText(box.childNodes))).to.deep.equal([now, before]);
      expect(texts(page, 'meta')).to.deep.equal(['text, 66 → text, 59']);
    });

    it('marks chips as a whole, and loses nothing', () => {
      for (const [now, before] of [
        ['a \u200bb c', 'a x\u200bb c'],
        ['', 'gone'],
        ['a    b', 'a     b'],
        ['line 1\nline 2', 'line 1\nline 2\nline 3'],
        ['аррӏе', 'apple'],
      ] as const) {
        const page = parsed(revealedChange({ name: 'p', now: { value: now }, before: { value: before } }));
        expect(withClass(page, 'v').map((box) => originalText(box.childNodes))).to.deep.equal([now, before]);
        expect([...texts(page, 'i'), ...texts(page, 'd')]).to.not.be.empty;
      }
    });

    it('says what was added, removed and changed inside of it', () => {
      const page = parsed(revealedChange({ name: 'p', now: { value: { a: 1, b: 2, d: 4 } }, before: { value: { a: 1, b: 3, c: 'x' } } }));
      expect(texts(page, 'who')).to.deep.equal([
        'a number',
        'b number',
        'Will run, changed by policy',
        'The agent had written',
        'd number',
        'Will run, added by policy',
        'c text, 1',
        'A policy removes it',
        'The agent had written',
      ]);
      expect(texts(page, 'v')).to.deep.equal(['1', '2', '3', '4', 'x']);
    });

    it('says that the difference is in what is not shown', () => {
      const lines = (middle: string): string => `${'x\n'.repeat(40)}${middle}\n${'x\n'.repeat(40)}`;
      const page = parsed(revealedChange({ name: 'p', now: { value: lines('a') }, before: { value: lines('b') } }));
      expect(texts(page, 'cut')).to.have.length(2);
      for (const cut of texts(page, 'cut')) expect(cut).to.contain('The change is in there.');
    });
  });

  it('stands among the params of an approval, with those that no decision sees', () => {
    const page = parsed(revealedParams({ params: { a: 1, b: 2 }, originalParams: { a: 1, 'с\u200b': 3 }, opaque: ['conn'] }));
    expect(texts(page, 't')).to.deep.equal(['a', 'b', 'сCyrillic U+0441ZWSP U+200B', 'conn']);
    expect(texts(page, 'who')).to.deep.equal(['Will run, added by policy', 'A policy removes it', 'The agent had written']);
    expect(visibleText(page)).to.contain('not shown');
    expect(visibleText(parsed(revealedParams({ params: {}, originalParams: {}, opaque: [] })))).to.equal('It has no params.');
  });

  it('is JSON in ASCII', () => {
    const value = { b: 'é\n\u200b😀</code>', a: [1n, new Date(5)] };
    expect(asciiJson(value)).to.equal('{"a":[1n,@5],"b":"\\u00e9\\n\\u200b\\ud83d\\ude00</code>"}');
    expect(visibleText(parsed(revealedJson(value)))).to.equal(asciiJson(value));
    expect(texts(parsed(revealedJson({ a: 'é'.repeat(2_000) })), 'cut')).to.have.length(1);
    expect(texts(parsed(revealedJson({ a: 'é'.repeat(2_000) }, { all: true })), 'cut')).to.have.length(0);
  });

  it('links only to the whole view of its own page', () => {
    const page = `${revealedValue('<a href="javascript:alert(1)">x'.repeat(1_000), { name: '"><a href="javascript:0">' })}`;
    expect([...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).to.deep.equal(['?all']);
    expect(page).to.not.match(/style=|on[a-z]+="/);
  });
});
