import type { AegisError } from '../model/AegisError.js';
import { CedarPolicyEngine } from '../policy/engine/CedarPolicyEngine.js';
import { readPolicies } from '../policy/live/readPolicies.js';
import { runPolicyTests } from '../policy/engine/runPolicyTests.js';
import type { PolicyTestResult } from '../policy/engine/runPolicyTests.js';
import { type CliIo, counted, writeJson, writeLines } from './CliIo.js';
import { CliError, EXIT } from './exitCodes.js';
import { filesOf, readJsonFile } from './readInput.js';

/** `aegis policy test`: runs the `*.test.json` of a path. No test at all is no success. */
export function testPolicies(
  policies: string,
  tests: readonly string[],
  { json }: { readonly json?: boolean | undefined },
  io: CliIo,
): number {
  const engine = CedarPolicyEngine.load({ sources: readPolicies(policies) });
  const results = tests.flatMap((path) => filesOf(path, '.test.json')).flatMap((file) => run(engine, file));
  if (results.length === 0) throw new CliError('there is no test in these files');
  const failed = results.filter(({ passed }) => !passed);
  if (json === true) writeJson(io, { passed: results.length - failed.length, failed: failed.length, results });
  else {
    writeLines(io.out, failed.flatMap(shown));
    writeLines(io.out, [`${counted(results.length, 'test')}: ${results.length - failed.length} passed, ${failed.length} failed`]);
  }
  return failed.length > 0 ? EXIT.found : EXIT.ok;
}

type FileResult = PolicyTestResult & { readonly file: string };

function run(engine: CedarPolicyEngine, file: string): readonly FileResult[] {
  const content = readJsonFile(file);
  try {
    return runPolicyTests(engine, content).map((result) => ({ file, ...result }));
  } catch (error) {
    // whatever it is, it names places and no values
    throw new CliError(
      (error as AegisError).message
        .split('\n')
        .map((line) => `${file}: ${line}`)
        .join('\n'),
    );
  }
}

function shown({ file, name, differences }: FileResult): readonly string[] {
  return [`${file}: failed: ${name}`, ...differences.map((line) => `  ${line}`)];
}
