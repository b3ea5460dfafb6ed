import { expect } from 'chai';
import { sizeOf } from '../../../lib/model/snapshot/sizeOf.js';

describe('sizeOf', () => {
  it('counts keys, texts in UTF-8 and buffers, and 8 for everything else', () => {
    expect(sizeOf('añ')).to.equal(3);
    expect([5, null, undefined, true, new Date(0), 5n].map((value) => sizeOf(value))).to.deep.equal([8, 8, 8, 8, 8, 8]);
    expect([Buffer.alloc(100), new ArrayBuffer(100), new Float64Array(10)].map((value) => sizeOf(value))).to.deep.equal([100, 100, 80]);
    expect(sizeOf({ ab: 'cde' })).to.equal(16 + 2 + 3);
    expect(sizeOf(['ab', 1])).to.equal(16 + 8 + 2 + 8 + 8);
  });

  it('counts what is there twice once', () => {
    const text = { body: 'x'.repeat(1_000) };
    expect(sizeOf([text, text])).to.be.lessThan(1_100);
    const ring: unknown[] = [];
    ring.push(ring);
    expect(sizeOf(ring)).to.equal(16 + 8 + 8);
  });

  it('counts what can be read of the rest, and asks no proxy', () => {
    const unreadable = {
      first: 'x'.repeat(100),
      get rows(): never {
        throw new Error('the connection is closed');
      },
    };
    expect(sizeOf(unreadable)).to.equal(16 + 5 + 100);
    expect(sizeOf([unreadable, 'abc'])).to.equal(16 + 8 + (16 + 5 + 100) + 8 + 3);
    const asked: PropertyKey[] = [];
    expect(sizeOf(new Proxy({}, { ownKeys: () => (asked.push('keys'), []) }))).to.equal(8);
    expect(asked).to.deep.equal([]);
  });
});
