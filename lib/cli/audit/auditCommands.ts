import type { Command } from 'commander';
import type { CliIo } from '../CliIo.js';
import { addEraseCommand } from './eraseCommand.js';
import { addReplayCommand } from './replayCommand.js';
import type { ExportFlags } from './exportLogs.js';
import type { ShowFlags } from './showRecords.js';
import type { VerifyFlags } from './verifyLogs.js';

const JSON_OPTION = ['--json', 'print one JSON document'] as const;
const WHERE = 'the folder of the logs, a SQLite file, or a postgres:// URL';
const LOGS = ['[logs]', WHERE, '.aegis/audit'] as const;
const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Adds the commands for audit logs. Their code is loaded when they run. */
export function addAuditCommands(program: Command, io: CliIo, setCode: (code: number) => void): void {
  const audit = program.command('audit').description('verify, read and copy audit logs, and erase what opens them');
  audit
    .command('verify')
    .description('verify that no record was changed, that none is missing, and that everything that ran was allowed or approved')
    .argument(...LOGS)
    .option('--heads <file>', 'what aegis audit heads printed, kept where no one who writes the logs can write; may be repeated', collect)
    .option('--key <file>', 'the public key of the logs, kept in such a place; may be repeated', collect)
    .option(
      '--store <store>',
      'the store of the servers that write the logs, a SQLite file or a postgres:// URL, which has heads of all of them',
    )
    .option('--allow-unproven', 'exit with 0 also where nothing shows that the end of a log was not cut off')
    .option('--wait <seconds>', 'how long to wait until a log that is being written is signed: 0 to 600 (default: 3)')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples('npx aegis audit verify --allow-unproven', 'npx aegis audit verify /backups/audit --heads heads.txt --key audit.pub'),
    )
    .action(async (logs: string, flags: VerifyFlags) => setCode(await (await import('./verifyLogs.js')).verifyLogs(logs, flags, io)));
  audit
    .command('show')
    .description('show the last records, with what can be opened of them')
    .argument(...LOGS)
    .option('--decision <id>', 'only of this decision: all of its records')
    .option('--kind <kind>', 'only of this kind, such as decided, verdict or entering; may be repeated', collect)
    .option('--log <name>', 'only of this log, such as w0')
    .option('--limit <n>', 'at most this many of the last ones: 1 to 100000 (default: 100)')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('npx aegis audit show --kind verdict', 'npx aegis audit show --decision 2f9c1d-12 --json'))
    .action(async (logs: string, flags: ShowFlags) => setCode(await (await import('./showRecords.js')).showRecords(logs, flags, io)));
  audit
    .command('heads')
    .description('print the last signed checkpoint of each log, to be kept elsewhere')
    .argument(...LOGS)
    .addHelpText('after', examples('npx aegis audit heads > ../heads'))
    .action(async (logs: string) => setCode(await (await import('./printHeads.js')).printHeads(logs, io)));
  audit
    .command('export')
    .description('copy logs into another folder, which is then as good as the first one')
    .argument('<logs>', WHERE)
    .argument('<folder>', 'the new folder')
    .option('--without-openings', 'leave out what opens the records: the copy verifies, and tells nothing of params or people who asked')
    .addHelpText('after', examples('npx aegis audit export .aegis/audit ./for-the-auditor --without-openings'))
    .action(async (logs: string, folder: string, flags: ExportFlags) =>
      setCode(await (await import('./exportLogs.js')).exportLogs(logs, folder, flags, io)),
    );
  addEraseCommand(audit, io, setCode);
  addReplayCommand(audit, io, setCode);
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
