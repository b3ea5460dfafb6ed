import { Worker } from 'node:worker_threads';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import type { LintFinding } from './lintSources.js';
import type { LintQuestion } from './worker.js';
import type { SourceText } from '../PolicySource.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** Options of {@link lintPolicies}. */
export interface LintPoliciesOptions {
  /** A Cedar schema in Cedar's schema language. If there is one, Cedar's validator runs too. */
  readonly schema?: string | undefined;
  /** How long the check may take, in milliseconds. @defaultValue 10,000 */
  readonly timeoutMs?: number | undefined;
}

const LINT_OPTIONS: OptionKinds<LintPoliciesOptions> = { schema: 'string', timeoutMs: 'ms' };
const RESOURCES = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/**
 * Checks policies whose author is not trusted. It works in a thread of its own, with limits of time and memory, so that nothing in them can stop or
 * break this process's own engine.
 *
 * @param sources the policy files
 * @returns the findings, ordered by file and place; never rejects, because a check that is stopped is a finding too
 */
export function lintPolicies(sources: readonly SourceText[], options: LintPoliciesOptions = {}): Promise<LintFinding[]> {
  const { schema, timeoutMs = 10_000 } = checkedOptions('lintPolicies()', options, LINT_OPTIONS);
  const stopped = (message: string): LintFinding[] => [
    { file: sources[0]?.file ?? 'policies', line: 1, column: 1, severity: 'error', message },
  ];
  return new Promise((resolve) => {
    let worker: Worker;
    try {
      worker = startWorker({ sources, schema });
    } catch {
      resolve(stopped('No thread could be started for the check.'));
      return;
    }
    const end = (findings: LintFinding[]): void => {
      clearTimeout(timer);
      resolve(findings);
      void worker.terminate();
    };
    const timer = setTimeout(
      () => end(stopped(`The check took longer than ${timeoutMs} ms and was stopped. Check fewer policies at once, or raise timeoutMs.`)),
      clampTimeout(timeoutMs),
    );
    worker.once('message', (findings: LintFinding[]) => end(findings));
    worker.once('error', (error: Error & { readonly code?: string }) => {
      // in a bundle the thread's own file is not there
      /* c8 ignore next 2 -- bundles are made and run by .ci/runtimes */
      const missing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND';
      end(stopped(missing ? 'No thread could be started for the check.' : TOO_LARGE));
    });
    worker.once('exit', () => end(stopped('The check ended without a result. Run it again.')));
  });
}

const TOO_LARGE = 'The check failed: these policies, or the schema, are too large or nested too deeply. Check them in parts.';

/** Nothing of the host reaches the thread: no environment, no flags. */
function startWorker(question: LintQuestion): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), {
    workerData: question,
    resourceLimits: RESOURCES,
    env: {},
    execArgv: [],
  });
}
