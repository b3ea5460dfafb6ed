import type { Command } from 'commander';
import type { CliIo } from '../CliIo.js';
import type { ReplayFlags } from './replay.js';

/** Adds `aegis audit replay`. Its code is loaded when it runs. */
export function addReplayCommand(audit: Command, io: CliIo, setCode: (code: number) => void): void {
  audit
    .command('replay')
    .description('decide the calls of a log again, by other policies, and list what would be decided otherwise')
    .argument('<log>', 'a folder, a SQLite file or a postgres:// URL')
    .requiredOption('--policies <path>', 'the policies: a *.cedar file, or a folder of them')
    .option('--agents <json>', 'roles and attributes of the agents, by id; @path reads them from a file')
    .option('--toolset <name>', 'the toolset of the calls (default: default)')
    .option('--fail-on <kind>', 'exit with 1 where calls are newly-allowed, asks-fewer (or that), milder (or those), or any')
    .option('--json', 'print one JSON document')
    .action(async (log: string, flags: ReplayFlags) => setCode(await (await import('./replay.js')).replay(log, flags, io)));
}
