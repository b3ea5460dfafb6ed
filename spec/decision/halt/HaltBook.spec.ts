import { expect } from 'chai';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sinon from 'sinon';
import type { Awaitable } from '../../../lib/common/awaitable.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import { HaltBook } from '../../../lib/decision/halt/HaltBook.js';
import type { HaltBookOptions } from '../../../lib/decision/halt/HaltBook.js';
import { SteadyClock } from '../../../lib/common/time/SteadyClock.js';
import { recordOfHalt } from '../../../lib/decision/halt/haltRecord.js';
import { HaltFile } from '../../../lib/decision/halt/HaltFile.js';
import type { Halt, HaltableCall, HaltScope } from '../../../lib/model/halt/Halt.js';
import type { HaltEvent, JournalEvent } from '../../../lib/model/Journal.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { HALT_KIND } from '../../../lib/store/RecordStore.js';
import type { RecordPage, RecordQuery } from '../../../lib/store/RecordStore.js';
import { SignedRecordStore } from '../../../lib/store/signing/SignedRecordStore.js';
import { rejection } from '../../support/rejection.js';

const ORDER = { by: 'ann', reason: 'it refunds everything' };
const OTHERS: Omit<Halt, 'id'> = { scope: { agentId: 'sales' }, pending: 'freeze', by: 'bob', reason: 'r', atMs: 1_700_000_000_000 };
const CALL: HaltableCall = { agentId: 'support', toolName: 'refund', groups: ['money', 'write'] };
const KEY = new SecretString('k'.repeat(32));

