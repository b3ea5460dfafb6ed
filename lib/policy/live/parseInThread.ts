import { Worker } from 'node:worker_threads';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ParsedPolicies } from '../parse/parsePolicies.js';
import type { Policy } from '../Policy.js';
import type { SourceText } from '../PolicySource.js';
import { parseSanitize } from '../sanitize/operations.js';
import type { ThreadAnswer } from './policyThread.js';

/** The largest set takes a few seconds; a thread that hangs must not keep later reloads waiting for ever. */
const TIMEOUT_MS = 60_000;
const RESOURCES = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/** How policies are parsed in a thread. */
export interface ThreadOptions {
  /** Stops the thread. */
  readonly signal: AbortSignal;
  /** Whether the process may end before the thread does, because no one waits for the result. */
  readonly background: boolean;
}

/**
 * Parses policies in a thread of its own, so that this one goes on with other work.
 *
 * @returns undefined where no thread can be started: in a bundle of one file, and in runtimes without threads
 * @throws ConfigError if the thread fails, takes longer than a minute, or is stopped
 */
export function parseInThread(
  sources: readonly SourceText[],
  { signal, background }: ThreadOptions,
  start: (sources: readonly SourceText[]) => Worker = startThread,
): Promise<ParsedPolicies | undefined> {
  return new Promise((resolve, reject) => {
    let thread: Worker;
    try {
      thread = start(sources);
    } catch {
      resolve(undefined);
      return;
    }
    if (background) thread.unref();
    let running = false;
    const policies: Policy[] = [];
    let ended = false;
    const end = (settle: () => void): void => {
      // a thread that was terminated exits, too
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      settle();
      void thread.terminate();
    };
    const fail = (message: string, cause?: unknown): void =>
      end(() => reject(new ConfigError([{ where: 'policies', message }], { cause })));
    const timer = setTimeout(() => fail(TOO_SLOW), clampTimeout(TIMEOUT_MS)).unref();
    const stop = (): void => fail(STOPPED);
    signal.addEventListener('abort', stop);
    thread.on('message', (answer: ThreadAnswer) => {
      if (answer === 'running') {
        running = true;
        return;
      }
      for (const policy of answer.policies) policies.push(asParsed(policy));
      const { problems } = answer;
      if (problems === undefined) thread.postMessage('more');
      else end(() => resolve({ policies, problems }));
    });
    // before it runs, its file was not there or the runtime would not start it
    thread.once('error', (error) => (running ? fail(FAILED, error) : end(() => resolve(undefined))));
    thread.once('exit', () => (running ? fail(FAILED) : end(() => resolve(undefined))));
  });
}

const TOO_SLOW = `The policies could not be parsed within ${TIMEOUT_MS / 1000} seconds. Reload again, or make the set smaller.`;
const STOPPED = 'The policies were closed before they were parsed. Open the module again to use them.';
const FAILED =
  'The thread that parses the policies ended without a result: they may be too large or nested too deeply. Make the set smaller.';

/** Nothing of the host reaches the thread: no environment, no flags. */
function startThread(sources: readonly SourceText[]): Worker {
  return new Worker(new URL('./policyThread.js', import.meta.url), {
    workerData: sources,
    resourceLimits: RESOURCES,
    env: {},
    execArgv: [],
  });
}

/** A copy from another thread is not frozen, and its records have another prototype than those that are read here. */
function asParsed(policy: Policy): Policy {
  const { operations, json } = policy;
  const written = (json.annotations as Readonly<Record<string, string>>)['sanitize'] as string;
  return { ...policy, applied: Object.freeze(policy.applied), operations: operations.length === 0 ? operations : parseSanitize(written) };
}
