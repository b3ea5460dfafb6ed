import { expect } from 'chai';
import { ownShare, shareable, SharedStream } from '../../../lib/adapter/tool/SharedStream.js';
import { rejection } from '../../support/rejection.js';

describe('A stream of a tool that equal calls share', () => {
  const drained = async (stream: AsyncGenerator<unknown, unknown>): Promise<unknown[]> => {
    const parts: unknown[] = [];
    for (;;) {
      const { done, value } = await stream.next();
      if (done === true) return [...parts, { end: value }];
      parts.push(value);
    }
  };

  it('is read in full by each of them, one after the other or at once, while the tool makes each part once', async () => {
    let made = 0;
    async function* tool(): AsyncGenerator<number, string> {
      for (let i = 0; i < 3; i++) yield (made += 1);
      return 'end';
    }
    const shared = new SharedStream(tool());
    const all = [1, 2, 3, { end: 'end' }];
    expect(await Promise.all(Array.from({ length: 4 }, () => drained(shared.read())))).to.deep.equal([all, all, all, all]);
    expect([await drained(shared.read()), made]).to.deep.equal([all, 3]);
  });

  it('fails for each of them where the tool throws', async () => {
    const broken = new Error('broken');
    async function* tool(): AsyncGenerator<number> {
      yield 1;
      throw broken;
    }
    const shared = new SharedStream(tool());
    for (const error of await Promise.all(Array.from({ length: 3 }, () => rejection(drained(shared.read())))))
      expect(error).to.equal(broken);
  });

  it('goes on when one of them leaves, ends the tool when the last one does, and is whole to nobody then', async () => {
    let ended = false;
    async function* tool(): AsyncGenerator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        ended = true;
      }
    }
    const shared = new SharedStream(tool());
    const [first, second] = [shared.read(), shared.read()];
    expect([(await first.next()).value, (await second.next()).value]).to.deep.equal([0, 0]);
    await first.return(undefined);
    expect([ended, (await second.next()).value]).to.deep.equal([false, 1]);
    await second.return(undefined);
    expect(ended).to.equal(true);
    expect(await rejection(drained(shared.read())))
      .to.have.property('message')
      .that.includes('before its end');
  });

  it('need not be one that can be ended', async () => {
    const endless = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false as const, value: 1 }) }) };
    const stream = new SharedStream(endless).read();
    await stream.next();
    expect(await stream.return(undefined)).to.deep.equal({ done: true, value: undefined });
  });

  it('is made of every stream, also of one that a promise resolves to, and of nothing else', async () => {
    async function* tool(): AsyncGenerator<number> {
      yield 1;
    }
    expect(shareable(tool())).to.be.instanceOf(SharedStream);
    expect(await shareable(Promise.resolve(tool()))).to.be.instanceOf(SharedStream);
    for (const value of [1, null, undefined, 'text', { a: 1 }, [1], { [Symbol.asyncIterator]: 7 }]) {
      expect(shareable(value)).to.equal(value);
      expect(ownShare(value)).to.equal(value);
    }
    expect(await shareable(Promise.resolve(7))).to.equal(7);
    expect(await drained(ownShare(shareable(tool())) as AsyncGenerator)).to.deep.equal([1, { end: undefined }]);
  });
});