describe('The halts of a tenant', () => {
  let time: sinon.SinonFakeTimers;
  let inner: MemoryRecordStore;
  const books: HaltBook[] = [];
  beforeEach(() => {
    time = sinon.useFakeTimers({
      now: 1_700_000_000_000,
      toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
    });
    inner = new MemoryRecordStore();
  });
  afterEach(() => {
    for (const book of books.splice(0)) book.close();
    time.restore();
  });

  const open = async (more: Partial<HaltBookOptions> = {}): Promise<HaltBook> => {
    const book = new HaltBook({ records: inner, isShared: true, maxStaleMs: 5_000, ...more });
    books.push(book);
    await book.start();
    return book;
  };
  const signed = (): SignedRecordStore => new SignedRecordStore(inner, { stateKey: KEY, tenantId: 'default' });

  describe('stop the calls of their scope', () => {
    const parts: readonly HaltScope[] = [{ agentId: 'support' }, { toolName: 'refund' }, { group: 'money' }];
    const scopes: readonly HaltScope[] = [
      { all: true },
      ...parts,
      { ...parts[0], ...parts[1] },
      { ...parts[0], ...parts[2] },
      { ...parts[1], ...parts[2] },
      { ...parts[0], ...parts[1], ...parts[2] },
    ];
    const others: readonly HaltableCall[] = [
      { ...CALL, agentId: 'sales' },
      { ...CALL, toolName: 'mail' },
      { ...CALL, groups: ['write'] },
      { agentId: 'support', toolName: 'refund' },
    ];
    for (const scope of scopes)
      it(`and no other: ${JSON.stringify(scope)}`, async () => {
        const book = await open();
        await book.halt(scope, ORDER);
        const { all, agentId, toolName, group } = scope;
        expect(book.stop(CALL)).to.include({ name: 'ForbiddenError', code: 'halted', agentId: 'support', toolName: 'refund' });
        expect(others.map((call) => book.stop(call)?.code)).to.deep.equal([
          all === true || agentId === undefined ? 'halted' : undefined,
          all === true || toolName === undefined ? 'halted' : undefined,
          ...[0, 1].map(() => (all === true || group === undefined ? 'halted' : undefined)),
        ]);
      });

    it('without a word to the model about who ordered it and why', async () => {
      const book = await open();
      const untilMs = Date.now() + 60_000;
      for (const scope of scopes) await book.halt(scope, { ...ORDER, untilMs });
      const messages = [CALL, { ...CALL, agentId: 'x' }].map((call) => book.stop(call)?.message);
      expect(messages.join())
        .to.include('2023-11-14T22:14:20.000Z')
        .and.to.not.match(/ann|refunds everything/);
    });
  });

  it('begin and end, in each process that shares them, and are told once in each', async () => {
    const told: string[] = [];
    const journal: HaltEvent[] = [];
    const listen = (name: string): Partial<HaltBookOptions> => ({
      onChange: (began, ended) => told.push(...began.map(({ id }) => `${name} + ${id}`), ...ended.map(({ id }) => `${name} - ${id}`)),
    });
    const one = await open(listen('one'));
    const two = await open({ ...listen('two'), journal: { note: (event: JournalEvent) => void journal.push(event as HaltEvent) } });
    const { id } = await one.halt({ agentId: 'support' }, ORDER);
    expect([one.stop(CALL)?.code, two.stop(CALL)?.code]).to.deep.equal(['halted', undefined]);
    await time.tickAsync(500);
    expect(two.stop(CALL)?.code).to.equal('halted');
    const lifted = await two.lift(id, { by: 'bob', reason: 'fixed' });
    expect(lifted.lifted).to.deep.equal({ by: 'bob', reason: 'fixed', atMs: Date.now() });
    expect(await two.lift(id, { by: 'carl', reason: 'again' })).to.deep.equal(lifted);
    await time.tickAsync(500);
    expect([one.stop(CALL), two.stop(CALL)]).to.deep.equal([undefined, undefined]);
    expect(told).to.deep.equal([`one + ${id}`, `two + ${id}`, `two - ${id}`, `one - ${id}`]);
    expect(journal.map(({ how, by, reason }) => [how, by, reason])).to.deep.equal([
      ['halted', 'ann', ORDER.reason],
      ['lifted', 'bob', 'fixed'],
    ]);
  });

  it('end by themselves, and are then listed with those that are over', async () => {
    const ended: Halt[] = [];
    const journal: HaltEvent[] = [];
    const note = (event: JournalEvent): void => void journal.push(event as HaltEvent);
    const book = await open({ isShared: false, onChange: (_, over) => ended.push(...over), journal: { note } });
    const halt = await book.halt({ toolName: 'refund' }, { ...ORDER, untilMs: Date.now() + 60_000 });
    expect(book.cancels(CALL)).to.equal(false);
    expect(await book.list()).to.deep.equal([halt]);
    await time.tickAsync(59_999);
    expect(book.stop(CALL)?.code).to.equal('halted');
    await time.tickAsync(1);
    expect(book.stop(CALL)).to.equal(undefined);
    await time.tickAsync(500);
    expect([ended, await book.list(), await book.list({ all: true })]).to.deep.equal([[halt], [], [halt]]);
    const standing = (): readonly string[] => inner.list({ kind: HALT_KIND, index1: 'standing' }).records.map((record) => record.id);
    const { id } = await book.halt({ all: true }, { ...ORDER, pending: 'cancel' });
    expect([book.cancels(CALL), standing()]).to.deep.equal([true, [halt.id, id]]);
    expect(journal.map(({ how }) => how)).to.deep.equal(['halted', 'over', 'halted']);
    expect(await book.lift(halt.id, ORDER)).to.have.property('lifted');
    expect(standing()).to.deep.equal([id]);
  });

  it('that were over for a day are read no longer', async () => {
    const book = await open({ isShared: false });
    const { id } = await book.halt({ toolName: 'refund' }, { ...ORDER, untilMs: Date.now() + 60_000 });
    const standing = (): readonly string[] => inner.list({ kind: HALT_KIND, index1: 'standing' }).records.map((record) => record.id);
    await time.tickAsync(86_459_999);
    const second = await book.halt({ toolName: 'mail' }, ORDER);
    expect(standing()).to.deep.equal([id, second.id]);
    await time.tickAsync(1);
    const third = await book.halt({ toolName: 'read' }, ORDER);
    expect(standing()).to.deep.equal([second.id, third.id]);
  });

  for (const [ahead, aheadMs] of [
    ['a minute', 60_000],
    ['an hour', 3_600_000],
    ['almost a day', 86_000_000],
  ] as const)
    it(`end for no process before their time because the clock of another one is ahead: ${ahead}`, async () => {
      const clock = new SteadyClock();
      clock.notBefore(Date.now() + aheadMs);
      const [right, fast] = [await open(), await open({ clock })];
      const untilMs = Date.now() + 30_000;
      await right.halt({ agentId: 'support' }, { ...ORDER, untilMs });
      await fast.halt({ agentId: 'sales' }, ORDER);
      await time.tickAsync(10_000);
      const later = await open();
      expect([right, later].map((book) => book.stop(CALL)?.code)).to.deep.equal(['halted', 'halted']);
      await time.tickAsync(20_000);
      expect([right, later].map((book) => book.stop(CALL)?.code)).to.deep.equal([undefined, undefined]);
    });

  describe('that cannot be confirmed', () => {
    class Away extends MemoryRecordStore {
      state: 'there' | 'silent' | 'failing' = 'there';
      reads = 0;

      override haltChanges(): number {
        this.reads += 1;
        if (this.state === 'failing') throw new Error('the store is away');
        if (this.state === 'silent') return new Promise(() => {}) as unknown as number;
        return super.haltChanges();
      }
    }

    it('are confirmed by a read each half second, counted from when it was sent', async () => {
      const records = new Away();
      const book = await open({ records });
      await time.tickAsync(10_000);
      expect(records.reads).to.equal(21);
      records.state = 'silent';
      await time.tickAsync(5_000);
      expect(book.stop(CALL)).to.equal(undefined);
      await time.tickAsync(1);
      expect(book.stop(CALL)).to.include({ name: 'DecisionUnavailableError', code: 'halt_unknown' });
    });

    it('refuse a call after one more read that takes 200 ms at most', async () => {
      const records = new Away();
      const book = await open({ records });
      records.state = 'silent';
      await time.tickAsync(6_000);
      const looked = book.look(CALL) as PromiseLike<unknown>;
      await time.tickAsync(200);
      expect(await looked).to.include({ code: 'halt_unknown' });
    });

    it('let no call in where either clock says that the time is over, also after a look by one clock', async () => {
      const records = new Away();
      const book = await open({ records });
      records.state = 'silent';
      await time.tickAsync(1_000);
      expect(book.look(CALL, true)).to.equal(undefined);
      // the machine slept: wall time alone went on, and the look reads once more
      time.setSystemTime(Date.now() + 6_000);
      const looked = book.look(CALL, true) as PromiseLike<unknown>;
      await time.tickAsync(200);
      expect(await looked).to.include({ code: 'halt_unknown' });
      expect(book.stop(CALL)).to.include({ code: 'halt_unknown' });
    });

    it('let no call in where the wall clock was set back by as much as passed', async () => {
      const records = new Away();
      const book = await open({ records });
      records.state = 'silent';
      await time.tickAsync(6_000);
      time.setSystemTime(Date.now() - 6_000);
      expect(book.look(CALL, true)).to.equal(undefined);
      expect(book.stop(CALL)).to.include({ code: 'halt_unknown' });
      // set back further, that clock says nothing
      time.setSystemTime(Date.now() - 3_600_000);
      const looked = book.look(CALL, true) as PromiseLike<unknown>;
      await time.tickAsync(200);
      expect(await looked).to.include({ code: 'halt_unknown' });
    });

    it('are read once more before a call whose entry could be too late, and not before others', async () => {
      const records = new Away();
      const book = await open({ records });
      book.close();
      const readsAfter = async (ms: number): Promise<number> => {
        await book.refresh();
        const before = records.reads;
        await time.tickAsync(ms);
        expect(await book.look(CALL, true)).to.equal(undefined);
        expect(book.stop(CALL)).to.equal(undefined);
        return records.reads - before;
      };
      expect([await readsAfter(2_400), await readsAfter(4_500), await readsAfter(4_501), await readsAfter(4_999)]).to.deep.equal([
        0, 0, 1, 1,
      ]);
    });

    it('refuse with what the store failed with as the cause, until a read works again, and without one where the store says nothing', async () => {
      const records = new Away();
      const book = await open({ records });
      records.state = 'failing';
      await time.tickAsync(6_000);
      expect(await book.look(CALL))
        .to.include({ code: 'halt_unknown' })
        .and.have.nested.property('cause.message', 'the store is away');
      records.state = 'there';
      expect(await book.look(CALL)).to.equal(undefined);
      records.state = 'silent';
      await time.tickAsync(6_000);
      expect(book.stop(CALL)).to.include({ code: 'halt_unknown' }).and.not.have.property('cause');
    });

    it('let a call through where that read answers, also at once', async () => {
      const records = new Away();
      const book = await open({ records });
      book.close();
      await time.tickAsync(60_000);
      expect(book.stop(CALL)?.code).to.equal('halt_unknown');
      expect(await book.look(CALL)).to.equal(undefined);
      expect(book.look(CALL)).to.equal(undefined);
      await book.halt({ all: true }, ORDER);
      await time.tickAsync(60_000);
      expect(await book.look(CALL)).to.include({ code: 'halted' });
    });

    it('refuse every call from the start where they were never read, and none once they are', async () => {
      const records = new Away();
      records.state = 'failing';
      const book = await open({ records });
      expect([book.stop(CALL)?.code, (await book.look(CALL))?.code]).to.deep.equal(['halt_unknown', 'halt_unknown']);
      records.state = 'there';
      await time.tickAsync(500);
      expect(book.stop(CALL)).to.equal(undefined);
    });

    it('hold at once where they were ordered, also where nothing can be read then', async () => {
      const records = new Away();
      const book = await open({ records });
      records.state = 'failing';
      await book.halt({ all: true }, ORDER);
      expect(book.stop(CALL)?.code).to.equal('halted');
    });

    it('hold where they were ordered while a read is under way that was sent before, and are told once', async () => {
      const told: (readonly Halt[])[][] = [];
      const slow = new (class extends MemoryRecordStore {
        override list(query: RecordQuery): RecordPage {
          const page = super.list(query);
          return new Promise((resolve) => setTimeout(resolve, 50, page)) as unknown as RecordPage;
        }
      })();
      const opening = open({ records: slow, onChange: (...change) => told.push(change) });
      await time.tickAsync(50);
      const book = await opening;
      // another process's halt makes the next look read the list
      slow.insert(recordOfHalt({ ...OTHERS, id: 'halt_theirs' }, 1, false));
      await time.tickAsync(510);
      const ordering = book.halt({ toolName: 'refund' }, ORDER);
      const seen: (string | undefined)[] = [];
      for (let i = 0; i < 20; i += 1) {
        await time.tickAsync(10);
        seen.push(book.stop(CALL)?.code);
      }
      const { id } = await ordering;
      expect(new Set(seen)).to.deep.equal(new Set(['halted']));
      expect(told.map((change) => change.map((halts) => halts.map((halt) => halt.id)))).to.deep.equal([
        [[id], []],
        [['halt_theirs'], []],
      ]);
    });

    it('need no confirmation where no one shares them', async () => {
      const book = await open({ isShared: false });
      book.close();
      await time.tickAsync(600_000);
      expect(book.stop(CALL)).to.equal(undefined);
      expect(book.look(CALL)).to.equal(undefined);
    });
  });

  describe('that someone without the key has changed halt everything', () => {
    const attacks: readonly (readonly [string, (id: string) => Awaitable<unknown>])[] = [
      ['deleted', (id) => inner.delete(HALT_KIND, id, 1)],
      ['lifted', (id) => inner.replace({ ...inner.get(HALT_KIND, id)!, version: 2, index1: 'ended' }, 1)],
      ['changed', (id) => inner.replace({ ...inner.get(HALT_KIND, id)!, version: 2, body: '{"scope":{"agentId":"x"}}' }, 1)],
      ['added', () => inner.insert({ kind: HALT_KIND, id: 'mine', version: 1, index1: 'standing', createdAtMs: 1, body: '{}' })],
    ];
    for (const [what, attack] of attacks)
      it(`${what}: for every call, in a process that knew it and in one that begins`, async () => {
        const book = await open({ records: signed() });
        const { id } = await book.halt({ agentId: 'someone' }, ORDER);
        expect(book.stop(CALL)).to.equal(undefined);
        await attack(id);
        await time.tickAsync(500);
        const later = await open({ records: signed() });
        expect([book.stop(CALL)?.code, later.stop(CALL)?.code]).to.deep.equal(['halt_unknown', 'halt_unknown']);
        expect((await rejection(later.list())).name).to.equal('StoreError');
      });

    it('deleted with the list of them: for every call', async () => {
      const book = await open({ records: signed() });
      const { id } = await book.halt({ agentId: 'someone' }, ORDER);
      const heads = new MemoryRecordStore();
      Object.assign(heads, { haltChanges: () => 1 });
      const later = await open({ records: heads });
      expect(later.stop(CALL)?.code).to.equal('halt_unknown');
      expect(id).to.be.a('string');
    });

    it('put back to before the halt: for every call, in a process that knew it', async () => {
      const book = await open();
      await book.halt({ agentId: 'someone' }, ORDER);
      Object.assign(inner, { haltChanges: () => 0 });
      await time.tickAsync(500);
      expect(book.stop(CALL)?.code).to.equal('halt_unknown');
    });

    it('of which one cannot be read: for every call', async () => {
      const order = '"scope":{"agentId":"x"},"pending":"freeze"';
      for (const body of [
        '{',
        '{"scope":{}}',
        '{"scope":{"all":true},"pending":"later"}',
        `{${order},"reason":"r"}`,
        `{${order},"by":"ann","reason":5}`,
        ...['"soon"', 'null', '1.5', '[]'].map((until) => `{${order},"by":"ann","reason":"r","untilMs":${until}}`),
        ...['null', '{}', '{"by":"ann","reason":"r"}', '{"by":"ann","reason":"r","atMs":"now"}', '{"by":5,"reason":"r","atMs":1}'].map(
          (lifted) => `{${order},"by":"ann","reason":"r","lifted":${lifted}}`,
        ),
      ]) {
        inner = new MemoryRecordStore();
        inner.insert({ kind: HALT_KIND, id: body, version: 1, index1: 'standing', createdAtMs: 1, body });
        expect((await open()).stop(CALL)?.code).to.equal('halt_unknown');
      }
    });

    it('are noticed within 5 seconds where the store does not count that', async () => {
      const book = await open({ records: signed() });
      const { id } = await book.halt({ agentId: 'someone' }, ORDER);
      const changes = inner.haltChanges();
      Object.assign(inner, { haltChanges: () => changes });
      inner.delete(HALT_KIND, id, 1);
      await time.tickAsync(5_000);
      expect(book.stop(CALL)?.code).to.equal('halt_unknown');
    });
  });

  it('are read page by page, and by their changes where the store counts those', async () => {
    const book = await open();
    for (let i = 0; i < 250; i++) await book.halt({ agentId: `a${i}` }, ORDER);
    expect([book.stop({ agentId: 'a249', toolName: 't' })?.code, book.inForce.length, (await book.list()).length]).to.deep.equal([
      'halted',
      250,
      250,
    ]);
    const list = sinon.spy(inner, 'list');
    await time.tickAsync(4_000);
    expect(list.callCount).to.be.lessThan(5);
  });

  it('go on being read where the store does not count', async () => {
    Object.assign(inner, { haltChanges: undefined });
    const [one, two] = [await open(), await open({ records: signed() })];
    expect([one.changes, two.changes]).to.deep.equal([undefined, undefined]);
    await two.halt({ all: true }, ORDER);
    expect(two.stop(CALL)?.code).to.equal('halted');
  });

  it('are refused where the store takes none, and where what is over cannot be closed that is reported', async () => {
    const book = await open({ isShared: false });
    await book.halt({ toolName: 't' }, { ...ORDER, untilMs: Date.now() + 1 });
    await time.tickAsync(86_400_001);
    Object.assign(inner, { replace: () => Promise.reject(new Error('full')) });
    expect((await book.halt({ toolName: 'u' }, ORDER)).scope).to.deep.equal({ toolName: 'u' });
    Object.assign(inner, { insert: () => false });
    expect((await rejection(book.halt({ all: true }, ORDER))).name).to.equal('StoreError');
  });

  it('take no order that is not one', async () => {
    const book = await open();
    const scopes: readonly unknown[] = [
      {},
      null,
      'all',
      { all: false },
      { all: true, agentId: 'a' },
      { agentId: '' },
      { agentId: 5 },
      { toolName: 'x'.repeat(257) },
      { agent: 'a' },
      { group: undefined },
      // no call has such a name
      { toolName: 'two words' },
      { agentId: 'bot', group: 'm\u00f6ney' },
    ];
    const orders: readonly unknown[] = [
      {},
      { by: 'ann' },
      { by: '', reason: 'r' },
      { by: 'a\u200bb', reason: 'r' },
      { by: 'x'.repeat(257), reason: 'r' },
      { by: 'ann', reason: '' },
      { by: 'ann', reason: ' \n' },
      { by: 'ann', reason: 'r'.repeat(10_001) },
      { ...ORDER, pending: 'stop' },
      { ...ORDER, untilMs: Date.now() },
      { ...ORDER, untilMs: Date.now() + 0.5 },
      { ...ORDER, untilMs: Infinity },
      // a time without a name could be told to no one
      { ...ORDER, untilMs: 8_640_000_000_000_001 },
      { ...ORDER, until: 5 },
    ];
    for (const scope of scopes)
      expect(await rejection(book.halt(scope as never, ORDER)), JSON.stringify(scope)).to.have.property('name', 'ConfigError');
    for (const order of orders)
      expect(await rejection(book.halt({ all: true }, order as never)), JSON.stringify(order)).to.have.property('name', 'ConfigError');
    const { id } = await book.halt({ all: true }, ORDER);
    for (const order of orders.slice(0, 8)) expect(await rejection(book.lift(id, order as never))).to.have.property('name', 'ConfigError');
    for (const unknown of ['', 'halt_x', 5])
      expect(await rejection(book.lift(unknown as never, ORDER))).to.have.property('name', 'ConfigError');
    inner.insert({ kind: HALT_KIND, id: 'odd', version: 1, createdAtMs: 1, body: '{}' });
    expect(await rejection(book.lift('odd', ORDER))).to.have.property('name', 'ConfigError');
  });

  it('are lifted once where two lift them at once', async () => {
    const [one, two] = [await open(), await open()];
    const { id } = await one.halt({ all: true }, ORDER);
    const lifted = await Promise.all([one.lift(id, { by: 'bob', reason: 'x' }), two.lift(id, { by: 'carl', reason: 'y' })]);
    expect(lifted[0].lifted).to.deep.equal(lifted[1].lifted);
    const replace = inner.replace.bind(inner);
    const again = await one.halt({ all: true }, ORDER);
    let lost = 0;
    Object.assign(inner, { replace: (...given: Parameters<typeof replace>) => (lost++ === 0 ? false : replace(...given)) });
    expect((await one.lift(again.id, ORDER)).lifted).to.include({ by: 'ann' });
  });
});

