import { expect } from 'chai';
import sinon from 'sinon';
import type { Awaitable } from '../../lib/common/awaitable.js';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import type { CounterStore, CounterTake, TakeOutcome } from '../../lib/store/counter/CounterStore.js';
import { TakeRefusedError } from '../../lib/store/counter/TakeRefusedError.js';
import type { ServerStore, TenantStore } from '../../lib/store/StateStore.js';
import { recordOf } from '../support/approvalRecords.js';
import { seed } from '../support/assurance.js';
import { rejection } from '../support/rejection.js';
import { storedRecord } from '../support/storedRecords.js';

/** Moves the time of a store. */
export interface StoreClock {
  /** Sets it; it never goes back by itself. */
  set(ms: number): Awaitable<void>;
  now(): Awaitable<number>;
  restore(): Awaitable<void>;
}

/** The time of this process. */
function fakeClock(): StoreClock {
  let clock: sinon.SinonFakeTimers | undefined;
  return {
    set(ms) {
      clock ??= sinon.useFakeTimers({ now: Date.now(), toFake: ['Date'] });
      clock.setSystemTime(ms);
    },
    now: () => Date.now(),
    restore: () => {
      clock?.restore();
      clock = undefined;
    },
  };
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The contract of counters. `make` gives an empty store, open. */
export function behavesLikeCounterStore(name: string, make: () => Awaitable<ServerStore>, clock: StoreClock = fakeClock()): void {
  describe(`${name}, as a CounterStore`, () => {
    let acme: TenantStore;
    let other: TenantStore;
    let counters: CounterStore;
    let start = 0;
    beforeEach(async () => {
      const store = await make();
      [acme, other] = [store.forTenant('acme'), store.forTenant('other')];
      counters = acme.counters as CounterStore;
      // the beginning of a day that is not over
      start = Math.ceil((await clock.now()) / DAY + 1) * DAY;
      await clock.set(start);
    });
    afterEach(() => clock.restore());

    let tokens = 0;
    const token = (): string => `t${(tokens += 1)}`;
    const take = (more: Partial<CounterTake> = {}): CounterTake => ({
      key: 'k',
      cost: 1,
      limit: 3,
      windowMs: HOUR,
      kind: 'fixed',
      ...more,
    });
    const used = async (more: Partial<CounterTake> = {}): Promise<number | undefined> => (await counters.peek([take(more)]))[0]?.used;
    const one = async (more: Partial<CounterTake> = {}, of = token()): Promise<TakeOutcome> =>
      counters.take({ token: of, takes: [take(more)] });
    const ok = async (more: Partial<CounterTake> = {}, of = token()): Promise<boolean> => (await one(more, of)).ok;

    it('takes up to the limit, never more, and says when to come again', async () => {
      expect(await one({ cost: 2 })).to.deep.equal({ ok: true, used: [2] });
      expect(await one({ cost: 2 })).to.deep.equal({ ok: false, refused: [{ key: 'k', retryAtMs: start + HOUR }] });
      expect(await one({ cost: 1 })).to.deep.equal({ ok: true, used: [3] });
      expect(await one({ cost: 0 })).to.deep.equal({ ok: true, used: [3] });
      expect(await ok()).to.equal(false);
      expect(await used()).to.equal(3);
    });

    it('begins anew with each fixed window, at the same times everywhere', async () => {
      await clock.set(start + HOUR - 1);
      expect(await ok({ cost: 3 })).to.equal(true);
      expect(await ok()).to.equal(false);
      await clock.set(start + HOUR);
      expect(await ok({ cost: 3 })).to.equal(true);
      expect(await ok()).to.equal(false);
      await clock.set(start + 5 * HOUR);
      expect(await used()).to.equal(0);
    });

    it('lets a sliding window hold what the last window of time had, and up to a sixteenth more', async () => {
      const sliding = { kind: 'sliding' } as const;
      expect(await ok({ ...sliding, cost: 2 })).to.equal(true);
      await clock.set(start + HOUR / 2);
      expect(await ok(sliding)).to.equal(true);
      expect(await one(sliding)).to.deep.include({ ok: false });
      await clock.set(start + HOUR);
      expect(await ok(sliding), 'to the window before it').to.equal(false);
      await clock.set(start + HOUR + HOUR / 16);
      expect(await used(sliding)).to.equal(1);
      expect(await ok({ ...sliding, cost: 2 })).to.equal(true);
      const refused = await one(sliding);
      expect(refused).to.deep.equal({ ok: false, refused: [{ key: 'k', retryAtMs: start + 2 * HOUR + HOUR / 8 }] });
      await clock.set(start + 2 * HOUR + HOUR / 8);
      expect(await used(sliding)).to.equal(0);
    });

    it('takes all of it or nothing, and names every counter that it does not fit in', async () => {
      await ok({ key: 'b', cost: 3 });
      await ok({ key: 'c', cost: 3, windowMs: DAY });
      const takes = [take({ key: 'c', windowMs: DAY }), take({ key: 'a' }), take({ key: 'b' })];
      expect(await counters.take({ token: token(), takes })).to.deep.equal({
        ok: false,
        refused: [
          { key: 'b', retryAtMs: start + HOUR },
          { key: 'c', retryAtMs: start + DAY },
        ],
      });
      expect(await used({ key: 'a' })).to.equal(0);
      const fitting = [take({ key: 'd', cost: 2 }), take({ key: 'a' })];
      expect(await counters.take({ token: token(), takes: fitting })).to.deep.equal({ ok: true, used: [2, 1] });
      expect(await counters.take({ token: token(), takes: [] })).to.deep.equal({ ok: true, used: [] });
    });

    it('counts once for each token, also where it takes more under it', async () => {
      const same = token();
      expect(await one({ cost: 2 }, same)).to.deep.equal({ ok: true, used: [2] });
      expect(await one({ cost: 2 }, same)).to.deep.equal({ ok: true, used: [2] });
      const more = [take({ cost: 2 }), take({ key: 'more' })];
      expect(await counters.take({ token: same, takes: more })).to.deep.equal({ ok: true, used: [2, 1] });
      expect(await used()).to.equal(2);
      expect((await counters.peek([take()], same))[0]).to.deep.equal({ key: 'k', used: 2, own: 2, retryAtMs: start + HOUR });
      expect((await counters.peek([take()], 'another'))[0]?.own).to.equal(0);
    });

    it('forgets a token once it need not be kept, and then counts again', async () => {
      for (const [keepMs, forgotten] of [
        [0, 0],
        [60_000, 60_000],
        [undefined, 600_000],
      ] as const) {
        const [of, key] = [token(), `k${keepMs}`];
        await counters.take({ token: of, takes: [take({ key })], keepMs });
        await clock.set((await clock.now()) + forgotten);
        expect(await counters.take({ token: of, takes: [take({ key })], keepMs }), String(keepMs)).to.deep.equal({ ok: true, used: [2] });
      }
    });

    it('gives back what was taken for a token, once, and only in the window that it was taken in', async () => {
      const [first, second] = [token(), token()];
      await counters.take({ token: first, takes: [take({ cost: 2 }), take({ key: 'b' })] });
      await one({}, second);
      await counters.give(first);
      expect([await used(), await used({ key: 'b' })]).to.deep.equal([1, 0]);
      await counters.give(first);
      await counters.give('never taken');
      expect(await used()).to.equal(1);
      await clock.set(start + HOUR);
      await ok({ cost: 3 });
      await counters.give(second);
      expect(await used(), 'what was taken in the window before').to.equal(3);
      for (const later of [HOUR / 2, HOUR, HOUR + HOUR / 16, 2 * HOUR]) {
        const sliding = { key: `s${later}`, kind: 'sliding' } as const;
        const of = token();
        await counters.take({ token: of, takes: [take(sliding)], keepMs: DAY });
        await clock.set((await clock.now()) + later);
        await ok({ ...sliding, cost: 2 });
        await counters.give(of);
        expect(await used(sliding), String(later)).to.equal(2);
      }
      await one({ key: 'late' }, first);
      await clock.set((await clock.now()) + 600_000);
      await counters.give(first);
      expect(await used({ key: 'late' }), 'the token is forgotten').to.equal(1);
    });

    it('counts what is forced beyond the limit, and refuses the others then', async () => {
      await ok({ cost: 3 });
      expect(await one({ cost: 4, force: true })).to.deep.equal({ ok: true, used: [7] });
      expect(await ok()).to.equal(false);
      expect(await ok({ limit: 8 })).to.equal(true);
    });

    it('holds the largest amounts', async () => {
      const most = Number.MAX_SAFE_INTEGER;
      expect(await one({ cost: most, limit: most })).to.deep.equal({ ok: true, used: [most] });
      expect(await ok({ limit: most })).to.equal(false);
      const of = token();
      expect(await one({ cost: most, limit: most, force: true }, of)).to.deep.equal({ ok: true, used: [most] });
      await counters.give(of);
      expect(await used(), 'it may have held more').to.equal(most);
    });

    it('never goes back in time', async () => {
      await clock.set(start + 2 * HOUR);
      await ok({ cost: 3 });
      await clock.set(start);
      expect(await ok(), 'an hour or two before').to.equal(false);
      await clock.set(start + 3 * HOUR);
      expect(await ok()).to.equal(true);
    });

    it('shows no tenant what another one has, and lets none take or give back for it', async () => {
      const same = token();
      await ok({ cost: 3 }, same);
      expect(await other.counters?.peek([take()], same)).to.deep.equal([{ key: 'k', used: 0, own: 0, retryAtMs: start + HOUR }]);
      expect(await other.counters?.list()).to.deep.equal([]);
      await other.counters?.give(same);
      expect(await used()).to.equal(3);
      expect((await other.counters?.take({ token: same, takes: [take({ cost: 3 })] }))?.ok).to.equal(true);
    });

    it('lists what is not over, the fullest first, with what people are shown', async () => {
      const label = JSON.stringify({ policy: 'é"\'\\ 😀' });
      await ok({ key: 'half', cost: 2, limit: 4 });
      await ok({ key: 'full', cost: 3, label });
      await ok({ key: 'slid', cost: 1, limit: 10, kind: 'sliding', windowMs: DAY });
      await ok({ key: 'over', cost: 5, limit: 4, force: true, windowMs: 1_000 });
      const rows = await counters.list();
      expect(rows.map(({ key }) => key)).to.deep.equal(['over', 'full', 'half', 'slid']);
      expect(rows[1]).to.deep.equal({ key: 'full', kind: 'fixed', windowMs: HOUR, used: 3, limit: 3, retryAtMs: start + HOUR, label });
      await clock.set(start + 1_000);
      expect((await counters.list()).map(({ key }) => key)).to.deep.equal(['full', 'half', 'slid']);
    });

    it('deletes what is over, and nothing else', async () => {
      await ok({ key: 'hour', cost: 3 });
      await ok({ key: 'day', cost: 3, windowMs: DAY });
      await ok({ key: 'slid', cost: 3, kind: 'sliding' });
      expect(await counters.prune()).to.equal(0);
      await clock.set(start + HOUR);
      expect(await counters.prune(), 'a counter and three tokens').to.equal(4);
      expect([await used({ key: 'day', windowMs: DAY }), await used({ key: 'slid', kind: 'sliding' })]).to.deep.equal([3, 3]);
      await clock.set(start + 2 * HOUR);
      expect(await counters.prune()).to.equal(1);
      expect(await ok({ key: 'hour', cost: 3 })).to.equal(true);
    });

    it('refuses what is no take', async () => {
      const bad: readonly Partial<CounterTake>[] = [
        ...['', 'x'.repeat(129), 'a\u0000', '\ud800'].map((key) => ({ key })),
        ...[-1, 0.5, NaN, Infinity, 2 ** 53, '1' as unknown as number].flatMap((n) => [{ cost: n }, { limit: n }]),
        ...[0, -1, 0.5, NaN].map((windowMs) => ({ windowMs })),
        { kind: 'rolling' as 'fixed' },
        { label: 'x'.repeat(4_001) },
        { label: '\u0000' },
      ];
      for (const more of bad) {
        expect(await rejection((async () => one(more))()), JSON.stringify(more)).to.be.instanceOf(TypeError);
        expect(await rejection((async () => counters.peek([take(more)]))()), JSON.stringify(more)).to.be.instanceOf(TypeError);
      }
      for (const of of ['', 'x'.repeat(513), '\ud800']) {
        expect(await rejection((async () => one({}, of))())).to.be.instanceOf(TypeError);
        expect(await rejection((async () => counters.give(of))())).to.be.instanceOf(TypeError);
      }
      for (const keepMs of [-1, NaN])
        expect(await rejection((async () => counters.take({ token: token(), takes: [take()], keepMs }))())).to.be.instanceOf(TypeError);
      expect(await rejection((async () => counters.take({ token: token(), takes: [take(), take()] }))())).to.be.instanceOf(TypeError);
      expect([await used(), await ok(), await used()]).to.deep.equal([0, true, 1]);
    });

    it('refuses a counter whose row has another window than it should', async () => {
      await ok();
      for (const more of [{ kind: 'sliding' }, { windowMs: DAY }] as const) {
        const refused = await Promise.resolve()
          .then(() => one(more))
          .then(({ ok: taken }) => taken, () => false); // prettier-ignore
        expect(refused && acme.counters?.constructor.name !== 'MemoryCounterStore', JSON.stringify(more)).to.equal(false);
      }
    });

    it('lets 64 at once take what there is, and no more', async () => {
      const taken = await Promise.all(
        Array.from({ length: 64 }, (_, i) =>
          counters.take({ token: `r${i}`, takes: [take({ limit: 20 }), take({ key: `k${i % 2}`, limit: 30 })] }),
        ),
      );
      expect(taken.filter((outcome) => outcome.ok)).to.have.length(20);
      expect(await used()).to.equal(20);
    });

    it('never lets a window hold more than its limit, with random takes, gives and times', async () => {
      let state = seed;
      const random = (n: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return Math.floor((state / 0x80000000) * n);
      };
      const kinds = [
        { key: 'f', kind: 'fixed', windowMs: 60_000, limit: 12 },
        { key: 's', kind: 'sliding', windowMs: 100_000, limit: 9 },
      ] as const;
      /** Everything that was taken and not given back: a naive log. */
      let log: { key: string; token: string; atMs: number; cost: number }[] = [];
      let now = start;
      for (let i = 0; i < 250; i++) {
        if (random(3) === 0) await clock.set((now += random(20_000)));
        const gone = log[random(log.length)];
        if (random(8) === 0 && gone !== undefined) {
          await counters.give(gone.token);
          log = log.filter((entry) => entry.token !== gone.token);
          continue;
        }
        const cost = random(5);
        const of = token();
        const outcome = await counters.take({ token: of, takes: kinds.map((kind) => take({ ...kind, cost })) });
        const atMs = Math.max(now, await clock.now());
        const holds = (key: string, from: number, to: number): number =>
          log.reduce((sum, entry) => (entry.key === key && entry.atMs > from && entry.atMs <= to ? sum + entry.cost : sum), 0);
        const inFixed = holds('f', Math.floor(atMs / 60_000) * 60_000 - 1, atMs);
        const [atLeast, atMost] = [holds('s', atMs - 100_000, atMs), holds('s', atMs - 100_000 - 6_250 - 1, atMs)];
        if (outcome.ok) {
          expect(inFixed + cost).to.be.at.most(12);
          expect(atLeast + cost).to.be.at.most(9);
          for (const { key } of kinds) log.push({ key, token: of, atMs, cost });
        } else expect(inFixed + cost > 12 || atMost + cost > 9, `refused ${cost} beside ${inFixed} and ${atMost}`).to.equal(true);
      }
      expect(log.length).to.be.greaterThan(20);
    });

    it('counts durably where it is asked to', async () => {
      const takes = { token: token(), takes: [take({ cost: 2 })] };
      expect(await counters.take(takes, { durable: true })).to.deep.equal({ ok: true, used: [2] });
      expect(await ok({ cost: 2 })).to.equal(false);
    });

    describe('together with a change', () => {
      const changes: Readonly<Record<string, (more: Partial<CounterTake>, stale?: boolean) => Promise<boolean>>> = {
        'an approval that is opened': async (more) =>
          acme.approvals.insert(recordOf({ decisionId: 'd' }), undefined, undefined, takesOf(more)),
        'an approval that changes': async (more, stale = false) => {
          await acme.approvals.insert(recordOf({ decisionId: 'd' }));
          const next = { ...recordOf({ decisionId: 'd' }), status: 'approved', version: 2 } as ApprovalRecord;
          return acme.approvals.replace(next, stale ? 7 : 1, undefined, undefined, undefined, takesOf(more));
        },
        'an approval that begins': async (more, stale = false) => {
          await acme.approvals.insert(recordOf({ decisionId: 'd' }));
          const begun = { claimToken: 'c', atMs: 1 };
          const next: ApprovalRecord = { ...recordOf({ decisionId: 'd' }), status: 'approved', begun, version: 2 };
          if (acme.approvals.replaceBegun === undefined)
            return acme.approvals.replace(next, stale ? 7 : 1, undefined, undefined, undefined, takesOf(more));
          return acme.approvals.replaceBegun(
            next,
            stale ? 7 : 1,
            { page: 1, version: 1, body: '{}' },
            undefined,
            undefined,
            undefined,
            takesOf(more),
          );
        },
        'a record that is inserted': async (more) => acme.records.insert(storedRecord({ id: 'r' }), undefined, takesOf(more)),
        'a record that changes': async (more, stale = false) => {
          await acme.records.insert(storedRecord({ id: 'r' }));
          return acme.records.replace(storedRecord({ id: 'r', version: stale ? 8 : 2 }), stale ? 7 : 1, undefined, takesOf(more));
        },
        'a signed record that changes': async (more, stale = false) => {
          const head = { kind: 'key', part: 0, version: 1, body: '' };
          const change = { how: 'insert', record: storedRecord({ id: 'r' }) } as const;
          return acme.records.commit(change, head, stale ? 7 : 0, undefined, takesOf(more));
        },
      };
      const takesOf = (more: Partial<CounterTake>): { token: string; takes: readonly CounterTake[] } => ({
        token: 'd',
        takes: [take(more)],
      });
      const made = async (): Promise<boolean> =>
        ((await acme.approvals.get('d'))?.version ?? 0) + ((await acme.records.get('key', 'r'))?.version ?? 0) > 0;

      for (const [what, change] of Object.entries(changes)) {
        it(`${what}: both, or neither`, async () => {
          expect(await change({ cost: 3 })).to.equal(true);
          expect([await made(), await used()]).to.deep.equal([true, 3]);
        });

        it(`${what}: neither where the limit is reached`, async () => {
          await ok({ cost: 2 });
          const before = what.includes('opened') || what.includes('inserted') || what.includes('signed') ? 0 : 1;
          const refused = await rejection((async () => change({ cost: 2 }))());
          expect(refused).to.be.instanceOf(TakeRefusedError);
          expect((refused as unknown as TakeRefusedError).refused).to.deep.equal([{ key: 'k', retryAtMs: start + HOUR }]);
          const versions = [(await acme.approvals.get('d'))?.version, (await acme.records.get('key', 'r'))?.version];
          expect(versions.filter((version) => version !== undefined)).to.deep.equal(before === 0 ? [] : [1]);
          expect(await used()).to.equal(2);
        });

        if (!what.includes('opened') && !what.includes('inserted'))
          it(`${what}: neither where another change was first`, async () => {
            expect(await change({ cost: 2 }, true)).to.equal(false);
            expect(await used()).to.equal(0);
          });
      }

      it('gives back what was taken for it', async () => {
        await acme.approvals.insert(recordOf({ decisionId: 'd' }), undefined, undefined, takesOf({ cost: 3 }));
        const next: ApprovalRecord = { ...recordOf({ decisionId: 'd' }), status: 'expired', version: 2 };
        expect(await acme.approvals.replace(next, 7, undefined, undefined, undefined, { giveBack: 'd' })).to.equal(false);
        expect(await used()).to.equal(3);
        expect(await acme.approvals.replace(next, 1, undefined, undefined, undefined, { giveBack: 'd' })).to.equal(true);
        expect(await used()).to.equal(0);
      });
    });
  });
}
