import type { Command } from 'commander';
import type { CliIo } from '../CliIo.js';
import type { HostFlags } from '../server/openHost.js';
import { examples, withHost } from '../server/serverCommands.js';
import type { ListGrantsFlags, RevokeGrantFlags } from './grants.js';

/** Adds the commands about grants. Their code is loaded when they run. */
export function addGrantCommands(program: Command, io: CliIo, setCode: (code: number) => void): void {
  const grants = program
    .command('grants')
    .description('standing verdicts: calls that run without asking, because a person approved one like them');
  withHost(grants.command('list'))
    .description('list the grants that cover calls now, oldest first')
    .option('--agent <id>', 'only for this agent')
    .option('--tool <name>', 'only for this tool')
    .option('--all', 'those too that are used up, expired or revoked')
    .addHelpText('after', examples('npx aegis grants list', 'npx aegis grants list --agent support-agent --all'))
    .action(async (flags: ListGrantsFlags) => setCode(await (await import('./grants.js')).listGrants(flags, io)));
  withHost(grants.command('show'))
    .description('show what a grant covers, value by value')
    .argument('<id>', 'the id of the grant')
    .addHelpText('after', examples('npx aegis grants show grt_abc'))
    .action(async (id: string, flags: HostFlags) => setCode(await (await import('./grants.js')).showGrant(id, flags, io)));
  withHost(grants.command('explain'))
    .description('print what a grant covers as Cedar policies')
    .argument('<id>', 'the id of the grant')
    .addHelpText('after', examples('npx aegis grants explain grt_abc'))
    .action(async (id: string, flags: HostFlags) => setCode(await (await import('./grants.js')).explainGrant(id, flags, io)));
  withHost(grants.command('revoke'))
    .description('take a grant back: it covers no call from then on, at any server')
    .argument('<id>', 'the id of the grant')
    .option('--reason <text>', 'why; it is kept with the grant')
    .addHelpText('after', examples('npx aegis grants revoke grt_abc', 'npx aegis grants revoke grt_abc --reason "wrong limit"'))
    .action(async (id: string, flags: RevokeGrantFlags) => setCode(await (await import('./grants.js')).revokeGrant(id, flags, io)));
}
