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

/** Fake time, and watches that speak when told to. */
function setup(): { watches: FakeWatch[]; clock: sinon.SinonFakeTimers; watch: sinon.SinonStub } {
  const watches: FakeWatch[] = [];
  const watch = sinon.stub(fs, 'watch').callsFake(((_path: string, _options: object, change: () => void) => {
    const fake = new FakeWatch(change);
    watches.push(fake);
    return fake;
  }) as never);
  syncBuiltinESMExports();
  return { watches, watch, clock: sinon.useFakeTimers() };
}

describe('PolicyWatcher', () => {
  afterEach(() => {
    sinon.restore();
    syncBuiltinESMExports();
  });

  it('tells many changes once, 50 ms after the last', () => {
    const { watches, clock } = setup();
    const changed = sinon.spy();
    const watcher = new PolicyWatcher('p', changed);
    for (let i = 0; i < 5; i++) {
      watches[0]?.change();
      clock.tick(49);
    }
    expect(changed.callCount).to.equal(0);
    clock.tick(1);
    expect(changed.callCount).to.equal(1);
    watcher.close();
  });

  it('watches anew after each change, for the path may be another file now', () => {
    const { watches, clock } = setup();
    const watcher = new PolicyWatcher('p', () => {});
    watches[0]?.change();
    clock.tick(50);
    expect(watches.map(({ isClosed }) => isClosed)).to.deep.equal([true, false]);
    watcher.close();
    expect(watches.map(({ isClosed }) => isClosed)).to.deep.equal([true, true]);
  });

  it('looks for a path that is gone until it is back', () => {
    const { watch, clock } = setup();
    const changed = sinon.spy();
    watch.onFirstCall().throws(new Error('ENOENT')).onSecondCall().throws(new Error('ENOENT'));
    const watcher = new PolicyWatcher('p', changed);
    clock.tick(2_000);
    expect([watch.callCount, changed.callCount]).to.deep.equal([3, 2]);
    clock.tick(60_000);
    expect(watch.callCount).to.equal(3);
    watcher.close();
  });

  it('goes on after a watch failed', () => {
    const { watches, clock } = setup();
    const changed = sinon.spy();
    const watcher = new PolicyWatcher('p', changed);
    watches[0]?.emit('error', new Error('EIO'));
    clock.tick(1_000);
    expect([changed.callCount, watches.length]).to.deep.equal([1, 2]);
    watcher.close();
  });

  it('tells nothing once closed', () => {
    const { watches, clock } = setup();
    const changed = sinon.spy();
    const watcher = new PolicyWatcher('p', changed);
    watches[0]?.change();
    watcher.close();
    watches[0]?.change();
    clock.tick(10_000);
    expect(changed.callCount).to.equal(0);
    expect(clock.countTimers()).to.equal(0);
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
