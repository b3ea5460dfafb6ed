import { Command, CommanderError } from 'commander';
import { VERSION } from '../common/version.js';
import { AegisError } from '../model/AegisError.js';
import { addApprovalCommands } from './approvals/approvalCommands.js';
import { addAuditCommands } from './audit/auditCommands.js';
import { CliError, type CliIo, EXIT, writeLines } from './CliIo.js';
import { coverage, type CoverageOptions } from './coverage.js';
import { init, type InitOptions } from './init/init.js';
import { decide, type DecideOptions } from './decide.js';
import { mcpGatewayCommand, type McpGatewayFlags, type ServeGateway } from './mcpGateway.js';
import { policyCheck, type PolicyCheckOptions } from './policyCheck.js';
import { policyTest } from './policyTest.js';
import { addGrantCommands } from './govern/grantCommands.js';
import { addHaltCommands } from './govern/haltCommands.js';
import { addLimitCommands } from './govern/limitCommands.js';
import { addServerCommands } from './server/serverCommands.js';
import type { Serve } from './server/serverCommands.js';

/** Optional parts of the program. A command exists only if its part is given. */
export interface ProgramParts {
  readonly serveGateway?: ServeGateway | undefined;
  readonly serve?: Serve | undefined;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
const JSON_OPTION = ['--json', 'print one JSON document'] as const;

/** Runs `aegis` with these arguments. Resolves to the exit code, and never rejects. */
export async function runProgram(argv: readonly string[], io: CliIo, parts: ProgramParts = {}): Promise<number> {
  let exitCode: number = EXIT.ok;
  const setCode = (code: number): void => {
    exitCode = code;
  };
  try {
    await commands(io, parts, setCode).parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.failed;
    writeLines(
      io.err,
      messageOf(error)
        .split('\n')
        .map((line) => `aegis: ${line}`),
    );
    return EXIT.failed;
  }
}

function commands(io: CliIo, { serveGateway, serve }: ProgramParts, setCode: (code: number) => void): Command {
  const program = new Command('aegis')
    .description(
      'Starts a project, checks and tests policies, decides on calls, finds tools without a guard, guards MCP servers, and runs a Data Plane.',
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      // the value of an unknown option may be a secret
      outputError: (text, write) => write(text.replace(/^error: /, 'aegis: ').replace(/(--[\w-]+)=[^']*/g, '$1')),
    });

  program
    .command('init')
    .description('add a first policy, its test, a guarded tool and the settings for them to a project; overwrites nothing')
    .argument('[folder]', 'the folder of the project', '.')
    .option('-y, --yes', 'ask nothing')
    .option('--js', 'JavaScript, also where TypeScript would be chosen')
    .option('--dry-run', 'only show what would be added')
    .action(async (folder: string, options: InitOptions) => setCode(await init(folder, options, io)));

  const policy = program.command('policy').description('check and test policies');
  policy
    .command('check')
    .description('lint and load policies; each path is a separate set')
    .argument('<path...>', 'a *.cedar file, or a folder of them')
    .option('--schema <file>', "a Cedar schema, against which Cedar's own validator checks the policies too")
    .option('--strict', 'exit with 1 for warnings too')
    .option(...JSON_OPTION)
    .action(async (paths: string[], options: PolicyCheckOptions) => setCode(await policyCheck(paths, options, io)));
  policy
    .command('test')
    .description('run the tests of policies')
    .argument('<policies>', 'a *.cedar file, or a folder of them')
    .argument('<tests...>', 'a *.test.json file, or a folder of them')
    .option(...JSON_OPTION)
    .action((policies: string, tests: string[], options: { json?: boolean }) => setCode(policyTest(policies, tests, options, io)));

  program
    .command('decide')
    .description('ask policies to decide on one call')
    .argument('<policies>', 'a *.cedar file, or a folder of them')
    .requiredOption('--agent <id>', 'the agent that calls')
    .requiredOption('--tool <name>', 'the tool that is called')
    .option('--params <json>', 'the params of the call; @path reads them from a file')
    .option('--session <json>', 'the session of the call; @path reads it from a file')
    .option('--facts <json>', 'what the facts hook would return; @path reads it from a file')
    .option('--attributes <json>', 'attributes of the agent; @path reads them from a file')
    .option('--role <name>', 'a role of the agent; may be repeated', collect)
    .option('--group <name>', 'an action group of the tool; may be repeated', collect)
    .option('--removable <param>', 'a param that a sanitize may remove; may be repeated', collect)
    .option(
      '--limits <json>',
      'how much of limits is used already, such as {"refund-budget": {"used": 950}}; nothing is counted (default: nothing is used)',
    )
    .option('--now <time>', 'the time that policies see, such as 2025-01-31T12:00:00Z (default: now)')
    .option(...JSON_OPTION)
    .action((policies: string, options: DecideOptions) => setCode(decide(policies, options, io)));

  program
    .command('coverage')
    .description('load modules, which runs them, and list the exported tools without a guard')
    .argument('<module...>', 'a JavaScript file')
    .option('--except <path>', 'a tool that needs no guard, by its name in the list; may be repeated', collect)
    .option('--strict', 'count exports that may be tools as tools')
    .option(...JSON_OPTION)
    .action(async (modules: string[], options: CoverageOptions) => setCode(await coverage(modules, options, io)));

  addServerCommands(program, io, setCode, serve);
  addApprovalCommands(program, io, setCode);
  addGrantCommands(program, io, setCode);
  addHaltCommands(program, io, setCode);
  addLimitCommands(program, io, setCode);
  addAuditCommands(program, io, setCode);

  if (serveGateway !== undefined)
    program
      .command('mcp-gateway')
      .description('guard the tools of an MCP server without changing it')
      .argument('[command...]', 'after --: the command that starts a stdio server')
      .option('--url <url>', 'the URL of the server, instead of a command')
      .option('--listen <host:port>', 'serve over HTTP (default: over stdin and stdout)')
      .option('--policies <path>', 'a *.cedar file, or a folder of them (default: the decision source of the environment)')
      .option('--agent <id>', 'the agent that calls (default: mcp-gateway)')
      .option('--store <file>', 'keep approvals in a SQLite file, so that an approval desk in another process can decide')
      .action((command: string[], flags: McpGatewayFlags) => serveGateway(mcpGatewayCommand(command, flags)));
  return program;
}

/** The message of an error of this package. Other errors may hold confidential data, so only their name is shown. */
function messageOf(error: unknown): string {
  if (error instanceof CliError || AegisError.is(error)) return error.message;
  return `an unexpected error (${error instanceof Error ? error.name : 'not an Error'})`;
}
