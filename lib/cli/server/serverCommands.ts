import type { Command } from 'commander';
import type { CliIo } from '../CliIo.js';
import type { DemoAgentFlags } from './demoAgent.js';
import type { HealthFlags } from './health.js';
import type { CreateKeyFlags, RotateKeyFlags } from './keys.js';
import type { HostFlags } from './openHost.js';
import type { InviteFlags } from './people/people.js';
import type { PromoteFlags, StagedFlags, StageFlags } from './policies/stagedPolicies.js';
import type { ServerFlags } from '../../server/config/ServerSettings.js';

/** The options of `aegis serve`. */
export interface ServeFlags extends ServerFlags {
  readonly demo?: boolean | undefined;
}

/** Serves until a signal ends it. Resolves to the exit code. */
export type Serve = (policies: string | undefined, flags: ServeFlags, io: CliIo) => Promise<number>;

const JSON_OPTION = ['--json', 'print one JSON document'] as const;
/** Gathers an option that may be repeated. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Adds the commands for a server. Their code is loaded when they run: `aegis policy check` needs none of it. */
export function addServerCommands(program: Command, io: CliIo, setCode: (code: number) => void, serve: Serve | undefined): void {
  if (serve !== undefined)
    program
      .command('serve')
      .description('serve policies as a Data Plane: one server that decides and keeps approvals for many programs')
      .argument('[policies]', 'a *.cedar file, or a folder of them; watched')
      .option('--demo', 'sample policies, and the line for an agent that asks something every few seconds')
      .option('--listen <host:port>', 'where to listen (default: 127.0.0.1:4180)')
      .option('--public-url <url>', 'where clients reach it, if that is not where it listens')
      .option('--config <file>', 'aegis.config.mjs or .json (default: the one in this folder)')
      .option('--data <folder>', 'where it keeps what it keeps (default: .aegis)')
      .option('--store <store>', 'memory, a SQLite file, or a postgres:// URL (default: aegis.db in the data folder)')
      .option('--state-key-file <file>', 'the key that signs approvals and keys (default: one that is made for this folder)')
      .option('--tls-cert <file>', 'the certificate for HTTPS, in PEM')
      .option('--tls-key <file>', 'its private key, in PEM')
      .option('--insecure-http', 'allow plain HTTP off loopback, behind a proxy that ends TLS')
      .option('--audit <folder>', 'where the audit log is kept (default: audit in the data folder)')
      .option('--log-level <level>', 'debug, info, warning or error (default: info)')
      .addHelpText(
        'after',
        examples(
          'npx aegis serve ./policies',
          'npx aegis serve --demo',
          'npx aegis serve --config ./aegis.config.mjs --listen 0.0.0.0:4180',
        ),
      )
      .action(async (policies: string | undefined, flags: ServeFlags) => setCode(await serve(policies, flags, io)));

  const keys = program.command('keys').description('the keys by which programs use a server');
  withHost(keys.command('create'))
    .description('make a key, and show it this once')
    .requiredOption('--name <name>', 'what it is for')
    .option(
      '--scope <scope>',
      'what it may do: decide (default), approvals:read, policies:read, keys:admin, metrics:read; may be repeated',
      collect,
    )
    .option('--agent <id>', 'an agent that it may speak for; may be repeated', collect)
    .option('--all-agents', 'it may speak for every agent of the tenant')
    .option('--trusted-session', 'the session that it sends is believed: only for a program that authenticates its users')
    .option('--expires-in-days <days>', 'when it ends (default: never)')
    .addHelpText(
      'after',
      examples(
        'npx aegis keys create --name shop --agent shop-agent',
        'npx aegis keys create --name prometheus --scope metrics:read --all-agents',
      ),
    )
    .action(async (flags: CreateKeyFlags) => setCode(await (await import('./keys.js')).createKey(flags, io)));
  withHost(keys.command('list'))
    .description('list keys, without their secrets')
    .addHelpText('after', examples('npx aegis keys list', 'npx aegis keys list --json'))
    .action(async (flags: HostFlags) => setCode(await (await import('./keys.js')).listKeys(flags, io)));
  withHost(keys.command('rotate'))
    .description('give a key another secret; the old one works for another 24 hours')
    .argument('<id>', 'the id of the key')
    .option('--overlap-hours <hours>', 'how long the old secret works: 0 to 720 (default: 24)')
    .addHelpText(
      'after',
      examples('npx aegis keys rotate 4fd1c3a0b1c2d3e4f5a6b7', 'npx aegis keys rotate 4fd1c3a0b1c2d3e4f5a6b7 --overlap-hours 0'),
    )
    .action(async (id: string, flags: RotateKeyFlags) => setCode(await (await import('./keys.js')).rotateKey(id, flags, io)));
  withHost(keys.command('revoke'))
    .description('end a key for good')
    .argument('<id>', 'the id of the key')
    .addHelpText('after', examples('npx aegis keys revoke 4fd1c3a0b1c2d3e4f5a6b7'))
    .action(async (id: string, flags: HostFlags) => setCode(await (await import('./keys.js')).revokeKey(id, flags, io)));

  addPeopleCommands(program, io, setCode);
  addPoliciesCommands(program, io, setCode);

  withHost(program.command('migrate'))
    .description('bring the tables of a store up to date, as a user who may do more than the server')
    .addHelpText('after', examples('npx aegis migrate', 'AEGIS_SERVER_STORE_FILE=/run/secrets/owner-url npx aegis migrate'))
    .action(async (flags: HostFlags) => setCode(await (await import('./migrate.js')).migrate(flags, io)));
  withHost(program.command('backup'))
    .description('copy the SQLite file of a server while it is in use')
    .argument('<file>', 'the new file')
    .addHelpText('after', examples('npx aegis backup /backups/aegis-2027-01-31.db'))
    .action(async (file: string, flags: HostFlags) => setCode(await (await import('./backup.js')).backup(file, flags, io)));
  withHost(program.command('health'))
    .description('exit with 0 if a server can decide, else with 1')
    .option('--url <url>', 'the server (default: the one of this folder)')
    .addHelpText('after', examples('npx aegis health', 'npx aegis health --url http://127.0.0.1:4180'))
    .action(async (flags: HealthFlags) => setCode(await (await import('./health.js')).health(flags, io)));
  program
    .command('demo-agent', { hidden: true })
    .description('the agent of aegis serve --demo, in a process of its own')
    .requiredOption('--url <url>', 'the server')
    .option('--every <seconds>', 'how often it asks for another refund (default: 20)')
    .option('--calls <n>', 'how many refunds it asks for (default: no end)')
    .action(async ({ url, every, calls }: DemoAgentFlags & { readonly every?: string }) =>
      setCode(await (await import('./demoAgent.js')).demoAgent({ url, everyS: every, calls }, io)),
    );
}

