import { expect } from 'chai';
import { mkdirSync } from 'node:fs';
import sinon from 'sinon';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { CounterStore, CounterTake } from '../../../lib/store/counter/CounterStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';

const HOUR = 3_600_000;
const START = Date.UTC(2030, 0, 1);

describe('The counters of a SQLite file', () => {
  needsSqlite();
  const { path, open } = sqliteFiles();
  const countersOf = (store: ServerStore): CounterStore => store.forTenant('acme').counters as CounterStore;
  let tokens = 0;
  const takes = async (counters: CounterStore, more: Partial<CounterTake> = {}): Promise<boolean> => {
    const take: CounterTake = { key: 'k', cost: 1, limit: 1, windowMs: HOUR, kind: 'fixed', ...more };
    return (await counters.take({ token: `t${(tokens += 1)}`, takes: [take] })).ok;
  };

  it('count nothing anew where a process whose clock is ahead for a while has deleted what it took for over', async () => {
    const clock = sinon.useFakeTimers({ now: START, toFake: ['Date'] });
    try {
      const [right, ahead] = [countersOf(open()), countersOf(open())];
      let ran = 0;
      for (let i = 0; i < 5; i++) {
        if (await takes(right)) ran += 1;
        clock.setSystemTime(START + 2 * HOUR);
        await ahead.prune();
        clock.setSystemTime(START);
      }
      expect(ran, 'one in its window, and one in that of the clock that is ahead').to.equal(2);
    } finally {
      clock.restore();
    }
  });

  it('are in the file of the store, wherever the program has gone to since', async () => {
    const before = process.cwd();
    mkdirSync(path('elsewhere'));
    let store: ReturnType<typeof sqliteStore> | undefined;
    try {
      process.chdir(path('.'));
      store = sqliteStore('aegis.db');
      store.open();
      process.chdir(path('elsewhere'));
      expect(await takes(countersOf(store))).to.equal(true);
    } finally {
      process.chdir(before);
      store?.close();
    }
    expect(await takes(countersOf(open())), 'another process').to.equal(false);
  });
});
