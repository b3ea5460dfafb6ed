import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import sinon from 'sinon';
import { bootId } from '../../../lib/common/nextId.js';
import { EventHub } from '../../../lib/server/push/EventHub.js';
import type { EventHubOptions, Subscription } from '../../../lib/server/push/EventHub.js';

/** Reads a stream into text, without ever waiting for more than there is. */
function listen(hub: EventHub, more: Partial<Subscription> = {}) {
  const controller = new AbortController();
  const reader = hub.subscribe({ covers: () => true, signal: controller.signal, ...more })[Symbol.asyncIterator]();
  const heard = { text: '', pieces: 0, done: false };
  const read = async (): Promise<void> => {
    for (;;) {
      const { value, done } = await reader.next();
      heard.done = done === true;
      if (heard.done) return;
      heard.text += value as string;
      heard.pieces += 1;
    }
  };
  return { heard, controller, reader, read };
}

const at = (n: number): string => `${bootId}-${n}`;

describe('EventHub', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
  });
  afterEach(() => clock.restore());

  const started = (hub: EventHub, more?: Partial<Subscription>): ReturnType<typeof listen> => {
    const listener = listen(hub, more);
    void listener.read();
    return listener;
  };
  const status = (hub: EventHub, n: number, agentId = 'bot'): void => hub.publish({ type: 'status', agentId, data: { n } });
  const numbers = ({ text }: { readonly text: string }): number[] => [...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n));

  it('says where it begins, and then each event with its id, its name and its data on one line', async () => {
    const hub = new EventHub();
    const { heard } = started(hub);
    await clock.tickAsync(0);
    expect(heard.text).to.equal(`retry: 2000\nid: ${at(0)}\n\n`);
    hub.publish({ type: 'status', agentId: 'bot', data: { reason: 'line\r\nbreak\nevent: forged\n\n\u2028' } });
    await clock.tickAsync(25);
    expect(heard.text.slice(heard.text.indexOf(at(1)) - 4)).to.equal(
      `id: ${at(1)}\nevent: status\ndata: {"reason":"line\\r\\nbreak\\nevent: forged\\n\\n\u2028"}\n\n`,
    );
    hub.close();
  });

  it('tells the first event at once, and those within the time to gather together', async () => {
    const hub = new EventHub({ gatherMs: 25 });
    const { heard } = started(hub);
    await clock.tickAsync(0);
    status(hub, 1);
    await clock.tickAsync(1);
    expect(numbers(heard)).to.deep.equal([1]);
    for (let n = 2; n < 50; n++) status(hub, n);
    await clock.tickAsync(20);
    expect(numbers(heard)).to.deep.equal([1]);
    await clock.tickAsync(5);
    expect(numbers(heard)).to.have.length(49);
    expect(heard.pieces).to.equal(3);
    hub.close();
  });

  for (const [listeners, gatherMs] of [
    [1, 1],
    [100, 10],
    [250, 25],
    [1_000, 25],
  ] as const)
    it(`has ${listeners} listeners wait ${gatherMs} ms for the events that follow`, async () => {
      const hub = new EventHub();
      const all = Array.from({ length: listeners }, () => started(hub).heard);
      await clock.tickAsync(0);
      status(hub, 1);
      await clock.tickAsync(1);
      for (const heard of all) expect(numbers(heard)).to.deep.equal([1]);
      status(hub, 2);
      // the first one was told within a millisecond, so long ago
      if (gatherMs > 2) {
        await clock.tickAsync(gatherMs - 2);
        expect(numbers(all[0] as (typeof all)[0])).to.deep.equal([1]);
      }
      await clock.tickAsync(2);
      for (const heard of all) expect(numbers(heard)).to.deep.equal([1, 2]);
      hub.close();
    });

  it('listens from the call on, not from the first read', async () => {
    const hub = new EventHub();
    const { heard, read } = listen(hub);
    status(hub, 1);
    await clock.tickAsync(100);
    void read();
    await clock.tickAsync(0);
    expect(numbers(heard)).to.deep.equal([1]);
    hub.close();
  });

  it('tells a listener of its own agents only, and of what is for all', async () => {
    const hub = new EventHub();
    const one = started(hub, { covers: (agentId) => agentId === 'a' });
    const none = started(hub, { covers: () => false });
    for (let n = 0; n < 30; n++) status(hub, n, ['a', 'b', 'c'][n % 3]);
    hub.resync();
    await clock.tickAsync(50);
    expect(numbers(one.heard)).to.deep.equal(Array.from({ length: 10 }, (_, i) => 3 * i));
    expect(numbers(none.heard)).to.deep.equal([]);
    for (const { heard } of [one, none]) expect(heard.text.match(/event: resync/g)).to.have.length(1);
    hub.close();
  });

  it('says to each listener by itself what is for that one, also when it comes back, and nothing where it is not known who listens', async () => {
    const hub = new EventHub<string>();
    const of = (whom: string): object => (whom === 'ann' ? { waits: 1, note: '}\n\n"' } : {});
    const open = (whom: string | undefined, lastEventId?: string) => {
      const controller = new AbortController();
      const stream = hub.subscribe({ covers: () => true, signal: controller.signal, whom: () => whom, lastEventId });
      return stream[Symbol.asyncIterator]();
    };
    const readers = ['ann', 'bob', undefined].map((whom) => open(whom));
    for (const reader of readers) await reader.next();
    hub.publish({ type: 'requested', data: { n: 1 }, personal: { bytes: 5, of } });
    hub.publish({ type: 'resync', data: {} });
    await clock.tickAsync(50);
    const dataOf = async (reader: AsyncIterator<string>): Promise<readonly unknown[]> =>
      [...((await reader.next()).value as string).matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as unknown);
    const anns = [{ n: 1, waits: 1, note: '}\n\n"' }, {}];
    expect(await Promise.all(readers.map(dataOf))).to.deep.equal([anns, [{ n: 1 }, {}], [{ n: 1 }, {}]]);
    const again = open('ann', at(0));
    await again.next();
    expect(await dataOf(again)).to.deep.equal(anns);
    hub.close();
  });

  describe('for a listener that comes back', () => {
    /** What a listener hears that had n events when it lost its connection. */
    const after = async (hub: EventHub, lastEventId: string): Promise<string> => {
      const { heard, controller } = started(hub, { lastEventId });
      await clock.tickAsync(50);
      controller.abort();
      return heard.text;
    };

    it('repeats what it missed: nothing is lost, doubled or out of order, wherever it was', async () => {
      const hub = new EventHub();
      for (let n = 1; n <= 500; n++) status(hub, n);
      for (let had = 0; had <= 500; had += 20) {
        const text = await after(hub, at(had));
        expect(numbers({ text }), `after ${had}`).to.deep.equal(Array.from({ length: 500 - had }, (_, i) => had + 1 + i));
        expect(text).to.not.include('resync');
      }
    });

    it('gives long answers in pieces', async () => {
      const hub = new EventHub();
      for (let n = 1; n <= 5_000; n++) status(hub, n);
      const { heard } = started(hub, { lastEventId: at(0) });
      await clock.tickAsync(50);
      expect(numbers(heard)).to.have.length(5_000);
      expect(heard.pieces).to.be.within(heard.text.length / 17_000, heard.text.length / 16_000 + 2);
      hub.close();
    });

    it('says resync where it cannot: another start, a place that is not kept, or no id of this server', async () => {
      const hub = new EventHub({ keepEvents: 10 });
      for (let n = 1; n <= 25; n++) status(hub, n);
      for (const id of ['x-3', `${bootId}`, `${bootId}-`, at(14), at(26), `${at(20)}x`, '', '-', `-${at(20)}`, `${bootId}-1e1`, '🙂-1']) {
        const text = await after(hub, id);
        expect(text, id).to.equal(`retry: 2000\nid: ${at(25)}\nevent: resync\ndata: {}\n\n`);
      }
      expect(numbers({ text: await after(hub, at(15)) })).to.deep.equal([16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
      expect(numbers({ text: await after(hub, at(25)) })).to.deep.equal([]);
    });
  });

  for (const [what, options] of [
    ['events', { keepEvents: 100 }],
    ['bytes', { keepBytes: 7_000 }],
  ] as const satisfies readonly (readonly [string, EventHubOptions])[]) {
    it(`keeps no more than so many ${what}: a listener that falls behind is told to ask`, async () => {
      const hub = new EventHub(options);
      const slow = listen(hub);
      expect((await slow.reader.next()).value).to.include(at(0));
      for (let n = 1; n <= 1_000; n++) status(hub, n);
      void slow.read();
      await clock.tickAsync(50);
      expect(slow.heard.text).to.equal(`id: ${at(1000)}\nevent: resync\ndata: {}\n\n`);
      status(hub, 1_001);
      await clock.tickAsync(50);
      expect(numbers(slow.heard)).to.deep.equal([1_001]);
      const { heard } = started(hub, { lastEventId: at(990) });
      await clock.tickAsync(50);
      expect(numbers(heard)).to.have.length(11);
      hub.close();
    });
  }

  describe('a stream', () => {
    it('says every 15 seconds where its listener is, also where nothing was for it', async () => {
      const hub = new EventHub();
      const { heard } = started(hub, { covers: () => false });
      for (let n = 1; n <= 7; n++) status(hub, n);
      await clock.tickAsync(15_000);
      expect(heard.text).to.equal(`retry: 2000\nid: ${at(0)}\n\nid: ${at(7)}\n\n`);
      await clock.tickAsync(30_000);
      expect(heard.pieces).to.equal(4);
      hub.close();
    });

    it('ends where its listener may listen no longer, with the next heartbeat', async () => {
      const reasons: Partial<Subscription>[] = [
        { mayListen: () => false },
        { mayListen: () => Promise.resolve(false) },
        { mayListen: () => Promise.reject(new Error('revoked')) },
        {
          mayListen: () => {
            throw new Error('revoked');
          },
        },
      ];
      for (const reason of reasons) {
        const hub = new EventHub();
        const { heard } = started(hub, reason);
        const stays = started(hub, { mayListen: () => Promise.resolve(true) });
        await clock.tickAsync(14_999);
        expect(heard.done).to.equal(false);
        await clock.tickAsync(1);
        expect(heard).to.include({ done: true, pieces: 1 });
        expect(stays.heard).to.include({ done: false, pieces: 2 });
        expect(hub.listeners).to.equal(1);
        hub.close();
      }
    });

    it('of a reader that does not read ends, and one whose answer comes too late stays ended', async () => {
      const hub = new EventHub();
      const ends: string[] = [];
      listen(hub, { onEnd: () => ends.push('never read') });
      let allow = (_may: boolean): void => {};
      const late = started(hub, { mayListen: () => new Promise<boolean>((resolve) => (allow = resolve)), onEnd: () => ends.push('late') });
      await clock.tickAsync(15_000);
      expect(ends).to.deep.equal(['never read']);
      late.controller.abort();
      allow(true);
      await clock.tickAsync(30_000);
      expect(late.heard).to.include({ done: true, pieces: 1 });
      expect(ends).to.deep.equal(['never read', 'late']);
      expect(hub.listeners).to.equal(0);
    });

    it('ends with its signal or its reader, and leaves nothing behind', async () => {
      const hub = new EventHub();
      for (const end of ['abort', 'return', 'before'] as const) {
        let ended = 0;
        const { controller, reader, read, heard } = listen(hub, { onEnd: () => (ended += 1) });
        if (end === 'before') controller.abort();
        const reading = read();
        await clock.tickAsync(0);
        if (end === 'abort') controller.abort();
        if (end === 'return') expect(await reader.return?.()).to.deep.equal({ done: true, value: undefined });
        await reading;
        status(hub, 1);
        await clock.tickAsync(50);
        expect(heard, end).to.include({ done: true, pieces: end === 'before' ? 0 : 1 });
        expect([ended, hub.listeners, getEventListeners(controller.signal, 'abort').length], end).to.deep.equal([1, 0, 0]);
      }
      const gone = AbortSignal.abort();
      const reader = hub.subscribe({ covers: () => true, signal: gone })[Symbol.asyncIterator]();
      expect(await reader.next()).to.deep.equal({ done: true, value: undefined });
      expect([hub.listeners, getEventListeners(gone, 'abort').length, clock.countTimers()]).to.deep.equal([0, 0, 0]);
    });
  });

  it('says goodbye when it closes, to each listener another time to come back, and to those that come later', async () => {
    const hub = new EventHub();
    const all = Array.from({ length: 50 }, () => started(hub));
    await clock.tickAsync(0);
    status(hub, 1);
    hub.close(1_000);
    all.push(started(hub));
    status(hub, 2);
    await clock.tickAsync(100);
    const times = all.map(({ heard }) => {
      expect(heard.done).to.equal(true);
      const [, retry, told] =
        /^retry: (\d+)\nevent: bye\ndata: \{"retry_ms":(\d+)\}\n\n$/m.exec(heard.text.slice(heard.text.lastIndexOf('retry: '))) ?? [];
      expect(retry).to.equal(told);
      return Number(told);
    });
    expect(Math.min(...times)).to.be.at.least(500);
    expect(Math.max(...times)).to.be.at.most(1_500);
    expect(new Set(times).size).to.be.above(20);
    expect([hub.listeners, clock.countTimers()]).to.deep.equal([0, 0]);
  });
});
