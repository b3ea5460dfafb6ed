import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { DueLoop } from '../../../lib/common/time/DueLoop.js';
import type { Due } from '../../../lib/common/time/DueLoop.js';

interface Item extends Due {
  readonly name: string;
}

const item = (name: string): Item => ({ name, heapIndex: -1 });

describe('DueLoop', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: 0 })));
  afterEach(() => time.restore());

  it('handles each item when it is due, with one timer for all', async () => {
    const { loop, handled } = setup();
    for (const [name, due] of Object.entries({ c: 300, a: 100, b: 200 })) loop.schedule(item(name), due);
    expect(time.countTimers()).to.equal(1);
    for (const expected of ['', 'a', 'ab', 'abc']) {
      expect(handled.join('')).to.equal(expected);
      await time.tickAsync(100);
    }
    expect([loop.size, time.countTimers()]).to.deep.equal([0, 0]);
  });

  it('holds no timer when it has nothing to do, or was stopped', () => {
    const { loop } = setup();
    const a = item('a');
    loop.schedule(a, 100);
    loop.remove(a);
    expect(time.countTimers()).to.equal(0);
    loop.schedule(a, 100);
    loop.stop();
    expect(time.countTimers()).to.equal(0);
    loop.schedule(item('b'), 200);
    expect(time.countTimers()).to.equal(0);
  });

  it('wakes earlier for an item that is due earlier, and for one that was moved there', async () => {
    const { loop, handled } = setup();
    const a = item('a');
    loop.schedule(a, 1_000);
    loop.schedule(item('b'), 500);
    await time.tickAsync(500);
    loop.schedule(a, 600);
    await time.tickAsync(100);
    expect(handled).to.deep.equal(['b', 'a']);
  });

  it('handles what was moved later at the later time only', async () => {
    const { loop, handled } = setup();
    const a = item('a');
    loop.schedule(a, 100);
    loop.schedule(a, 300);
    await time.tickAsync(299);
    expect(handled).to.deep.equal([]);
    await time.tickAsync(1);
    expect(handled).to.deep.equal(['a']);
  });

  it('waits longer than the 24.8 days that a timer can', async () => {
    const { loop, handled } = setup();
    const days = 86_400_000;
    loop.schedule(item('a'), 60 * days);
    await time.tickAsync(60 * days - 1);
    expect(handled).to.deep.equal([]);
    await time.tickAsync(1);
    expect(handled).to.deep.equal(['a']);
  });

  it('handles at once what is overdue, also -Infinity, and never fires early for Infinity', async () => {
    const { loop, handled } = setup();
    loop.schedule(item('past'), -Infinity);
    loop.schedule(item('never'), Infinity);
    await time.tickAsync(10);
    expect(handled).to.deep.equal(['past']);
  });

  it('takes items that are scheduled while it handles others', async () => {
    const { loop, handled } = setup((i) => {
      if (i.name === 'a') loop.schedule(item('b'), 0);
      if (i.name === 'b') loop.schedule(item('c'), 250);
    });
    loop.schedule(item('a'), 100);
    await time.tickAsync(100);
    expect(handled).to.deep.equal(['a', 'b']);
    await time.tickAsync(150);
    expect(handled).to.deep.equal(['a', 'b', 'c']);
  });

  it('stops in the middle of what is due when it is told to', async () => {
    const { loop, handled } = setup(() => loop.stop());
    for (const name of 'abc') loop.schedule(item(name), 100);
    await time.tickAsync(1_000);
    expect(handled).to.deep.equal(['a']);
  });

  it('lets the event loop go after 2 ms, and goes on in the next turn', async () => {
    time.restore();
    let turn = 0;
    const turns: number[] = [];
    const count = (): void => {
      turn += 1;
      if (turns.length < 20) setImmediate(count);
    };
    setImmediate(count);
    const { loop, handled } = setup(() => {
      const start = performance.now();
      while (performance.now() - start < 1);
      turns.push(turn);
    });
    for (const [i, name] of [...'abcdefghijklmnopqrst'].entries()) loop.schedule(item(name), i - 20);
    while (turns.length < 20) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(handled.join('')).to.equal('abcdefghijklmnopqrst');
    const inOneTurn = Math.max(...turns.map((t) => turns.filter((u) => u === t).length));
    expect(inOneTurn).to.be.at.most(3);
  });

  it('handles nothing more when it is stopped between two slices', async () => {
    time.restore();
    const { loop, handled } = setup(() => {
      const start = performance.now();
      while (performance.now() - start < 3);
      // after the slice, before the next
      void Promise.resolve().then(() => loop.stop());
    });
    for (const name of 'abc') loop.schedule(item(name), 0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(handled).to.have.length(1);
  });

  it('sets no timer but the one that is due first, however many are scheduled, before and while it handles them', async () => {
    const { loop } = setup((i) => loop.schedule(i, Date.now() + 1_000 + Number(i.name)));
    // not a sinon spy: restoring one under the fake clock leaves the fake clock behind
    const fake = globalThis.setTimeout;
    let set = 0;
    globalThis.setTimeout = ((...args: Parameters<typeof fake>) => {
      set += 1;
      return fake(...args);
    }) as typeof fake;
    try {
      for (let n = 0; n < 500; n++) loop.schedule(item(`${n}`), 100 + n / 1_000);
      expect(set).to.equal(1);
      await time.tickAsync(101);
      expect(loop.size).to.equal(500);
      expect(set).to.be.at.most(3);
    } finally {
      globalThis.setTimeout = fake;
    }
  });

  it('holds the process or does not, as it is told, also for later timers', () => {
    time.restore();
    const loop = new DueLoop<Item>({ now: () => 0, handle: () => {} });
    const timers = (): number => process.getActiveResourcesInfo().filter((r) => r === 'Timeout').length;
    const before = timers();
    const [a, b] = [item('a'), item('b')];
    loop.schedule(a, 50_000);
    const held = timers();
    loop.holdProcess(false);
    const letGo = timers();
    loop.schedule(b, 40_000);
    const later = timers();
    loop.holdProcess(true);
    const again = timers();
    loop.stop();
    expect([held, letGo, later, again, timers()].map((n) => n - before)).to.deep.equal([1, 0, 0, 1, 0]);
  });

  function setup(then: (item: Item) => void = () => {}): { loop: DueLoop<Item>; handled: string[] } {
    const handled: string[] = [];
    const handle = (i: Item): void => {
      handled.push(i.name);
      then(i);
    };
    const loop = new DueLoop<Item>({ now: () => Date.now(), handle });
    return { loop, handled };
  }
});
