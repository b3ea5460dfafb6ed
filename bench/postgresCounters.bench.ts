// What a PostgreSQL store adds to a take on a counter that everyone wants at once, against bare `pg` that sends the same statement in the same run; and
// what that statement takes beside the least that counts at all.
import pg from 'pg';
import { takeStatement } from '../lib/store/postgres/counter/countBeside.js';
import { postgresStore } from '../lib/store/postgres/index.js';
import { SCHEMA_VERSION } from '../lib/store/postgres/schema.js';
import { postgresServer } from '../spec/support/postgresServer.js';
import { median } from './compare.js';
import { report } from './figure.js';

/** Many short ones in turns: what else the machine does then slows all of them alike. */
const ROUNDS = 31;
const COUNT = 120;
const AT_ONCE = 8;
const CONNECTIONS = 3;
const schema = `bench_counters_${process.pid}`;
const server = await postgresServer({
  timeout: () => undefined,
  skip: () => {
    report([]);
    process.exit(0);
  },
});
// one connection of a store listens
const store = postgresStore({ connectionString: server.url(), schema, queue: false, maxConnections: CONNECTIONS + 1 });
await store.open();
const { counters } = store.forTenant('bench');
if (counters === undefined) throw new Error('the store does not count');
const pool = new pg.Pool({ connectionString: server.url(), max: CONNECTIONS });

/** As a call takes it that is allowed at once: it can be given back for a minute. */
const takesOf = (key: string, token: string) => ({
  token,
  takes: [{ key, cost: 1, limit: 2 ** 50, windowMs: 86_400_000, kind: 'fixed' as const }],
  keepMs: 60_000,
});
type Work = (token: string) => Promise<void>;

const byStore: Work = async (token) => {
  if (!(await counters.take(takesOf('ours', token))).ok) throw new Error('not taken');
};

/** The same statement, without anything that makes it safe. Its text and values are made beforehand, but for the token. */
const place = { schema, tenantId: 'bench', reader: SCHEMA_VERSION };
const made = takeStatement(place, takesOf('bare', 'token'), false);
const byHand: Work = async (token) => {
  const values = made.values.map((value) => (value === 'token' ? token : value));
  const { rows } = await pool.query<{ outcome: { ok: boolean } }>({ text: made.text, values });
  if (rows[0]?.outcome.ok !== true) throw new Error('not taken');
};

/** One row, one number, and no time, token or window. */
await pool.query(`CREATE TABLE ${schema}.least (key text PRIMARY KEY, used bigint NOT NULL); INSERT INTO ${schema}.least VALUES ('k', 0)`);
const byLeast: Work = async () => {
  const text = `UPDATE ${schema}.least SET used = used + $2 WHERE key = $1 AND used + $2 <= $3`;
  const { rowCount } = await pool.query(text, ['k', 1, 2 ** 50]);
  if (rowCount !== 1) throw new Error('not taken');
};

let tokens = 0;
async function rate(work: Work): Promise<number> {
  let left = COUNT;
  const start = performance.now();
  const worker = async (): Promise<void> => {
    while (left-- > 0) await work(`t${(tokens += 1)}`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return COUNT / ((performance.now() - start) / 1_000);
}

const works = [byStore, byHand, byLeast];
const rates = works.map((): number[] => []);
const order = works.map((_, i) => i);
for (let round = -1; round < ROUNDS; round++) {
  for (const i of round % 2 === 0 ? order : order.toReversed()) {
    const found = await rate(works[i] as Work);
    // the first round warms up
    if (round >= 0) rates[i]?.push(found);
  }
}
const [ours = [], bare = [], least = []] = rates;
const ratio = (of: readonly number[], to: readonly number[]): number => median(of.map((value, i) => value / (to[i] as number)));
const [listed] = await counters.list();
if (listed?.used !== (ROUNDS + 1) * COUNT) throw new Error('counted wrongly');

report([
  {
    name: 'PostgreSQL: takes on one key, against bare pg with the same statement',
    value: ratio(ours, bare),
    unit: '×',
    goal: { atLeast: 0.8 },
  },
  {
    name: `PostgreSQL: takes on one key, ${CONNECTIONS} connections`,
    value: median(ours),
    unit: '/s',
    note: `bare ${Math.round(median(bare))} /s`,
  },
  {
    name: 'PostgreSQL: that statement, against an update of one number',
    value: ratio(bare, least),
    unit: '×',
    note: `${Math.round(median(least))} /s`,
  },
]);
await pool.query(`DROP SCHEMA ${schema} CASCADE`);
await pool.end();
await store.close();
process.exit(0);
