import { expect } from 'chai';
import { IdSet } from '../../../lib/audit/verify/log/IdSet.js';

describe('A set of ids', () => {
  it('knows 50,000 ids that are much alike, and no others', () => {
    const ids = new IdSet();
    const id = (i: number): string => `dec-2fd1c3a0b1c2-${i.toString(36)}`;
    let wrong = 0;
    for (let i = 0; i < 50_000; i++) if (!ids.add(id(i))) wrong += 1;
    for (let i = 0; i < 50_000; i++) if (!ids.has(id(i)) || ids.has(id(i + 50_000))) wrong += 1;
    expect(wrong).to.equal(0);
    expect(ids.size).to.equal(50_000);
    expect(ids.add(id(7))).to.equal(false);
    expect(ids.size).to.equal(50_000);
  });

  it('is empty at first, and takes an empty id', () => {
    const ids = new IdSet();
    expect(ids.has('')).to.equal(false);
    expect([ids.add(''), ids.add(''), ids.has('')]).to.deep.equal([true, false, true]);
  });
});
