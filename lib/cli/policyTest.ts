import type { AegisError } from '../model/AegisError.js';
import { CedarPolicyEngine } from '../policy/engine/CedarPolicyEngine.js';
import { readPolicies } from '../policy/live/readPolicies.js';
import { runPolicyTests } from '../policy/engine/runPolicyTests.js';
import type { PolicyTestResult } from '../policy/engine/runPolicyTests.js';
import { CliError, type CliIo, counted, EXIT, writeJson, writeLines } from './CliIo.js';
import { filesOf, readJsonFile } from './readJson.js';

/** Runs `aegis policy test`: runs the tests in the `*.test.json` files of these paths. Fails if there is no test at all. */
export function policyTest(
  policies: string,
  tests: readonly string[],
  { json }: { readonly json?: boolean | undefined },
  io: CliIo,
): number {
  const engine = CedarPolicyEngine.load({ sources: readPolicies(policies) });
  const results = tests.flatMap((path) => filesOf(path, '.test.json')).flatMap((file) => run(engine, file));
  if (results.length === 0)
    throw new CliError(
      'these files hold no test; a test file is a JSON object, such as {"tests": [{"name": "…", "tool": "…", "expect": {"effect": "deny"}}]}',
    );
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
    // the error names places in the file, and no values
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
