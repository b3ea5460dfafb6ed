import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { purposeKey } from '../../../lib/store/purposeKey.js';
import type { RecordChange, RecordHead } from '../../../lib/store/RecordStore.js';
import { RecordHeads } from '../../../lib/store/signing/RecordHeads.js';
import { SignedRecordStore } from '../../../lib/store/signing/SignedRecordStore.js';
import { rejection } from '../../support/rejection.js';
import { storedRecord } from '../../support/storedRecords.js';

const stateKey = new SecretString('k'.repeat(32));
const signing = { stateKey, tenantId: 'acme' };

/** Another process writes to the same part of the list, again and again. */
class ContendedStore extends MemoryRecordStore {
  readonly #heads = new RecordHeads([purposeKey(stateKey, 'records', 'acme')], 'acme');
  /** How often the other process is first. */
  left = 0;

  override get(kind: string, id: string): ReturnType<MemoryRecordStore['get']> {
    for (const { part } of this.left > 0 ? super.heads(kind) : []) this.#write(kind, part);
    return this.left > 0 ? undefined : super.get(kind, id);
  }

  override ids(kind: string): readonly string[] {
    for (const { part } of this.left > 0 ? super.heads(kind) : []) this.#write(kind, part);
    return this.left > 0 ? [] : super.ids(kind);
  }

  override commit(change: RecordChange, head: RecordHead, headVersion: number): boolean {
    if (this.left > 0) this.#write(head.kind, head.part);
    return super.commit(change, head, headVersion);
  }

  /** Another record of that part is changed. */
  #write(kind: string, part: number): void {
    this.left -= 1;
    const found = super.head(kind, part);
    const { entries, version } = this.#heads.read(found, 0);
    super.commit({ how: 'delete', kind, ids: [] }, this.#heads.signed(kind, part, version, entries), version);
  }
}

describe('SignedRecordStore, where other processes write to the same part of the list', () => {
  async function setup() {
    const inner = new ContendedStore();
    const store = new SignedRecordStore(inner, signing);
    const record = storedRecord();
    await store.insert(record);
    return { inner, store, record };
  }

  it('reads and writes again until nothing comes in between', async () => {
    const { inner, store, record } = await setup();
    inner.left = 20;
    expect((await store.get('key', record.id))?.body).to.equal(record.body);
    inner.left = 20;
    expect(await store.list({ kind: 'key' })).to.not.have.property('tampered');
    inner.left = 20;
    expect(await store.replace({ ...record, version: 2 }, 1)).to.equal(true);
    inner.left = 20;
    expect(await store.delete('key', record.id, 2)).to.equal(true);
  });

  it('gives up after a hundred tries, and changes nothing', async () => {
    const { inner, store, record } = await setup();
    for (const act of [
      () => store.get('key', record.id),
      () => store.list({ kind: 'key' }),
      () => store.replace({ ...record, version: 2 }, 1),
      () => store.delete('key', record.id, 1),
    ]) {
      inner.left = 1_000;
      expect(await rejection(act()))
        .to.include({ name: 'StoreError' })
        .with.property('message')
        .that.includes('nothing was changed. Try again.');
      inner.left = 0;
    }
    expect((await store.get('key', record.id))?.version).to.equal(1);
  });

  it('prunes more than one statement deletes', async function () {
    this.timeout(20_000);
    const store = new SignedRecordStore(new MemoryRecordStore(), signing);
    const heads = new RecordHeads([purposeKey(stateKey, 'records', 'acme')], 'acme');
    let made = 0;
    // all in one part of the list
    for (let i = 0; made < 501; i++)
      if (heads.partOf('seen', `s${i}`) === 0)
        made += Number(await store.insert(storedRecord({ kind: 'seen', id: `s${i}`, deleteAfterMs: 1 })));
    expect(await store.prune('seen', 1)).to.equal(501);
    expect(await store.list({ kind: 'seen' })).to.deep.equal({ records: [] });
  });

  it('keeps a change and a row beside it together where the store below does', () => {
    const inner = new MemoryRecordStore();
    expect(new SignedRecordStore(inner, signing).insertsBeside).to.equal(true);
    expect(new SignedRecordStore(Object.assign(inner, { insertsBeside: undefined }), signing).insertsBeside).to.equal(false);
  });
});

describe('SignedRecordStore', () => {
  it('counts where the store counts that it signs, or nowhere', () => {
    const inner = new MemoryRecordStore();
    expect(new SignedRecordStore(inner, signing).counters).to.equal(inner.counters);
  });
});
