import { expect } from 'chai';
import { ConcurrencyLimit } from '../../../lib/approval/status/StatusRequests.js';

describe('ConcurrencyLimit', () => {
  it('lets so many questions be under way, and the next in line when one ends, well or badly', async () => {
    const { line, asked, end } = setup(2);
    for (const name of 'abcde') line.enter(name);
    expect(asked).to.deep.equal(['a', 'b']);
    await end('b');
    expect(asked).to.deep.equal(['a', 'b', 'c']);
    await end('a', new Error('down'));
    await end('c');
    expect(asked).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
  });

  it('asks nobody twice at once, and everybody again later', async () => {
    const { line, asked, end } = setup(3);
    for (const name of ['a', 'a', 'b', 'b', 'a']) line.enter(name);
    expect(asked).to.deep.equal(['a', 'b']);
    await end('a');
    await end('b');
    expect(asked).to.deep.equal(['a', 'b']);
    line.enter('a');
    expect(asked).to.deep.equal(['a', 'b', 'a']);
  });

  it('gives the place of one that leaves to the next, though its question never ends', async () => {
    const { line, asked, end } = setup(1);
    for (const name of 'abc') line.enter(name);
    line.leave('b');
    line.leave('a');
    expect(asked).to.deep.equal(['a', 'c']);
    await end('a');
    await end('c');
    expect(asked).to.deep.equal(['a', 'c']);
  });

  it('lets what answers at once pass', () => {
    const asked: number[] = [];
    const line = new ConcurrencyLimit<number>(1, (n) => void asked.push(n));
    for (let i = 0; i < 5; i++) line.enter(i);
    expect(asked).to.deep.equal([0, 1, 2, 3, 4]);
  });

  function setup(max: number) {
    const asked: string[] = [];
    const ends = new Map<string, (error?: Error) => void>();
    const line = new ConcurrencyLimit<string>(max, async (name) => {
      asked.push(name);
      await new Promise<void>((resolve, reject) => ends.set(name, (error) => (error === undefined ? resolve() : reject(error))));
    });
    const end = async (name: string, error?: Error): Promise<void> => {
      ends.get(name)?.(error);
      await new Promise((resolve) => setImmediate(resolve));
    };
    return { line, asked, end };
  }
});
