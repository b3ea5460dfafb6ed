import { expect } from 'chai';
import { parsePointer, valueAt } from '../../../lib/model/snapshot/parsePointer.js';

describe('A JSON pointer', () => {
  for (const [text, path] of [
    ['/a', ['a']],
    ['/', ['']],
    ['/a/0/b', ['a', '0', 'b']],
    ['/a~1b/c~0d', ['a/b', 'c~d']],
    ['/~01', ['~1']],
  ] as const)
    it(`${text} names ${JSON.stringify(path)}`, () => expect(parsePointer(text)).to.deep.equal(path));

  for (const text of ['', 'a', '#/a', '/~', '/a~2', '/__proto__', '/a/constructor', '/prototype/x', '/__entity'])
    it(`'${text}' is none`, () => expect(parsePointer(text)).to.equal(undefined));

  it('finds values by own keys alone', () => {
    const root = { a: [{ b: 1 }, 'text'], 'x/y': null, own: undefined };
    const found = (text: string): unknown => valueAt(root, parsePointer(text) ?? []);
    expect(['/a/0/b', '/a/1', '/x~1y', '/a/2', '/a/length', '/a/00', '/a/1/0', '/toString', '/x~1y/z', '/own'].map(found)).to.deep.equal([
      1, 'text', null, undefined, undefined, undefined, undefined, undefined, undefined, undefined,
    ]); // prettier-ignore
    expect(valueAt(root, [])).to.equal(root);
  });
});
