import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CliError, type CliIo, EXIT, writeJson, writeLines } from '../CliIo.js';
import { hostSettings, makeStore, storeSettingOf } from './openHost.js';
import type { HostFlags } from './openHost.js';

/** How often the progress is shown, in percent. */
const STEP = 10;

/** Runs `aegis backup`: copies the SQLite file of a server while it is in use. The copy has no state key in it. */
export async function backup(file: string, flags: HostFlags, io: CliIo): Promise<number> {
  const path = resolve(file);
  if (existsSync(path)) throw new CliError(`${path}: it exists already; name a new file`);
  const setting = storeSettingOf(await hostSettings(flags));
  if (setting.kind === 'postgres') throw new CliError("Postgres has a backup of its own: pg_dump, or the database's continuous archiving");
  const store = await makeStore(setting);
  if (store.backup === undefined)
    throw new CliError('a store in memory cannot be copied, and ends with its server; name another one with --store');
  await store.open();
  let shown = 0;
  try {
    await store.backup(path, (copied, total) => {
      const percent = Math.floor((copied / total) * 100);
      if (flags.json === true || percent < shown + STEP) return;
      shown = percent;
      writeLines(io.err, [`${percent} %`]);
    });
  } finally {
    await store.close();
  }
  const { size } = statSync(path);
  if (flags.json === true) writeJson(io, { file: path, bytes: size });
  else writeLines(io.out, [`${path}: ${size} bytes; keep the state key elsewhere, without which the copy is worth nothing`]);
  return EXIT.ok;
}
