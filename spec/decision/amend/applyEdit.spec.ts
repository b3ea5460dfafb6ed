import { expect } from 'chai';
import { applyEdit } from '../../../lib/decision/amend/applyEdit.js';
import { editablePointers, isEditable } from '../../../lib/decision/amend/editablePointers.js';
import { askingPolicies } from '../../../lib/decision/amend/amendRecord.js';
import { readEdit } from '../../../lib/decision/amend/ParamsEdit.js';
import type { ParamsEdit } from '../../../lib/decision/amend/ParamsEdit.js';

const PARAMS = {
  amount: 250,
  note: 'late',
  big: 10n,
  due: new Date(0),
  urgent: true,
  items: ['a', 'b', 'c'],
  mixed: ['a', 1],
  empty: [],
  to: { name: 'Ann', zip: 8000, more: { deep: 'x' } },
  gone: null,
};

const refuse = (message: string): never => {
  throw new Error(message);
};
const edited = (edit: ParamsEdit, removable: readonly string[] = []): Readonly<Record<string, unknown>> =>
  applyEdit(PARAMS, readEdit(edit, refuse), removable, refuse);

describe('An edit of params', () => {
  const kept = structuredClone(PARAMS);
  afterEach(() => expect(PARAMS).to.deep.equal(kept));

  for (const [what, edit, changed] of [
    ['a number', { set: { '/amount': 200 } }, { amount: 200 }],
    [
      'a BigInt, a date and a flag',
      { set: { '/big': 1n, '/due': new Date(9), '/urgent': false } },
      { big: 1n, due: new Date(9), urgent: false },
    ],
    ['what is left undefined', { set: { '/amount': 200, '/note': undefined } }, { amount: 200 }],
    ['an item', { set: { '/items/1': 'x' } }, { items: ['a', 'x', 'c'] }],
    ['a whole list, which may be longer', { set: { '/items': ['x', 'y', 'z', 'w'] } }, { items: ['x', 'y', 'z', 'w'] }],
    ['a list of several kinds', { set: { '/mixed': [2, 'b'] } }, { mixed: [2, 'b'] }],
    ['a list that is empty', { set: { '/empty': [1] } }, { empty: [1] }],
    ['a place in an object', { set: { '/to/zip': 9000 } }, { to: { ...PARAMS.to, zip: 9000 } }],
    ['an object, with what is new in it', { set: { '/to': { name: 'Bob', city: 'Bern' } } }, { to: { name: 'Bob', city: 'Bern' } }],
    ['a place that was not there', { set: { '/to/city': 'Bern' } }, { to: { ...PARAMS.to, city: 'Bern' } }],
    ['what was null', { set: { '/gone': 'here' } }, { gone: 'here' }],
  ] as const)
    it(`sets ${what}`, () => expect(edited(edit)).to.deep.equal({ ...PARAMS, ...changed }));

  it('leaves out items by where they were, deeper places, and params that may be', () => {
    expect(edited({ remove: ['/items/0', '/items/2', '/to/more/deep'] })).to.deep.include({
      items: ['b'],
      to: { name: 'Ann', zip: 8000, more: {} },
    });
    expect(edited({ remove: ['/note'] }, ['note'])).not.to.have.property('note');
    // in whichever order they are named, between whatever else
    expect(edited({ remove: ['/items/0', '/to/more/deep', '/items/1'] })).to.deep.include({
      items: ['c'],
      to: { name: 'Ann', zip: 8000, more: {} },
    });
    expect(edited({ set: { '/items/1': 'x' }, remove: ['/items/0'] })).to.deep.include({ items: ['x', 'c'] });
  });

  const ofKind = (at: string, kind: string): string => `The value at ${at} must be ${kind}, as the present one.`;
  for (const [what, edit, message] of [
    ['a text for a number', { set: { '/amount': '200' } }, ofKind('/amount', 'a number')],
    ['a number for a text', { set: { '/note': 1 } }, ofKind('/note', 'a text')],
    ['a number for a BigInt', { set: { '/big': 1 } }, ofKind('/big', 'a BigInt')],
    ['a text for a date', { set: { '/due': 'now' } }, ofKind('/due', 'a date')],
    ['a text for a flag', { set: { '/urgent': 'no' } }, ofKind('/urgent', 'true or false')],
    ['an object for a list', { set: { '/items': {} } }, ofKind('/items', 'a list')],
    ['a list for an object', { set: { '/to': [] } }, ofKind('/to', 'an object')],
    ['another kind within an object', { set: { '/to': { zip: '8000' } } }, ofKind('/to/zip', 'a number')],
    [
      'another kind in a list',
      { set: { '/items': ['a', 1] } },
      'The items of the list at /items must be of the kinds that the present ones have.',
    ],
    [
      'an item behind the last one',
      { set: { '/items/3': 'x' } },
      'There is no item at /items/3 in this call. Set the whole list to make it longer.',
    ],
    [
      'an item with a leading zero',
      { set: { '/items/01': 'x' } },
      'There is no item at /items/01 in this call. Set the whole list to make it longer.',
    ],
    [
      'the length of a list',
      { set: { '/items/length': 1 } },
      'There is no item at /items/length in this call. Set the whole list to make it longer.',
    ],
    ['a place in a text', { set: { '/note/0': 'x' } }, 'There is nothing at /note/0 in this call. Name a place that it has.'],
    ['a place in a date', { set: { '/due/x': 1 } }, 'There is nothing at /due/x in this call. Name a place that it has.'],
    ['a place in nothing', { set: { '/from/x': 1 } }, 'There is nothing at /from/x in this call. Name a place that it has.'],
    ['what is not there away', { remove: ['/to/city'] }, 'There is nothing at /to/city in this call. Name a place that it has.'],
    ['a name that every object has', { set: { '/to/__proto__': 'x' } }, '`set` must name each place by a JSON pointer of a place'],
    ['what every object inherits away', { remove: ['/to/constructor'] }, '`remove` must name each place by a JSON pointer of a place'],
    ['a param away that must be there', { remove: ['/note'] }, 'The param at /note must be there: its guard does not let it be left out.'],
    ['nothing', {}, 'An edit must change something: give `set` or `remove`.'],
    ['a list of values', { set: ['x'] }, '`set` must be a plain object of new values by JSON pointer, such as { "/amount": 200 }.'],
    ['one place away', { remove: '/note' }, '`remove` must be a list of JSON pointers, such as ["/note"].'],
    ['a place away that is no text', { remove: [1] }, '`remove` must be a list of JSON pointers, such as ["/note"].'],
    ['a name', { set: { amount: 1 } }, '`set` must name each place by a JSON pointer of a place in the params, such as /amount.'],
    ['all params away', { remove: [''] }, '`remove` must name each place by a JSON pointer of a place in the params, such as /amount.'],
    [
      'one place twice',
      { set: { '/note': 'x' }, remove: ['/note'] },
      'Two places of an edit are the same, or one lies within the other. Name each place once.',
    ],
    [
      'a place within another',
      { set: { '/to': {}, '/to/zip': 1 } },
      'Two places of an edit are the same, or one lies within the other. Name each place once.',
    ],
    ['null', { set: { '/note': null } }, '`set` must not hold null: a policy would take it for nothing. Use `remove` instead.'],
    [
      'a function',
      { set: { '/note': () => 1 } },
      '`set` must hold values that a call can have: JSON, BigInt or Date, within the limits of size and depth.',
    ],
    [
      'more places than 32',
      { remove: Array.from({ length: 33 }, (_, i) => `/to/${i}`) },
      'An edit changes at most 32 places, this one 33. Make two edits of it.',
    ],
  ] as const)
    it(`does not make ${what}`, () => expect(() => edited(edit as ParamsEdit)).to.throw(Error, message));
});

