import { expect } from 'chai';
import { currentCall } from '../../../lib/guard/call/callContext.js';
import { HaltedCalls } from '../../../lib/guard/halt/HaltedCalls.js';
import { UnreadHalts } from '../../../lib/guard/halt/UnreadHalts.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardSync } from '../../../lib/guard/guardSync.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { HaltBook } from '../../../lib/decision/halt/HaltBook.js';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { isPending } from '../../../lib/model/PendingApproval.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import { rejection } from '../../support/rejection.js';

const POLICIES = { text: '@id("all") permit (principal, action, resource);' };
const ORDER = { by: 'ann', reason: 'wild' };

describe('Halts of a store in memory', () => {
  const world = (store = new MemoryStateStore()) => {
    const module = AegisModule.create({ policies: POLICIES, agentId: 'bot', store });
    const read = guardSync((id: string) => `read ${id}`, { toolName: 'read', params: ['id'], module });
    const fetch = guard(async (id: string) => `fetched ${id}`, { toolName: 'fetch', params: ['id'], module });
    const { records } = store.forTenant('default');
    const elsewhere = new HaltBook({ records, isShared: false, maxStaleMs: 5_000 });
    return { store, module, read, fetch, elsewhere };
  };

  it('need no ready(): a synchronous call runs in the tick in which its module is made', async () => {
    const { module, read } = world();
    expect(read('a')).to.equal('read a');
    const { id } = await module.halts.halt({ toolName: 'read' }, ORDER);
    expect(() => read('a'))
      .to.throw()
      .with.property('code', 'halted');
    await module.halts.lift(id, ORDER);
    expect(read('a')).to.equal('read a');
    await module.close();
  });

  it('stop calls that come before they are read, where another module ordered one meanwhile', async () => {
    const { module, read, fetch, elsewhere } = world();
    const ordered = elsewhere.halt({ all: true }, ORDER);
    expect(() => read('a'))
      .to.throw()
      .with.property('name', 'DecisionUnavailableError');
    expect(await rejection(fetch('a')))
      .to.have.property('code')
      .that.is.oneOf(['halted', 'halt_unknown']);
    const { id } = await ordered;
    await module.halts.list();
    expect(() => read('a'))
      .to.throw()
      .with.property('code', 'halted');
    await elsewhere.lift(id, ORDER);
    await module.close();
  });

  it('stop the first call of a module that is made while something is halted', async () => {
    const { store, elsewhere } = world();
    await elsewhere.halt({ all: true }, ORDER);
    const { module, read, fetch } = world(store);
    expect(() => read('a')).to.throw();
    expect(await rejection(fetch('a'))).to.have.property('code', 'halted');
    expect(() => read('a'))
      .to.throw()
      .with.property('code', 'halted');
    await module.close();
  });

  it('abort what runs in a group that is halted, and nothing else', async () => {
    const { module } = world();
    const aborted: string[] = [];
    const running = (toolName: string, groups: readonly string[]): Promise<unknown> =>
      guard(
        async (id: string) => {
          const signal = currentCall()?.signal;
          signal?.addEventListener('abort', () => aborted.push(id));
          await new Promise((resolve) => setTimeout(resolve, 20));
          return id;
        },
        { toolName, params: ['id'], groups: [...groups], module },
      )(toolName);
    const all = [running('pay', ['money']), running('look', ['read']), running('none', [])];
    await module.halts.halt({ group: 'money' }, ORDER);
    expect(await Promise.all(all)).to.deep.equal(['pay', 'look', 'none']);
    expect(aborted).to.deep.equal(['pay']);
    await module.close();
  });

  for (const [what, storeOf] of [
    ['without a store', () => undefined],
    ['with a store of tasks', () => new MemoryTaskStore()],
    ['with a store of everything', () => new MemoryStateStore()],
  ] as const) {
    const asking = (haltFile?: string) => {
      const policies = { text: `${POLICIES.text} @id("ask") @effect("approval_needed") forbid (principal, action, resource);` };
      const module = AegisModule.create({ policies, agentId: 'bot', store: storeOf(), ...(haltFile !== undefined && { haltFile }) });
      const ran: number[] = [];
      const pay = guard(async (amount: number) => ran.push(amount), { toolName: 'pay', params: ['amount'], module, approval: 'defer' });
      const asked = async (amount: number): Promise<PendingApproval<number>> => {
        const pending = await pay(amount);
        if (!isPending<number>(pending)) throw new Error('it did not wait');
        return pending;
      };
      const approve = async ({ decisionId }: PendingApproval): Promise<unknown> =>
        module.approvals.approve(decisionId, { by: 'ann', digest: (await module.approvals.get(decisionId))?.digest });
      return { module, ran, asked, approve };
    };

    it(`freeze what is approved until they are lifted, and then let it run once, ${what}`, async () => {
      const { module, ran, asked, approve } = asking();
      const [before, meanwhile] = [await asked(1), await asked(2)];
      const halt = await module.halts.halt({ toolName: 'pay' }, ORDER);
      await approve(before);
      await new Promise((resolve) => void setTimeout(resolve, 20));
      expect(ran).to.deep.equal([]);
      await module.halts.lift(halt.id, ORDER);
      await before.completed;
      await approve(meanwhile);
      await meanwhile.completed;
      const after = await asked(3);
      await approve(after);
      await after.completed;
      expect(ran).to.deep.equal([1, 2, 3]);
      await module.close();
    });

    it(`by a file let run what is approved while it is not there, ${what}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'aegis-halt-file-'));
      const { module, ran, asked, approve } = asking(join(folder, 'halt'));
      const pending = await asked(1);
      await approve(pending);
      await pending.completed;
      expect(ran).to.deep.equal([1]);
      await module.close();
      rmSync(folder, { recursive: true });
    });
  }

  it('are not opened by a module that is closed', async () => {
    const module = AegisModule.create({ policies: POLICIES, agentId: 'bot' });
    await module.close();
    for (const asked of [module.halts.list(), module.halts.halt({ all: true }, ORDER)])
      expect(await rejection(asked)).to.have.property('name', 'ShutdownError');
  });

  it('are ordered also where what runs cannot be listed, which is told', async () => {
    const store = new MemoryTaskStore();
    store.listSummaries = () => {
      throw new Error('no list');
    };
    const module = AegisModule.create({ policies: POLICIES, agentId: 'bot', store });
    const read = guardSync(() => 'read', { toolName: 'read', module });
    const ordered = await module.halts.halt({ all: true }, ORDER);
    expect(ordered.executing).to.deep.equal([]);
    expect(() => read())
      .to.throw()
      .with.property('code', 'halted');
    await module.close();
  });

  it('are opened again after they could not be', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aegis-halt-file-'));
    const haltFile = join(folder, 'later', 'halt');
    const module = AegisModule.create({ policies: POLICIES, agentId: 'bot', haltFile });
    const read = guard(async () => 'read', { toolName: 'read', module });
    expect(await rejection(read())).to.have.property('name', 'ConfigError');
    const book = (): Promise<HaltBook> => module.halts.start();
    expect(await rejection(book())).to.have.property('name', 'ConfigError');
    mkdirSync(join(folder, 'later'));
    const opened = await book();
    expect(await book()).to.equal(opened);
    expect(opened.stop({ agentId: 'bot', toolName: 'read' })).to.equal(undefined);
    writeFileSync(haltFile, '');
    await opened.refresh();
    expect(opened.stop({ agentId: 'bot', toolName: 'read' })).to.have.property('code', 'halted');
    await module.close();
    rmSync(folder, { recursive: true });
  });

  it('abort every call that runs, however many were told', () => {
    const calls = new HaltedCalls();
    let aborted = 0;
    const running = Array.from({ length: 1_000 }, () => ({ agentId: 'bot', toolName: 'read', abort: () => void (aborted += 1) }));
    for (const call of running) calls.watch(call);
    const halt = { id: 'halt_1', scope: { all: true }, pending: 'freeze', by: 'ann', reason: 'wild', atMs: 0 } as const;
    calls.abort(halt, () => new Error('halted'));
    expect([aborted, running.length]).to.deep.equal([1_000, 1_000]);
  });

  it('ask what is open once something was ordered', async () => {
    let count = 0;
    const gate = { changes: 1, stop: () => undefined, look: () => new Error('halted') as never, refresh: () => {}, cancels: () => true };
    const unread = new UnreadHalts(
      () => count,
      async () => gate,
    );
    const call = { agentId: 'a', toolName: 't' };
    expect([unread.changes, unread.stop(call), unread.look(call), unread.cancels()]).to.deep.equal([0, undefined, undefined, false]);
    await unread.refresh();
    count = 1;
    expect(unread.changes).to.equal(1);
    expect(unread.stop(call)).to.have.property('code', 'halt_unknown');
    expect(await unread.look(call)).to.have.property('message', 'halted');
  });
});
