import { expect } from 'chai';
import { MemoryLogs } from '../../../lib/audit/sink/MemorySink.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { needsSqlite, sqliteFiles } from '../../store/sqlite/sqliteFiles.js';
import { counted } from '../../support/assurance.js';
import { FailingSink, auditedPlane, auditRecords } from '../../support/auditedPlane.js';
import type { Answered, AuditedPlane } from '../../support/auditedPlane.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { until } from '../../support/until.js';
import { postgresServer } from '../../support/postgresServer.js';

interface Pair {
  readonly first: ServerStore;
  readonly second: ServerStore;
}

/** What a caller of another server learns of an approval. */
function seen({ status, json }: Answered): string {
  return status === 200 ? [json['effect'], json['outcome'], json['consumed']].join(' ') : String(status);
}

/** The steps of an approval, each with its record. */
const STEPS: Readonly<Record<string, (plane: AuditedPlane, id: string) => Promise<unknown>>> = {
  verdict: (plane, id) => plane.verdict(id).catch((error: unknown) => error),
  consumed: (plane, id) => plane.use('consume', id),
  begun: (plane, id) => plane.use('begin', id),
  settled: (plane, id) => plane.use('outcome', id),
};

function tellsOnlyWhatIsDurable(name: string, pair: () => Promise<Pair>): void {
  it(`tell of no step of an approval before its record is durable, at either one, and write it once (${name})`, async function () {
    this.timeout(60_000);
    const { first: one, second: other } = await pair();
    const logs = new MemoryLogs();
    const sink = new FailingSink(logs);
    await using first = await auditedPlane({ store: one, sink });
    await using second = await auditedPlane({ store: other, sink: new FailingSink(logs) });
    const { json } = await first.decide('refund');
    const id = json['decision_id'] as string;
    let tried = 0;
    for (const [kind, take] of Object.entries(STEPS)) {
      const recorded = async (): Promise<number> => (await auditRecords(logs)).filter((record) => record.kind === kind).length;
      const before = seen(await second.status(id));
      sink.onAppend = () => {
        throw new Error('EIO');
      };
      const told = await take(first, id);
      expect(told instanceof Error ? told.message : String((told as Answered).status), kind).to.match(/503|recorded/);
      for (const plane of [first, second]) {
        expect(seen(await plane.status(id)), kind).to.be.oneOf(['503', before]);
        tried += 1;
      }
      expect(await recorded(), kind).to.equal(0);
      sink.onAppend = () => {};
      // the server that has committed it writes it once its log can be written again
      await until(async () => (await recorded()) > 0);
      await until(async () => (await second.status(id)).status === 200);
      const after = await first.status(id);
      expect([after.status, seen(await second.status(id))], kind).to.deep.equal([200, seen(after)]);
      expect(await recorded(), kind).to.equal(1);
    }
    counted({ what: `a step of an approval whose record cannot be written, asked at two servers (${name})`, cases: tried, wrong: 0 });
  });
}

describe('Servers with an audit log that cannot be written', () => {
  tellsOnlyWhatIsDurable('one memory', () => {
    const store = new MemoryStateStore();
    return Promise.resolve({ first: store, second: store });
  });

  describe('on SQLite', () => {
    needsSqlite();
    const { open } = sqliteFiles();
    tellsOnlyWhatIsDurable('one SQLite file', () => Promise.resolve({ first: open(), second: open() }));
  });

  describe('on PostgreSQL', () => {
    let stores: PostgresStores | undefined;
    before(async function () {
      stores = new PostgresStores(await postgresServer(this));
    });
    after(() => stores?.end());
    tellsOnlyWhatIsDurable('one PostgreSQL', async () => {
      const all = stores as PostgresStores;
      const schema = all.newSchema();
      return { first: await all.open({ schema }), second: await all.open({ schema }) };
    });
  });
});
