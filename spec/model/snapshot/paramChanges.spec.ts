import { expect } from 'chai';
import { paramChanges } from '../../../lib/model/snapshot/paramChanges.js';

const numbered = (count: number, value: unknown): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]));

describe('The places in which params differ', () => {
  for (const [what, before, after, changes] of [
    ['none, where they are the same', { amount: 1, to: { name: 'Ann' } }, { amount: 1, to: { name: 'Ann' } }, []],
    ['a value', { amount: 1, note: 'x' }, { amount: 2, note: 'x' }, [{ pointer: '/amount', before: 1, after: 2 }]],
    [
      'what was left out, and then what is new',
      { amount: 1 },
      { note: 'x' },
      [
        { pointer: '/amount', before: 1 },
        { pointer: '/note', after: 'x' },
      ],
    ],
    ['what is not there, other than undefined', { note: undefined }, {}, [{ pointer: '/note', before: undefined }]],
    [
      'a place in an object',
      { to: { name: 'Ann', zip: 1 } },
      { to: { name: 'Bob', zip: 1 } },
      [{ pointer: '/to/name', before: 'Ann', after: 'Bob' }],
    ],
    ['a name with a slash and a tilde', { 'a/b~': { c: 1 } }, { 'a/b~': { c: 2 } }, [{ pointer: '/a~1b~0/c', before: 1, after: 2 }]],
    [
      'an item of a list as long as before',
      { items: ['a', 'b'] },
      { items: ['a', 'c'] },
      [{ pointer: '/items/1', before: 'b', after: 'c' }],
    ],
    [
      'a list of another length, as a whole',
      { items: ['a', 'b'] },
      { items: ['a'] },
      [{ pointer: '/items', before: ['a', 'b'], after: ['a'] }],
    ],
    ['a list where an object was', { x: { 0: 'a' } }, { x: ['b'] }, [{ pointer: '/x', before: { 0: 'a' }, after: ['b'] }]],
    ['an object where a list was', { x: ['a'] }, { x: { 0: 'b' } }, [{ pointer: '/x', before: ['a'], after: { 0: 'b' } }]],
    ['null where an object was', { x: { a: 1 } }, { x: null }, [{ pointer: '/x', before: { a: 1 }, after: null }]],
    ['a date, as a whole', { at: new Date(0) }, { at: new Date(1) }, [{ pointer: '/at', before: new Date(0), after: new Date(1) }]],
    ['a number that became a text', { amount: 1 }, { amount: '1' }, [{ pointer: '/amount', before: 1, after: '1' }]],
  ] as const)
    it(`are ${what}`, () => expect(paramChanges(before, after)).to.deep.equal(changes));

  it('are each named, up to 64', () => {
    const changes = paramChanges({ to: numbered(64, 1) }, { to: numbered(64, 2) });
    expect(changes).to.have.length(64);
    expect(changes[63]).to.deep.equal({ pointer: '/to/k63', before: 1, after: 2 });
  });

  it('are named by the params that they are in, where they are more', () => {
    const before = { same: 1, to: numbered(65, 1), 'a/b': 'gone' };
    const after = { same: 1, to: numbered(65, 2), fresh: true };
    expect(paramChanges(before, after)).to.deep.equal([
      { pointer: '/to', before: before.to, after: after.to },
      { pointer: '/a~1b', before: 'gone' },
      { pointer: '/fresh', after: true },
    ]);
  });
});
