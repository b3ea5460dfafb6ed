import { Command, CommanderError } from 'commander';
import { VERSION } from '../common/version.js';
import { AegisError } from '../model/AegisError.js';
import { type CliIo, writeLines } from './CliIo.js';
import { coverage, type CoverageOptions } from './coverage.js';
import { decide, type DecideOptions } from './decide.js';
import { CliError, EXIT } from './exitCodes.js';
import { type GatewayFlags, gatewayOptions, type RunGateway } from './mcpGateway.js';
import { checkPolicies, type PolicyCheckOptions } from './policyCheck.js';
import { testPolicies } from './policyTest.js';

/** What the program needs besides; a command is there only with what it needs. */
export interface ProgramParts {
  readonly runGateway?: RunGateway | undefined;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
const JSON_OPTION = ['--json', 'print one JSON document'] as const;

/** Runs `aegis` with these arguments. Resolves to its exit code, and never rejects. */
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

function commands(io: CliIo, { runGateway }: ProgramParts, setCode: (code: number) => void): Command {
  const program = new Command('aegis')
    .description('Checks policies, decides calls, and finds tools that nobody guards.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      // what was given to an option that is not known may be a secret
      outputError: (text, write) => write(text.replace(/^error: /, 'aegis: ').replace(/(--[\w-]+)=[^']*/g, '$1')),
    });

  const policy = program.command('policy').description('check and test policies');
  policy
    .command('check')
    .description('lint policies and load them; each path is a set of its own')
    .argument('<path...>', 'a *.cedar file, or a folder of them')
    .option('--schema <file>', "a Cedar schema: Cedar's validator runs too")
    .option('--strict', 'warnings are problems')
    .option(...JSON_OPTION)
    .action(async (paths: string[], options: PolicyCheckOptions) => setCode(await checkPolicies(paths, options, io)));
  policy
    .command('test')
    .description('run tests of policies')
    .argument('<policies>', 'a *.cedar file, or a folder of them')
    .argument('<tests...>', 'a *.test.json file, or a folder of them')
    .option(...JSON_OPTION)
    .action((policies: string, tests: string[], options: { json?: boolean }) => setCode(testPolicies(policies, tests, options, io)));

  program
    .command('decide')
    .description('ask policies about one call')
    .argument('<policies>', 'a *.cedar file, or a folder of them')
    .requiredOption('--agent <id>', 'who calls')
    .requiredOption('--tool <name>', 'which tool')
    .option('--params <json>', 'what it is called with; @path reads a file')
    .option('--session <json>', 'who is behind the call; @path reads a file')
    .option('--facts <json>', 'what the facts hook would say; @path reads a file')
    .option('--attributes <json>', 'attributes of the agent; @path reads a file')
    .option('--role <name>', 'a role of the agent; may be repeated', collect)
    .option('--group <name>', 'an action group of the tool; may be repeated', collect)
    .option('--removable <param>', 'a param that a sanitize may remove; may be repeated', collect)
    .option('--now <time>', 'the time that policies see (default: now)')
    .option(...JSON_OPTION)
    .action((policies: string, options: DecideOptions) => setCode(decide(policies, options, io)));

  program
    .command('coverage')
    .description('run modules, and list the tools among their exports that no guard covers')
    .argument('<module...>', 'a JavaScript file')
    .option('--except <path>', 'a tool that needs no guard, as it is listed; may be repeated', collect)
    .option('--strict', 'what cannot be told from a tool counts as one')
    .option(...JSON_OPTION)
    .action(async (modules: string[], options: CoverageOptions) => setCode(await coverage(modules, options, io)));

  if (runGateway !== undefined)
    program
      .command('mcp-gateway')
      .description('guard the tools of an MCP server that you cannot change')
      .argument('[command...]', 'after --: starts the server, which speaks on its standard streams')
      .option('--url <address>', 'the server, instead of a command')
      .option('--listen <host:port>', 'serve over HTTP (default: on the standard streams)')
      .option('--policies <path>', 'a *.cedar file, or a folder of them (default: the environment says)')
      .option('--agent <id>', 'whose calls these are (default: mcp-gateway)')
      .option('--store <file>', 'keep approvals in a SQLite file, for a desk in another process')
      .action((command: string[], flags: GatewayFlags) => runGateway(gatewayOptions(command, flags)));
  return program;
}

/** What an error of ours says. What others say may hold anything. */
function messageOf(error: unknown): string {
  if (error instanceof CliError || AegisError.is(error)) return error.message;
  return `an unexpected error (${error instanceof Error ? error.name : 'no Error'})`;
}
