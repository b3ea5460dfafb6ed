import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import type { RecordQuery, RecordStore, StoredRecord } from '../../lib/store/RecordStore.js';
import { eachOf } from '../support/eachOf.js';
import { rejection } from '../support/rejection.js';
import { storedRecord, unsigned } from '../support/storedRecords.js';

/** The contract of record stores, signed or not. `make` gives an empty store, open. */
export function behavesLikeRecordStore(name: string, make: () => Awaitable<RecordStore>): void {
  describe(`${name}, as a RecordStore`, () => {
    let store: RecordStore;
    beforeEach(async () => (store = await make()));

    const add = async (more: Partial<StoredRecord> = {}): Promise<StoredRecord> => {
      const record = storedRecord(more);
      expect(await store.insert(record)).to.equal(true);
      return record;
    };
    const read = async (kind: string, id: string): Promise<StoredRecord | undefined> => {
      const found = await store.get(kind, id);
      return found && unsigned(found);
    };
    const listed = async (query: Partial<RecordQuery> = {}): Promise<string[]> =>
      (await store.list({ kind: 'key', ...query })).records.map(({ id }) => id);

    it('gives back every field as it was inserted, frozen', async () => {
      const id = ` ü"'\\%_😀\n${'x'.repeat(240)}`;
      const record = await add({
        id,
        index1: 'ann',
        index2: '__proto__',
        createdAtMs: 1.5,
        deleteAfterMs: -3,
        body: '{"a":"\\u0000\\ud800 ü"}',
      });
      expect(await read('key', id)).to.deep.equal(record);
      expect(Object.isFrozen(await store.get('key', id))).to.equal(true);
      const least = await add({ id: '__proto__' });
      expect(await read('key', '__proto__')).to.deep.equal(least);
      expect(Object.keys((await read('key', '__proto__')) as object)).to.have.members(Object.keys(least));
      for (const [kind, other] of [
        ['key', 'another'],
        ['person', id],
        ['__proto__', id],
      ] as const)
        expect(await store.get(kind, other)).to.equal(undefined);
    });

    it('refuses what it could not give back', async () => {
      const bad: Partial<StoredRecord>[] = [
        ...['', 'Key', '1', 'a b', '=begun', 'x'.repeat(33), '__proto__'].map((kind) => ({ kind })),
        ...['', 'a\u0000', '\ud800', 'x'.repeat(257)].flatMap((text) => [{ id: text }, { index1: text }, { index2: text }]),
        ...[NaN, Infinity, '1' as unknown as number].flatMap((ms) => [{ createdAtMs: ms }, { deleteAfterMs: ms }]),
        ...['\u0000', '\udfff', undefined as unknown as string].map((body) => ({ body })),
        { version: 2 },
        { version: 0 },
      ];
      for (const more of bad) {
        const refused = await rejection((async () => store.insert(storedRecord(more)))());
        expect(refused, JSON.stringify(more)).to.be.instanceOf(TypeError);
        expect(String(refused)).to.match(/The `(?:kind|id|index1|index2|createdAtMs|deleteAfterMs|body|version)` of a record must /);
      }
      expect(await listed()).to.deep.equal([]);
    });

    it('has no record of an id that it could not keep, and none that looks like it', async () => {
      await add({ id: '\ufffd', index1: '\ufffd' });
      for (const text of ['\u0000', 'a\u0000', '\ud800', '\udfff']) {
        expect(await store.get('key', text), JSON.stringify(text)).to.equal(undefined);
        expect(await store.delete('key', text, 1)).to.equal(false);
        expect(await listed({ index1: text })).to.deep.equal([]);
        expect(await listed({ index2: text })).to.deep.equal([]);
        const cursor = Buffer.from(JSON.stringify([0, text])).toString('base64url');
        expect((await listed({ cursor })).length).to.be.at.most(1);
      }
      expect(await listed()).to.deep.equal(['\ufffd']);
    });

    it('takes a kind and id once', async () => {
      const record = await add({ id: 'a' });
      expect(await store.insert(storedRecord({ id: 'a' }))).to.equal(false);
      expect(await store.insert(storedRecord({ id: 'a', kind: 'person' }))).to.equal(true);
      expect(await read('key', 'a')).to.deep.equal(record);
      const all = await Promise.all(Array.from({ length: 64 }, (_, i) => store.insert(storedRecord({ id: 'same', body: `${i}` }))));
      expect(all.filter(Boolean)).to.have.length(1);
      expect((await read('key', 'same'))?.body).to.equal(`${all.indexOf(true)}`);
    });

    it('replaces a record only at the version that was read', async () => {
      const record = await add();
      const next = { ...record, version: 2, body: '2', index1: 'ann', createdAtMs: 9, deleteAfterMs: 8 };
      expect(await store.replace({ ...next, version: 3 }, 2)).to.equal(false);
      expect(await store.replace({ ...next, version: 1 }, 0)).to.equal(false);
      expect(await store.replace({ ...next, id: 'another' }, 1)).to.equal(false);
      expect(await store.replace({ ...next, kind: 'person' }, 1)).to.equal(false);
      expect(await rejection((async () => store.replace({ ...next, version: 3 }, 1))())).to.be.instanceOf(TypeError);
      expect(await read('key', record.id)).to.deep.equal(record);
      expect(await store.replace(next, 1)).to.equal(true);
      expect(await store.replace(next, 1)).to.equal(false);
      expect(await read('key', record.id)).to.deep.equal(next);
      expect(await listed({ index1: 'ann' })).to.deep.equal([record.id]);
    });

    it('lets one of 64 at once replace or delete it', async () => {
      const record = await add();
      const done = await Promise.all(
        Array.from({ length: 64 }, (_, i) =>
          i % 2 === 0 ? store.replace({ ...record, version: 2, body: `${i}` }, 1) : store.delete('key', record.id, 1),
        ),
      );
      expect(done.filter(Boolean)).to.have.length(1);
      const winner = done.indexOf(true);
      expect((await read('key', record.id))?.body).to.equal(winner % 2 === 0 ? `${winner}` : undefined);
    });

    it('deletes a record at its version, whose id is then free', async () => {
      const record = await add();
      expect(await store.delete('key', record.id, 2)).to.equal(false);
      expect(await store.delete('person', record.id, 1)).to.equal(false);
      expect(await store.delete('key', record.id, 1)).to.equal(true);
      expect(await store.delete('key', record.id, 1)).to.equal(false);
      expect(await read('key', record.id)).to.equal(undefined);
      const again = { ...record, body: 'again' };
      expect(await store.insert(again)).to.equal(true);
      expect(await read('key', record.id)).to.deep.equal(again);
    });

    it('lists by kind and index, oldest first, in pages', async () => {
      const times = [5, 3, 3, 9, 1, 3];
      for (const [i, createdAtMs] of times.entries())
        await add({ id: `r${'fbadec'[i]}`, createdAtMs, index1: `a${i % 2}`, ...(i > 2 ? { index2: 'b' } : {}) });
      await add({ kind: 'person' });
      const all = ['re', 'ra', 'rb', 'rc', 'rf', 'rd'];
      expect(await listed()).to.deep.equal(all);
      expect(await listed({ index1: 'a0' })).to.deep.equal(['re', 'ra', 'rf']);
      expect(await listed({ index2: 'b' })).to.deep.equal(['re', 'rc', 'rd']);
      expect(await listed({ index1: 'a1', index2: 'b' })).to.deep.equal(['rc', 'rd']);
      for (const index of ['', 'a', 'A0', '%', 'a2']) expect(await listed({ index1: index })).to.deep.equal([]);
      for (let limit = 1; limit <= 7; limit++) {
        const seen: string[] = [];
        for (let cursor: string | undefined; ;) {
          const page = await store.list({ kind: 'key', limit, cursor });
          expect(page).to.not.have.property('tampered');
          expect(page.records.length).to.be.within(1, limit);
          seen.push(...page.records.map(({ id }) => id));
          if (page.cursor === undefined) break;
          cursor = page.cursor;
        }
        expect(seen, `${limit} a page`).to.deep.equal(all);
      }
      for (const cursor of [
        '',
        'x',
        '!',
        'bnVsbA',
        Buffer.from('[1]').toString('base64url'),
        Buffer.from('["1","a"]').toString('base64url'),
      ])
        expect(await listed({ cursor }), cursor).to.deep.equal([]);
    });

    it('goes on after a record that is gone', async () => {
      for (let i = 0; i < 5; i++) await add({ id: `r${i}`, createdAtMs: i });
      const { cursor } = await store.list({ kind: 'key', limit: 2 });
      expect(await store.delete('key', 'r1', 1)).to.equal(true);
      expect(await listed({ cursor })).to.deep.equal(['r2', 'r3', 'r4']);
    });

    it('gives 200 at the most unless asked for more', async function () {
      this.timeout(20_000);
      await eachOf(201, () => add({ kind: 'seen' }));
      expect(await listed({ kind: 'seen' })).to.have.length(200);
      expect(await listed({ kind: 'seen', limit: Infinity })).to.have.length(201);
    });

    it('deletes what may be deleted by a time, of one kind', async () => {
      await add({ id: 'never' });
      await add({ id: 'later', deleteAfterMs: 11 });
      for (let i = 0; i < 5; i++) await add({ id: `now${i}`, deleteAfterMs: 10 - i });
      await add({ kind: 'session', id: 'other', deleteAfterMs: 1 });
      expect(await store.prune('key', 5)).to.equal(0);
      expect(await store.prune('key', 10)).to.equal(5);
      expect(await store.prune('key', 10)).to.equal(0);
      expect(await listed()).to.have.members(['never', 'later']);
      expect(await listed({ kind: 'session' })).to.deep.equal(['other']);
      expect(await store.insert(storedRecord({ id: 'now1' }))).to.equal(true);
    });
  });
}
