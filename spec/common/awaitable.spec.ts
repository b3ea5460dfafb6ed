import { expect } from 'chai';
import { attempt, chain, isThenable, waitForAll } from '../../lib/common/awaitable.js';
import { rejection } from '../support/rejection.js';

describe('awaitable', () => {
  it('knows a thenable', () => {
    const fake = { then: (): void => {} };
    expect([Promise.resolve(), fake, {}, null, undefined, 'x', { then: 1 }].map(isThenable)).to.deep.equal([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it('chain goes on at once where the value is there, and later where it is not', async () => {
    expect(chain(1, (n) => n + 1)).to.equal(2);
    expect(await chain(Promise.resolve(1), (n) => n + 1)).to.equal(2);
  });

  it('attempt takes every failure of the start down its error path, and none of what follows', async () => {
    const error = new Error('no');
    const next = (value: string): string => `next ${value}`;
    const failed = (e: unknown): string => `failed ${(e as Error).message}`;
    expect(attempt(() => 'a', next, failed)).to.equal('next a');
    expect(await attempt(() => Promise.resolve('a'), next, failed)).to.equal('next a');
    const thrower = (): never => {
      throw error;
    };
    expect(attempt(thrower, next, failed)).to.equal('failed no');
    expect(await attempt(() => Promise.reject<string>(error), next, failed)).to.equal('failed no');
    expect(() => attempt(() => 'a', thrower, failed)).to.throw(error);
    expect(await rejection(Promise.resolve(attempt(() => Promise.resolve('a'), thrower, failed)))).to.equal(error);
  });

  it('attempt takes what looks like a promise and throws down its error path too', async () => {
    const failed = (e: unknown): string => `failed ${(e as Error).message}`;
    const hiding = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('hidden');
      },
    }) as Promise<string>;
    const throwing = {
      // oxlint-disable-next-line unicorn/no-thenable -- it is what is tried
      then() {
        throw new Error('thrown');
      },
    } as unknown as Promise<string>;
    expect(attempt(() => hiding, String, failed)).to.equal('failed hidden');
    expect(await attempt(() => throwing, String, failed)).to.equal('failed thrown');
  });

  it('waitForAll waits for those that are not there, and adds no tick where all are', async () => {
    expect(waitForAll([])).to.equal(undefined);
    expect(waitForAll([1, undefined, {}])).to.equal(undefined);
    let done = false;
    const slow = new Promise<void>((resolve) => setImmediate(resolve)).then(() => (done = true));
    await waitForAll([1, slow]);
    expect(done).to.equal(true);
    expect(await rejection(Promise.resolve(waitForAll([1, Promise.reject(new Error('no'))])))).to.include({ message: 'no' });
  });
});
