import { expect } from 'chai';
import type { DatabaseSync } from 'node:sqlite';
import { SecretString } from '../../../lib/common/SecretString.js';
import { SignedRecordStore } from '../../../lib/store/signing/SignedRecordStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { counted } from '../../support/assurance.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { storedRecord } from '../../support/storedRecords.js';
import { needsSqlite, sqliteFiles } from '../sqlite/sqliteFiles.js';

const stateKey = new SecretString('k'.repeat(32));
const TABLES = ['record', 'record_head'] as const;
const KEY_OF = { record: ['tenant_id', 'kind', 'id'], record_head: ['tenant_id', 'kind', 'part'] } as const;

type Row = Readonly<Record<string, string | number | null>>;
type Content = Readonly<Record<(typeof TABLES)[number], readonly Row[]>>;

describe('Signed records that someone changes by SQL', () => {
  needsSqlite();
  const { open, bare } = sqliteFiles();

  const signed = (store: ServerStore, tenantId = 'acme'): SignedRecordStore =>
    new SignedRecordStore(store.forTenant(tenantId).records, { stateKey, tenantId });
  const content = (db: DatabaseSync): Content => ({
    record: db.prepare('SELECT * FROM record').all() as unknown as Row[],
    record_head: db.prepare('SELECT * FROM record_head').all() as unknown as Row[],
  });
  const put = (db: DatabaseSync, table: string, row: Row): unknown => {
    const columns = Object.keys(row);
    const sql = `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
    return db.prepare(sql).run(...Object.values(row));
  };
  const restore = (db: DatabaseSync, { record, record_head }: Content): void => {
    db.exec('BEGIN; DELETE FROM record; DELETE FROM record_head');
    for (const row of record) put(db, 'record', row);
    for (const row of record_head) put(db, 'record_head', row);
    db.exec('COMMIT');
  };

  /** Keys that are valid, one that is revoked, one whose id was taken again, a halt; and another tenant's. Gives each state of the tables on the way. */
  async function history(store: ServerStore, db: DatabaseSync): Promise<readonly Content[]> {
    const states: Content[] = [];
    const acme = signed(store);
    const note = (done: boolean): void => {
      expect(done).to.equal(true);
      states.push(content(db));
    };
    const [revoked, valid, again] = [
      storedRecord({ id: 'revoked', body: 'active' }),
      storedRecord({ id: 'valid', body: 'active', index1: 'bot' }),
      storedRecord({ id: 'again', body: 'active admin' }),
    ];
    for (const record of [revoked, valid, again]) note(await acme.insert(record));
    note(await acme.replace({ ...revoked, version: 2, body: 'revoked' }, 1));
    note(await acme.delete('key', 'again', 1));
    note(await acme.insert({ ...again, body: 'active small' }));
    note(await acme.insert(storedRecord({ kind: 'halt', id: 'h', index1: 'bot', body: 'halted' })));
    note(await signed(store, 'other').insert(storedRecord({ id: 'foreign', body: 'active' })));
    note(await signed(store, 'other').insert(storedRecord({ id: 'valid', body: 'active foreign', index1: 'bot' })));
    return states;
  }

  /** Everything that a server would allow by these records, read by a process that has just started. */
  async function rights(store: ServerStore): Promise<Set<string>> {
    const acme = signed(store);
    const granted = new Set<string>();
    for (const id of ['revoked', 'valid', 'again', 'foreign', 'forged', 'h'])
      for (const kind of ['key', 'halt']) {
        const record = await acme.get(kind, id);
        if (record?.body.startsWith('active') === true) granted.add(`${kind} ${id}: ${record.body}`);
      }
    for (const index1 of [undefined, 'bot'])
      for (let cursor: string | undefined; ;) {
        const page = await acme.list({ kind: 'key', index1, limit: 1, cursor });
        for (const { id, body } of page.records) if (body.startsWith('active')) granted.add(`key ${id}: ${body}`);
        cursor = page.cursor;
        if (cursor === undefined) break;
      }
    for (const index1 of [undefined, 'bot']) {
      const halts = await acme.list({ kind: 'halt', index1 });
      if (halts.records.length === 0 && halts.tampered !== true) granted.add(`not halted, by ${index1 ?? 'all'}`);
    }
    // an id is taken once, also where its record is gone
    for (const [kind, id] of [
      ['key', 'valid'],
      ['key', 'revoked'],
      ['halt', 'h'],
    ] as const)
      if (await acme.insert(storedRecord({ kind, id, body: 'active again' })).catch(() => false)) granted.add(`${kind} ${id} again`);
    return granted;
  }

  it('give no right, whatever single table is written to', async function () {
    this.timeout(120_000);
    const store = open();
    const db = bare();
    db.exec('PRAGMA synchronous = OFF');
    const states = await history(store, db);
    const now = states.at(-1) as Content;
    const before = await rights(store);
    expect([...before]).to.have.members(['key valid: active', 'key again: active small']);
    restore(db, now);

    const attacks: { readonly what: string; readonly act: () => void }[] = [];
    for (const table of TABLES) {
      const key = KEY_OF[table];
      const current = now[table];
      const at = (row: Row): string => key.map((column) => `${column} = '${String(row[column])}'`).join(' AND ');
      const known = states.flatMap((state) => state[table]);
      for (const row of current) attacks.push({ what: `delete ${at(row)}`, act: () => db.exec(`DELETE FROM ${table} WHERE ${at(row)}`) });
      attacks.push({ what: `empty ${table}`, act: () => db.exec(`DELETE FROM ${table}`) });
      for (const row of known) attacks.push({ what: `put back ${JSON.stringify(row)}`, act: () => put(db, table, row) });
      for (const state of states.slice(0, -1))
        attacks.push({
          what: `put back all of ${table}`,
          act: () => {
            db.exec(`DELETE FROM ${table}`);
            for (const row of state[table]) put(db, table, row);
          },
        });
      // every row with each column changed to every value that was ever there, and to others
      for (const row of current)
        for (const column of Object.keys(row)) {
          const others = [...new Set(known.map((one) => one[column] ?? null)), null, 'active forged', 'forged', 1, 2, 3, 99].filter(
            (v) => v !== row[column],
          );
          for (const value of others) {
            attacks.push({
              what: `set ${column} of ${at(row)} to ${String(value)}`,
              act: () => db.prepare(`UPDATE OR REPLACE ${table} SET ${column} = ? WHERE ${at(row)}`).run(value),
            });
            attacks.push({
              what: `insert ${at(row)} with ${column} ${String(value)}`,
              act: () => put(db, table, { ...row, [column]: value }),
            });
          }
        }
      if (table === 'record')
        for (const row of known)
          for (const id of ['forged', 'revoked', 'h'])
            for (const kind of ['key', 'halt'])
              attacks.push({
                what: `copy ${at(row)} to ${kind} ${id}`,
                act: () => put(db, table, { ...row, tenant_id: 'acme', kind, id }),
              });
    }

    const wrong: string[] = [];
    let noticed = 0;
    let tried = 0;
    for (const { what, act } of attacks) {
      try {
        act();
      } catch {
        // the database itself refuses it
        continue;
      }
      tried += 1;
      const codes = securityCodes(
        await diagnosed(async () => {
          for (const right of await rights(store)) if (!before.has(right)) wrong.push(`${what}: ${right}`);
        }),
      );
      if (codes.includes('record_tampered')) noticed += 1;
      restore(db, now);
    }
    counted({ what: 'Records of a server changed by SQL, one table at a time', cases: tried, wrong: wrong.length, beside: { noticed } });
    expect(wrong).to.deep.equal([]);
    expect(tried).to.be.greaterThan(500);
  });

  it('are noticed as long as the process lives where they are put back together with their list', async () => {
    const store = open();
    const db = bare();
    const acme = signed(store);
    const key = storedRecord({ id: 'k', body: 'active' });
    await acme.insert(key);
    const earlier = content(db);
    expect(await acme.replace({ ...key, version: 2, body: 'revoked' }, 1)).to.equal(true);
    restore(db, earlier);
    const codes = securityCodes(
      await diagnosed(async () => {
        expect(await acme.get('key', 'k')).to.equal(undefined);
        expect(await acme.list({ kind: 'key' })).to.deep.equal({ records: [], tampered: true });
        expect(await acme.replace({ ...key, version: 2, body: 'active' }, 1)).to.equal(false);
        expect(await acme.insert(key)).to.equal(false);
      }),
    );
    expect(codes).to.deep.equal(['record_tampered', 'record_tampered', 'record_tampered']);
    // the whole store at an earlier time is what this promises nothing about
    expect((await signed(store).get('key', 'k'))?.body).to.equal('active');
  });

  it('cost what was lost, and no more: what is written from then on is there', async () => {
    const store = open();
    const db = bare();
    const acme = signed(store);
    for (let i = 0; i < 100; i++) await acme.insert(storedRecord({ id: `k${i}` }));
    db.exec('DELETE FROM record_head');
    const added = storedRecord({ kind: 'key', id: 'new' });
    for (const each of [acme, signed(store)]) {
      expect((await each.list({ kind: 'key', limit: Infinity })).records.map(({ id }) => id)).to.deep.equal(each === acme ? [] : ['new']);
      if (each === acme) expect(await acme.insert(added)).to.equal(true);
    }
    expect(await acme.delete('key', 'new', 1)).to.equal(true);
  });

  it('are not taken over by a process with another state key, which is told why', async () => {
    const store = open();
    const acme = signed(store);
    const key = storedRecord({ id: 'k' });
    await acme.insert(key);
    const other = new SignedRecordStore(store.forTenant('acme').records, { stateKey: new SecretString('x'.repeat(32)), tenantId: 'acme' });
    expect(await other.get('key', 'k')).to.equal(undefined);
    expect(await other.list({ kind: 'key' })).to.deep.equal({ records: [], tampered: true });
    expect(await other.prune('key', Infinity)).to.equal(0);
    for (const write of [
      () => other.insert(storedRecord({ id: 'k' })),
      () => other.replace({ ...key, version: 2 }, 1),
      () => other.delete('key', 'k', 1),
    ]) {
      const error = await write().then(String, (thrown: Error) => thrown);
      expect(error)
        .to.include({ name: 'StoreError' })
        .with.property('message')
        .that.includes('Give the state key that the store was made with');
    }
    expect((await acme.get('key', 'k'))?.body).to.equal(key.body);
  });

  it('are believed with the state key before, and signed with the new one when they change', async () => {
    const store = open();
    const before = signed(store);
    const [kept, changed] = [storedRecord({ id: 'kept' }), storedRecord({ id: 'changed' })];
    for (const record of [kept, changed]) await before.insert(record);
    const { records } = store.forTenant('acme');
    const next = new SecretString('n'.repeat(32));
    const now = new SignedRecordStore(records, { stateKey: next, previousStateKey: stateKey, tenantId: 'acme' });
    expect((await now.list({ kind: 'key' })).records.map(({ id }) => id)).to.deep.equal(['kept', 'changed']);
    for (const { id } of [kept, changed]) {
      const record = await now.get('key', id);
      expect(await now.replace({ ...(record as typeof kept), version: 2, body: 'new' }, 1)).to.equal(true);
    }
    const alone = new SignedRecordStore(records, { stateKey: next, tenantId: 'acme' });
    expect((await alone.list({ kind: 'key' })).records.map(({ body }) => body)).to.deep.equal(['new', 'new']);
  });
});
