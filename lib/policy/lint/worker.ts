// The thread that lintPolicies starts: one question, one answer.
import { parentPort, workerData } from 'node:worker_threads';
import { lintSources } from './lintSources.js';
import type { SourceText } from '../PolicySource.js';

/** What the thread is to check. */
export interface LintQuestion {
  readonly sources: readonly SourceText[];
  readonly schema: string | undefined;
}

const { sources, schema } = workerData as LintQuestion;
parentPort?.postMessage(lintSources(sources, schema));
