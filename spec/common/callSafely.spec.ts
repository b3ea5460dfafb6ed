import { expect } from 'chai';
import { callSafely } from '../../lib/common/awaitable.js';

describe('callSafely', () => {
  it('calls with the arguments, and reports nothing where nothing fails', async () => {
    const heard: unknown[] = [];
    for (const fn of [(a: number, b: string) => heard.push(a, b), async (a: number, b: string) => heard.push(a, b)])
      callSafely(fn, [1, 'two'], (error) => heard.push(error));
    await Promise.resolve();
    expect(heard).to.deep.equal([1, 'two', 1, 'two']);
  });

  it('reports a throw, a rejection and a thenable that throws, once', async () => {
    const error = new Error('no');
    for (const fn of [
      () => {
        throw error;
      },
      async () => Promise.reject(error),
      () => ({
        then() {
          throw error;
        },
      }),
      () => ({
        get then(): never {
          throw error;
        },
      }),
    ]) {
      const reported: unknown[] = [];
      callSafely(fn, [], (e) => reported.push(e));
      await new Promise((resolve) => setImmediate(resolve));
      expect(reported).to.deep.equal([error]);
    }
  });

  it('survives a report that throws', async () => {
    const failed = (): never => {
      throw new Error('cannot be reported');
    };
    callSafely(
      () => {
        throw new Error('no');
      },
      [],
      failed,
    );
    callSafely(async () => Promise.reject(new Error('no')), [], failed);
    await new Promise((resolve) => setImmediate(resolve));
  });
});
