// node .build/spec/durability/server/chaos.js --kills 500 --seed 1
// Kills servers at random, on SQLite and on a PostgreSQL of its own, and holds what is left against what a server promises. `--store` is sqlite,
// postgres, or a postgres:// connection string; both by default.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { postgresServer } from '../../support/postgresServer.js';
import type { StoreAt } from '../setting.js';
import { lineOf, playServerChaos } from './playServerChaos.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    store: { type: 'string', default: 'both' },
  },
});
const kinds = values.store === 'both' ? ['sqlite', 'postgres'] : [values.store];
for (const kind of kinds) {
  const end = await playServerChaos({ kills: Number(values.kills), seed: Number(values.seed), store: await storeAt(kind) });
  console.log(`${kind.split(':')[0]}: ${lineOf(end)}`);
  if (end.faults.length === 0 && end.drained) continue;
  const file = join(mkdtempSync(join(tmpdir(), 'aegis-chaos-')), 'history');
  writeFileSync(file, end.told);
  for (const fault of end.faults.slice(0, 50)) console.error(fault);
  console.error(`what happened: ${file}`);
  process.exitCode = 1;
}

async function storeAt(kind: string): Promise<StoreAt | undefined> {
  if (kind === 'sqlite') return undefined;
  const skip = (): never => {
    throw new Error('there is no PostgreSQL here');
  };
  const url = kind === 'postgres' ? (await postgresServer({ timeout: () => undefined, skip })).url() : kind;
  return { kind: 'postgres', at: url, schema: `aegis_chaos_${process.pid}`, queue: false };
}
