import type { Command } from 'commander';
import { revealText } from '../../common/data/reveal.js';
import { didYouMean } from '../../common/didYouMean.js';
import { CliError, type CliIo } from '../CliIo.js';
import type { HostFlags } from '../server/openHost.js';
import { examples, withHost } from '../server/serverCommands.js';
import type { ListLimitsFlags } from './limits.js';

/** Adds the commands about limits. Their code is loaded when they run. */
export function addLimitCommands(program: Command, io: CliIo, setCode: (code: number) => void): void {
  const limits = program.command('limits').description('what policies with @effect("limit") have counted: how much ran, of how much');
  withHost(limits.command('list', { isDefault: true }))
    .description('list what is counted in windows that are not over, the fullest first')
    .option('--policy <id>', 'only of this limit, by the id of its policy')
    .option('--agent <id>', 'only what is counted for this agent')
    .option('--near', 'only what is used up, or nearly: from the percentage of @warn_at on, or 80')
    .addHelpText(
      'after',
      examples('npx aegis limits', 'npx aegis limits list --near', 'npx aegis limits list --agent support-agent --json'),
    )
    // what is no command is an operand of this one
    .allowExcessArguments()
    .action(async (flags: ListLimitsFlags, { args: [unknown] }: Command) => {
      if (unknown !== undefined) throw new CliError(unknownText(unknown));
      setCode(await (await import('./limits.js')).listLimits(flags, io));
    });
  withHost(limits.command('show'))
    .description('show one limit: whom it counts apart, how much each has used, and when that is free again')
    .argument('<policy>', 'the id of its policy')
    .addHelpText('after', examples('npx aegis limits show refund-budget'))
    .action(async (policy: string, flags: HostFlags) => setCode(await (await import('./limits.js')).showLimit(policy, flags, io)));
}

function unknownText(name: string): string {
  return `unknown command '${revealText(name)}'; there are list and show <policy>${didYouMean(name, ['list', 'show'])}`;
}
