import { expect } from 'chai';
import { pointer } from '../../lib/model/pointer.js';

describe('pointer', () => {
  for (const [key, expected] of [
    ['a', '/x/a'],
    ['', '/x/'],
    ['a/b', '/x/a~1b'],
    ['~1', '/x/~01'],
    ['~/', '/x/~0~1'],
  ] as const)
    it(`appends ${JSON.stringify(key)} as ${expected}`, () => expect(pointer('/x', key)).to.equal(expected));
});
