import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { check } from './checker.js';
import { Crew } from './crew.js';
import { readEntries } from './history.js';
import { postgres, postgresWithQueue, sqlite } from './stores.js';

for (const store of [sqlite, postgres, postgresWithQueue]) {
  describe(`Processes that have not the tool, on ${store.name}`, () => {
    before(async function () {
      await store.start(this);
    });
    after(() => store.end());

    it('run nothing, and keep nobody from taking over what a dead process has left', async () => {
      const crew = new Crew(store.make());
      try {
        const bystanders = Array.from({ length: 4 }, () => crew.hire('bystander'));
        await Promise.all(bystanders.map(({ ready }) => ready));
        const victim = crew.hire('worker', { point: 'after-insert', nth: 6 });
        await victim.ready;
        for (const tool of ['once', 'idempotent'] as const) victim.tell({ do: 'call', tool, ns: [1, 2, 4] });
        await victim.gone;
        await crew.hire('approver').ready;
        // the others have all the time to take what they cannot run
        await sleep(2 * crew.leaseMs);
        await crew.hire('worker').ready;
        const drained = await crew.drained(4_000);
        await sleep(300);
        await crew.leave();
        const lines = crew.history.lines();
        const tasks = await crew.tasks();
        const told = lines.join('\n');
        expect(
          tasks.map(({ status }) => status),
          told,
        ).to.deep.equal(Array.from(tasks, () => 'completed'));
        expect(tasks).to.have.length(6);
        expect(drained, told).to.equal(true);
        expect(check(lines, tasks).faults, told).to.deep.equal([]);
        const claimers = readEntries(lines).flatMap(({ what, who }) => (what === 'claimed' ? [who] : []));
        expect(claimers.filter((who) => who.startsWith('bystander'))).to.deep.equal([]);
      } finally {
        await crew.disband();
      }
    }).timeout(60_000);
  });
}
