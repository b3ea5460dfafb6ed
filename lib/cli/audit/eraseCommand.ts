import type { Command } from 'commander';
import type { CliIo } from '../CliIo.js';
import type { EraseFlags } from './erase.js';

/** Where `aegis serve` and the samples keep their logs. */
const DEFAULT_LOG = '.aegis/audit';

/** Adds `aegis audit erase`. Its code is loaded when it runs. */
export function addEraseCommand(audit: Command, io: CliIo, setCode: (code: number) => void): void {
  audit
    .command('erase')
    .description('delete what opens the commitments of calls; the log still verifies, and says that it was done')
    .argument('[log]', 'a folder, a SQLite file or a postgres:// URL', DEFAULT_LOG)
    .option('--user <id>', 'of the calls that were made for this user')
    .option('--decision <id>', 'of one call, by the id of its decision')
    .option('--before <time>', 'of all calls before this time, such as 2025-01-31 or 2025-01-31T12:00:00Z')
    .option('--by <id>', 'who erases, for the record (default: your user name)')
    .option('--key-file <file>', 'the key that signs the log (default: AEGIS_AUDIT_KEY or AEGIS_AUDIT_KEY_FILE)')
    .option('--dry-run', 'only count them')
    .option('--json', 'print one JSON document')
    .action(async (log: string, flags: EraseFlags) => {
      const { erase } = await import('./erase.js');
      setCode(await erase(log, flags, io));
    });
}
