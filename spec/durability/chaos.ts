// node .build/spec/durability/chaos.js --kills 500 --seed 1 --store sqlite
// Kills workers at random, and holds what is left against the laws of durable approvals. With `--edits` people edit what they approve. `--store` is sqlite, or a postgres:// connection string.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lineOf, playChaos } from './playChaos.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    store: { type: 'string', default: 'sqlite' },
    edits: { type: 'boolean', default: false },
  },
});
const store = values.store === 'sqlite' ? undefined : ({ kind: 'postgres', at: values.store } as const);
const end = await playChaos({ kills: Number(values.kills), seed: Number(values.seed), store, edits: values.edits });
console.log(lineOf(end));
if (end.faults.length > 0) {
  const file = join(mkdtempSync(join(tmpdir(), 'aegis-chaos-')), 'history');
  writeFileSync(file, end.told);
  for (const fault of end.faults.slice(0, 50)) console.error(fault);
  console.error(`what happened: ${file}`);
  process.exitCode = 1;
}
