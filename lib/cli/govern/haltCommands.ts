import type { Command } from 'commander';
import type { CliIo } from '../CliIo.js';
import { examples, withHost } from '../server/serverCommands.js';
import type { HaltFlags, HaltsFlags, LiftFlags } from './halts.js';

/** Adds the commands of the kill switch. */
export function addHaltCommands(program: Command, io: CliIo, setCode: (code: number) => void): void {
  withHost(program.command('halt'))
    .description('let no call run from now on: all of them, or those of an agent, a tool or a group')
    .option('--all', 'every call')
    .option('--agent <id>', 'calls of this agent')
    .option('--tool <name>', 'calls of this tool')
    .option('--group <name>', 'calls of tools in this group')
    .requiredOption('--reason <text>', 'why')
    .option('--for <time>', 'when it ends by itself, such as 30m or 8h (default: when it is lifted)')
    .option('--cancel', 'calls that wait for a person end; without it they wait until the halt is over')
    .addHelpText(
      'after',
      examples(
        'npx aegis halt --agent support-agent --reason "refunds everything"',
        'npx aegis halt --tool refund --for 30m --reason "bank is down"',
        'npx aegis halt --all --reason "incident 42"',
      ),
    )
    .action(async (flags: HaltFlags) => setCode(await (await import('./halts.js')).orderHalt(flags, io)));
  withHost(program.command('lift'))
    .description('lift a halt: what was frozen goes on')
    .argument('<id>', 'the id of the halt')
    .requiredOption('--reason <text>', 'why')
    .addHelpText('after', examples('npx aegis lift halt_rFYjuutwPGDLPnPMv296_Q --reason "fixed"'))
    .action(async (id: string, flags: LiftFlags) => setCode(await (await import('./halts.js')).liftHalt(id, flags, io)));
  withHost(program.command('halts'))
    .description('list what is halted')
    .option('--all', 'also halts that are over')
    .addHelpText('after', examples('npx aegis halts', 'npx aegis halts --all --json'))
    .action(async (flags: HaltsFlags) => setCode(await (await import('./halts.js')).listHalts(flags, io)));
}
