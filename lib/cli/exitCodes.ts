/** What each exit code of `aegis` means. Documented in docs/cli.md. */
export const EXIT = {
  /** What was asked for was done, and nothing is wrong. `decide`: the call runs as it is. */
  ok: 0,
  /** It was done, and something is wrong: problems in policies, a failed test, a tool that no guard covers. */
  found: 1,
  /** It could not be done: a wrong option, a file that is missing or cannot be read, policies that do not load. */
  failed: 2,
  /** `decide`: the call is denied. */
  deny: 3,
  /** `decide`: the call needs a person. */
  approvalNeeded: 4,
  /** `decide`: the call runs with other params. */
  sanitize: 5,
} as const;

/** The command could not do what it was asked to do. Its message is for the person at the keyboard, and shows no value. */
export class CliError extends Error {
  override readonly name = 'CliError';
}
