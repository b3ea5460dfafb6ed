import fs, { mkdirSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import sinon from 'sinon';
import { PolicyWatcher } from '../../../lib/policy/live/PolicyWatcher.js';
import { withFolder } from '../../support/policyCalls.js';

class FakeWatch extends EventEmitter {
  isClosed = false;
  readonly change: () => void;
  constructor(change: () => void) {
    super();
    this.change = change;
  }
  close(): void {
    this.isClosed = true;
  }
}

/** Fake time, and watches that speak when told to. The path has no folder: what a look finds never changes. */
async function setup(): Promise<{
  watches: FakeWatch[];
  clock: sinon.SinonFakeTimers;
  watch: sinon.SinonStub;
  changed: sinon.SinonSpy;
  watcher: PolicyWatcher;
}> {
  const watches: FakeWatch[] = [];
  const watch = sinon.stub(fs, 'watch').callsFake(((_path: string, _options: object, change: () => void) => {
    const fake = new FakeWatch(change);
    watches.push(fake);
    return fake;
  }) as never);
  syncBuiltinESMExports();
  const clock = sinon.useFakeTimers();
  const changed = sinon.spy();
  const watcher = new PolicyWatcher('/nowhere/at/all', changed);
  // what it reports at its start is over
  await clock.tickAsync(10_000);
  changed.resetHistory();
  watches.splice(0, watches.length - 1);
  return { watches, watch, clock, changed, watcher };
}

describe('PolicyWatcher', () => {
  afterEach(() => {
    sinon.restore();
    syncBuiltinESMExports();
  });

  it('reports at its start, because a change may have come just before, and then no more', async () => {
    const clock = sinon.useFakeTimers();
    const changed = sinon.spy();
    const watcher = new PolicyWatcher('/nowhere/at/all', changed);
    await clock.tickAsync(1);
    expect(changed.callCount).to.equal(1);
    await clock.tickAsync(2_500);
    expect(changed.callCount).to.equal(6);
    await clock.tickAsync(600_000);
    expect(changed.callCount).to.equal(6);
    watcher.close();
  });

  it('reports many events once, 50 ms after the last', async () => {
    const { watches, clock, changed, watcher } = await setup();
    for (let i = 0; i < 5; i++) {
      watches[0]?.change();
      clock.tick(49);
    }
    expect(changed.callCount).to.equal(0);
    clock.tick(1);
    expect(changed.callCount).to.equal(1);
    watcher.close();
  });

  it('goes on to report for three seconds after an event, for a second write may leave all times as they are', async () => {
    const { watches, clock, changed, watcher } = await setup();
    watches[0]?.change();
    await clock.tickAsync(50);
    await clock.tickAsync(60_000);
    expect(changed.callCount).to.equal(7);
    watcher.close();
  });

  it('watches anew after each event, for the path may be another file now', async () => {
    const { watches, clock, watcher } = await setup();
    watches[0]?.change();
    clock.tick(50);
    expect(watches.map(({ isClosed }) => isClosed)).to.deep.equal([true, false]);
    watcher.close();
    expect(watches.map(({ isClosed }) => isClosed)).to.deep.equal([true, true]);
  });

  it('goes on after a watch failed, and where none is to be had', async () => {
    const { watch, watches, clock, changed, watcher } = await setup();
    watch.throws(new Error('EMFILE'));
    watches[0]?.emit('error', new Error('EIO'));
    await clock.tickAsync(50);
    expect([changed.callCount, watches.length]).to.deep.equal([1, 1]);
    await clock.tickAsync(60_000);
    expect(changed.callCount).to.equal(7);
    watcher.close();
  });

  it('tells nothing once closed', async () => {
    const { watches, clock, changed, watcher } = await setup();
    watches[0]?.change();
    watcher.close();
    watches[0]?.change();
    await clock.tickAsync(10_000);
    expect(changed.callCount).to.equal(0);
    expect(clock.countTimers()).to.equal(0);
  });

  it('tells nothing of a look that was under way when it was closed', async () => {
    const clock = sinon.useFakeTimers();
    const changed = sinon.spy();
    new PolicyWatcher('/nowhere/at/all', changed).close();
    await clock.tickAsync(10_000);
    expect([changed.callCount, clock.countTimers()]).to.deep.equal([0, 0]);
  });

  it('sees a folder that was replaced', () =>
    withFolder({}, async (path) => {
      const folder = join(path, 'policies');
      mkdirSync(folder);
      let watcher: PolicyWatcher | undefined;
      const next = (): Promise<void> =>
        new Promise((resolve) => {
          watcher?.close();
          watcher = new PolicyWatcher(folder, resolve);
        });
      const first = next();
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      await first;
      const second = next();
      fs.writeFileSync(join(folder, 'a.cedar'), '');
      await second;
      watcher?.close();
    }));
});