function addPeopleCommands(program: Command, io: CliIo, setCode: (code: number) => void): void {
  const people = program.command('people').description('the people who use a server, and how they come');
  withHost(people.command('invite'))
    .description('make a link by which one person comes, with a passkey, and show it this once')
    .requiredOption('--name <name>', 'whom it is for')
    .option('--role <role>', 'viewer, approver, auditor or admin; may be repeated', collect)
    .option('--group <name>', 'a group of @approvers; may be repeated', collect)
    .option('--user-id <id>', 'what sessions of agents call the person; may be repeated', collect)
    .addHelpText(
      'after',
      examples(
        'npx aegis people invite --name "Ann Lee" --role approver --group finance-leads',
        'npx aegis people invite --name "Bob Ray" --role admin --user-id u-1043',
      ),
    )
    .action(async (flags: InviteFlags) => setCode(await (await import('./people/people.js')).invitePerson(flags, io)));
  withHost(people.command('confirm'))
    .description('say that the right person came by an invitation: they get its roles and groups')
    .argument('<invitation>', 'the id of the invitation')
    .addHelpText('after', examples('npx aegis people list', 'npx aegis people confirm 3u1kq0fVZB'))
    .action(async (id: string, flags: HostFlags) => setCode(await (await import('./people/people.js')).confirmPerson(id, flags, io)));
  withHost(people.command('list'))
    .description('list people, and invitations that wait')
    .addHelpText('after', examples('npx aegis people list', 'npx aegis people list --json'))
    .action(async (flags: HostFlags) => setCode(await (await import('./people/people.js')).listPeople(flags, io)));
  withHost(people.command('remove'))
    .description('remove a person, whose sessions, tokens and passkeys then open nothing, or an invitation')
    .argument('<id>', 'the id of the person, or of the invitation')
    .addHelpText('after', examples('npx aegis people remove person-4fd1c3a0b1c2d3e4f5a6b7c8d9e0f1a2'))
    .action(async (id: string, flags: HostFlags) => setCode(await (await import('./people/people.js')).removePerson(id, flags, io)));
  withHost(people.command('bootstrap'))
    .description('make a link by which another admin comes, where no admin can sign in')
    .addHelpText('after', examples('npx aegis people bootstrap'))
    .action(async (flags: HostFlags) => setCode(await (await import('./people/people.js')).bootstrapPeople(flags, io)));
}