describe('What is left out by an edit', () => {
  const params = { to: ['a', 'b', 'c'], o: { x: 1, 10: 2 }, l: { m: ['p', 'q'] } };
  const places = ['/to/0', '/to/1', '/to/2', '/o/x', '/o/10', '/l/m/0', '/l/m/1'];
  const left = (removed: readonly string[]): unknown => {
    const list = (items: readonly string[], at: string): readonly string[] => items.filter((_, i) => !removed.includes(`${at}/${i}`));
    const o = Object.fromEntries(Object.entries(params.o).filter(([name]) => !removed.includes(`/o/${name}`)));
    return { to: list(params.to, '/to'), o, l: { m: list(params.l.m, '/l/m') } };
  };
  const ordersOf = (length: number, before: readonly string[] = []): readonly (readonly string[])[] =>
    before.length === length
      ? [before]
      : places.filter((one) => !before.includes(one)).flatMap((one) => ordersOf(length, [...before, one]));

  it('is what it names, in every order of up to four places', function () {
    const orders = [1, 2, 3, 4].flatMap((length) => ordersOf(length));
    const wrong = orders.filter((remove) => {
      const result = applyEdit(params, readEdit({ remove }, refuse), [], refuse);
      return JSON.stringify(result) !== JSON.stringify(left(remove));
    });
    expect(orders).to.have.lengthOf(1_099);
    expect(wrong).to.deep.equal([]);
  });
});

describe('The places that may be edited', () => {
  for (const [what, all, common] of [
    ['of no policy', [], []],
    ['of one that names none', [undefined], []],
    ['of one', [['/a', '/b']], ['/a', '/b']],
    ['of two that name others', [['/a'], ['/b']], []],
    ['of two, one of which names none', [['/a'], undefined], []],
    [
      'of two that name the same',
      [
        ['/a', '/b'],
        ['/b', '/c'],
      ],
      ['/b'],
    ],
    ['of two, one within the other', [['/a/b'], ['/a']], ['/a/b']],
    ['of two, the other within the one', [['/a'], ['/a/b', '/ab']], ['/a/b']],
  ] as const)
    it(`are those ${what}`, () => expect(editablePointers(all.map((editable) => ({ editable })))).to.deep.equal(common));

  it('are those named, and what lies within', () => {
    expect(['/a', '/a/b', '/ab', '/'].map((pointer) => isEditable(pointer, ['/a']))).to.deep.equal([true, true, false, false]);
  });

  it('do not depend on the order of policies', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id, hash: id }) as never) as [never, never, never];
    expect(askingPolicies([c, a], [b])).to.deep.equal([a, b, c]);
    expect(askingPolicies([a], [c, b])).to.deep.equal([a, b, c]);
  });
});
