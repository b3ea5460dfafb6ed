import { ConfigError } from '../model/errors/SetupErrors.js';

/** Where policies come from: a path or file URL of a folder (every `*.cedar` in it) or of one file, or the text itself. */
export type PolicySource = string | URL | { readonly text: string };

/** One policy file that was read. */
export interface SourceText {
  /** Its name in problems. It does not affect decisions or hashes. */
  readonly file: string;
  /** The policies, in Cedar. */
  readonly text: string;
}

/** One thing that is wrong with a policy, and where. */
export interface PolicyProblem {
  /** The policy's file. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors count. */
  readonly column: number;
  /** What is wrong and what to do. */
  readonly message: string;
  /** The policy's `@id`, if it could be read. */
  readonly policyId?: string | undefined;
}

/** Problems beyond this many are only counted. */
const SHOWN = 100;

/** One error for all problems, each named by its `file:line:column`. */
export function policyConfigError(problems: readonly PolicyProblem[]): ConfigError {
  const shown = problems.slice(0, SHOWN).map((p) => ({
    where: `${p.file}:${p.line}:${p.column}`,
    message: p.policyId === undefined ? p.message : `[${p.policyId}] ${p.message}`,
  }));
  const rest = problems.length - shown.length;
  return new ConfigError(
    rest > 0 ? [...shown, { where: '', message: `…and ${rest} more problems in the policies; fix those above first.` }] : shown,
  );
}

/** What is thrown where policies that were closed shall be read. */
export function closedError(): ConfigError {
  return new ConfigError([
    { where: 'policies', message: 'These policies were closed, so they are not read again. Use those of a module that is open.' },
  ]);
}
