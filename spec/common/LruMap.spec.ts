import { expect } from 'chai';
import { LruMap } from '../../lib/common/LruMap.js';

describe('LruMap', () => {
  it('drops the entry unused for longest', () => {
    const map = new LruMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    expect(map.get('a')).to.equal(1);
    map.set('c', 3);
    expect(map.get('b')).to.equal(undefined);
    expect([map.get('a'), map.get('c')]).to.deep.equal([1, 3]);
    expect(map.size).to.equal(2);
  });

  it('replaces without dropping', () => {
    const map = new LruMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    expect([map.get('a'), map.get('b'), map.size]).to.deep.equal([3, 2, 2]);
  });

  it('forgets what is deleted, and nothing else', () => {
    const map = new LruMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.delete('a');
    map.delete('never there');
    expect([map.get('a'), map.get('b'), map.size]).to.deep.equal([undefined, 2, 1]);
  });

  it('never grows beyond its limit', () => {
    const map = new LruMap<number, number>(10);
    for (let i = 0; i < 1_000; i++) map.set(i, i);
    expect(map.size).to.equal(10);
    expect(map.get(999)).to.equal(999);
  });
});
