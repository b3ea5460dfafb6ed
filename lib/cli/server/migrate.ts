import { CliError, type CliIo, EXIT, writeJson, writeLines } from '../CliIo.js';
import { hostSettings, makeStore, storeSettingOf } from './openHost.js';
import type { HostFlags } from './openHost.js';

/** Runs `aegis migrate`: brings the tables of a store up to date, as opening it would, for a user who may do more than the server. */
export async function migrate(flags: HostFlags, io: CliIo): Promise<number> {
  const store = await makeStore(storeSettingOf(await hostSettings(flags)));
  if (store.migrate === undefined) throw new CliError('a store in memory has nothing to migrate; name another one with --store');
  const { from, to } = await store.migrate();
  if (flags.json === true) writeJson(io, { from, to });
  else
    writeLines(io.out, [from === to ? `the store is at version ${to} already` : `the store is at version ${to} now, and was at ${from}`]);
  return EXIT.ok;
}