function addPoliciesCommands(program: Command, io: CliIo, setCode: (code: number) => void): void {
  const policies = program.command('policies').description('policies that a running server tries on live calls before they are in force');
  withHost(policies.command('stage'))
    .description('try policies on live calls, after these were answered; they decide nothing')
    .argument('<policies>', 'a *.cedar file, or a folder of them')
    .option('--sample <share>', 'the share of the calls that is compared, over 0 and at most 1 (default: 1)')
    .addHelpText('after', examples('npx aegis policies stage ./policies-next', 'npx aegis policies stage ./policies-next --sample 0.1'))
    .action(async (path: string, flags: StageFlags) =>
      setCode(await (await import('./policies/stagedPolicies.js')).stagePolicies(path, flags, io)),
    );
  withHost(policies.command('staged'))
    .description('list what the staged policies would have decided otherwise, and what watched policies would have asked')
    .option('--fail-on <kind>', 'exit with 1 where calls are newly-allowed, asks-fewer (or that), milder (or those), or any')
    .addHelpText('after', examples('npx aegis policies staged', 'npx aegis policies staged --fail-on newly-allowed'))
    .action(async (flags: StagedFlags) => setCode(await (await import('./policies/stagedPolicies.js')).showStaged(flags, io)));
  withHost(policies.command('promote'))
    .description('put the staged policies in force, if they meet the conditions')
    .argument('<hash>', 'their hash, or its first eight digits or more')
    .option('--max-newly-allowed <calls>', 'how many calls may be newly allowed (default: 0)')
    .option('--min-decisions <calls>', 'how many calls must have been compared (default: 1000)')
    .addHelpText(
      'after',
      examples('npx aegis policies promote 4fd1c3a0', 'npx aegis policies promote 4fd1c3a0 --max-newly-allowed 3 --min-decisions 500'),
    )
    .action(async (hash: string, flags: PromoteFlags) =>
      setCode(await (await import('./policies/stagedPolicies.js')).promotePolicies(hash, flags, io)),
    );
  withHost(policies.command('drop'))
    .description('stop trying the staged policies')
    .argument('<hash>', 'their hash, or its first eight digits or more')
    .addHelpText('after', examples('npx aegis policies drop 4fd1c3a0'))
    .action(async (hash: string, flags: HostFlags) =>
      setCode(await (await import('./policies/stagedPolicies.js')).dropPolicies(hash, flags, io)),
    );
}

/** The options of every command that is for the operator of a server's host. */
export function withHost(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration of the server (default: the one in this folder)')
    .option('--data <folder>', 'the data folder of the server (default: .aegis)')
    .option('--store <store>', "the server's store (default: that of the server which ran here last)")
    .option('--state-key-file <file>', "the file of the server's state key (default: the one for this folder)")
    .option('--tenant <id>', 'the tenant, if the server has several')
    .option(...JSON_OPTION);
}

/** Examples at the end of a help text. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