describe('A file that halts', () => {
  let folder: string;
  const books: HaltBook[] = [];
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'aegis-halt-'))));
  afterEach(async () => {
    for (const book of books.splice(0)) book.close();
    await rm(folder, { recursive: true, force: true });
  });
  const bookOn = async (path: string): Promise<HaltBook> => {
    const book = new HaltBook({ records: new MemoryRecordStore(), isShared: false, maxStaleMs: 5_000, file: new HaltFile(path) });
    books.push(book);
    await book.start();
    return book;
  };

  it('halts everything as long as it is there, and nothing while it is not', async () => {
    const path = join(folder, 'halt');
    const book = await bookOn(path);
    expect(book.stop(CALL)).to.equal(undefined);
    await writeFile(path, '');
    await book.refresh();
    expect(book.stop(CALL)?.code).to.equal('halted');
    await rm(path);
    await book.refresh();
    expect(book.stop(CALL)).to.equal(undefined);
  });

  it('is told when it appears and when it has gone, once each', async () => {
    const path = join(folder, 'halt');
    const told: boolean[] = [];
    const onFile = (isThere: boolean): void => void told.push(isThere);
    const book = new HaltBook({ records: new MemoryRecordStore(), isShared: false, maxStaleMs: 5_000, file: new HaltFile(path), onFile });
    books.push(book);
    await book.start();
    for (const there of [true, true, false, false, true]) {
      await (there ? writeFile(path, '') : rm(path, { force: true }));
      await book.refresh();
    }
    expect(told).to.deep.equal([true, false, true]);
  });

  it('halts where it is a folder, and where its own folder has gone', async () => {
    await mkdir(join(folder, 'in', 'halt'), { recursive: true });
    const book = await bookOn(join(folder, 'in', 'halt'));
    expect(book.stop(CALL)?.code).to.equal('halted');
    await rm(join(folder, 'in'), { recursive: true });
    await book.refresh();
    expect(book.stop(CALL)?.code).to.equal('halted');
  });

  it('halts where it cannot be looked at', async () => {
    await writeFile(join(folder, 'plain'), '');
    for (const path of [join(folder, 'plain', 'halt'), join(folder, 'x'.repeat(300))]) {
      const file = new HaltFile(path);
      await file.look();
      expect(file.isThere).to.equal(true);
    }
  });

  it('needs a folder when the program starts', async () => {
    expect((await rejection(bookOn(join(folder, 'no', 'halt')))).message).to.match(/^haltFile: is in a folder that does not exist/);
  });
});
