import { expect } from 'chai';
import { freezeDeep, frozenData, holdsDate } from '../../../lib/model/snapshot/frozenData.js';

describe('frozenData', () => {
  it('is the very value where all of it is frozen, and a frozen copy where it is not', () => {
    const frozen = freezeDeep({ a: [{ b: 1 }], c: null });
    expect(frozenData(frozen)).to.equal(frozen);
    const a = [{ b: 1 }, { c: 2 }, { d: 3 }];
    a.length = 4;
    const given = { a, again: a };
    const copy = frozenData(given);
    expect(copy).to.deep.equal(given);
    expect([Object.isFrozen(copy), Object.isFrozen(copy.a), Object.isFrozen(copy.a[0]), copy.again === copy.a]).to.deep.equal(
      Array.from({ length: 4 }, () => true),
    );
    expect(Object.isFrozen(given.a[0])).to.equal(false);
  });

  it('copies dates, which cannot be frozen', () => {
    const dated = freezeDeep({ at: new Date(5) });
    const copy = frozenData(dated);
    expect(copy).to.deep.equal(dated);
    expect(copy.at).not.to.equal(dated.at);
    expect([holdsDate(dated), holdsDate(freezeDeep({ at: 5 }))]).to.deep.equal([true, false]);
  });

  it('keeps what is no data, and data that cannot be read', () => {
    for (const value of [new Map([['a', {}]]), Buffer.from('a'), () => 1, new (class Till {})(), 'text', undefined])
      expect(frozenData(value)).to.equal(value);
    const unreadable = {
      get rows(): never {
        throw new Error('the connection is closed');
      },
    };
    expect(frozenData(unreadable)).to.equal(unreadable);
    expect(frozenData([unreadable])).to.have.property('0', unreadable);
  });
});
