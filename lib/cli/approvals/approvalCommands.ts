import type { Command } from 'commander';
import type { CliIo } from '../CliIo.js';
import type { HostFlags } from '../server/openHost.js';
import { collect, examples, withHost } from '../server/serverCommands.js';
import type { ListApprovalsFlags, ShowFlags, VerdictFlags } from './approvals.js';

const DESCRIPTIONS = {
  approve: 'show an approval, and approve it once the code is typed: as it is, edited, or with a grant for later calls like it',
  edit: 'edit the params of an approval without a verdict, for somebody else to approve',
  deny: 'deny an approval',
} as const;
const EXAMPLES: Readonly<Record<keyof typeof DESCRIPTIONS, readonly string[]>> = {
  approve: [
    'npx aegis approvals approve dec_abc --reason "customer called"',
    'npx aegis approvals approve dec_abc --set /amount=200',
    'npx aegis approvals approve dec_abc --grant "10 uses; 8h" --loosen /amount=0..100 --loosen /note=any',
  ],
  edit: ['npx aegis approvals edit dec_abc --set /amount=200 --reason "as agreed with the customer"'],
  deny: ['npx aegis approvals deny dec_abc', 'npx aegis approvals deny dec_abc --reason "customer called"'],
};

/** Adds the commands about calls that wait for a person. Their code is loaded when they run. */
export function addApprovalCommands(program: Command, io: CliIo, setCode: (code: number) => void): void {
  const approvals = program.command('approvals').description('calls that wait for a person');
  withHost(approvals.command('list'))
    .description('list approvals, oldest first')
    .option('--status <status>', 'pending (default), approved, denied, expired or withdrawn')
    .option('--agent <id>', 'only of this agent')
    .option('--tool <name>', 'only of this tool')
    .option('--limit <n>', 'at most this many, up to 1000 (default: 100)')
    .addHelpText('after', examples('npx aegis approvals list', 'npx aegis approvals list --status denied --tool refund'))
    .action(async (flags: ListApprovalsFlags) => setCode(await (await import('./approvals.js')).listApprovals(flags, io)));
  withEdit(withHost(approvals.command('show')))
    .description('show all that the person who decides is shown; with --set or --remove, as an edit would make it')
    .argument('<id>', 'the id of the approval')
    .addHelpText('after', examples('npx aegis approvals show dec_abc', 'npx aegis approvals show dec_abc --set /amount=200'))
    .action(async (id: string, flags: ShowFlags) => setCode(await (await import('./approvals.js')).showApproval(id, flags, io)));
  for (const name of ['approve', 'edit', 'deny'] as const) {
    const command = withHost(approvals.command(name))
      .description(DESCRIPTIONS[name])
      .argument('<id>', 'the id of the approval')
      .option('--reason <text>', 'why; it is kept with the verdict');
    if (name !== 'deny') {
      withEdit(command).option(
        '--code <code>',
        'the first four characters of the digest, that of the edited call where it is edited, instead of asking for them',
      );
      command.option('--acknowledge-hidden <count>', 'with --code: how many values of the approval are hidden from you');
    }
    if (name === 'approve')
      command
        .option('--grant <ceiling>', 'let later calls like this one run without asking: how many, and for how long, such as "10 uses; 8h"')
        .option(
          '--loosen <value=how>',
          'with --grant: a value that may differ, such as /amount=0..100, /note=any, /to=in:a,b, /path=startsWith:/data/, /to=endsWith:@acme.com, session/team=any; may be repeated',
          collect,
        )
        .option('--any-requester', 'with --grant: also for the calls of other users');
    command
      .addHelpText('after', examples(...EXAMPLES[name]))
      .action(async (id: string, flags: VerdictFlags & HostFlags) =>
        setCode(await (await import('./approvals.js')).decideApproval(id, name === 'edit' ? 'amend' : name, flags, io)),
      );
  }
}

function withEdit(command: Command): Command {
  return command
    .option('--set <place=value>', 'change a param, by JSON pointer, such as /amount=200; may be repeated', collect)
    .option('--remove <place>', 'leave a param out, by JSON pointer; may be repeated', collect);
}
