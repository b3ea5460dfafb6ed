import { escapeJson, escapeText } from '../common/data/escapeText.js';

/** The streams that a command writes to. */
export interface CliIo {
  /** Standard output: results, and nothing else. */
  readonly out: (text: string) => void;
  /** Standard error: errors. */
  readonly err: (text: string) => void;
  /** Called before user code is loaded into this process, because that code may print. */
  readonly beforeForeignCode: () => void;
  /** Replaces the line at which a terminal shows how far a command has come; an empty text removes it. Absent if there is no terminal. */
  readonly progress?: ((text: string) => void) | undefined;
  /** Asks the person at the terminal, and resolves to the line that they type. Absent if there is no terminal. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
}

/** Writes lines for people. Texts of policies and files are escaped, so that they cannot move the cursor or hide anything. */
export function writeLines(write: (text: string) => void, lines: readonly string[]): void {
  if (lines.length > 0) write(`${lines.map(escapeText).join('\n')}\n`);
}

/** Writes one JSON document for programs. */
export function writeJson({ out }: Pick<CliIo, 'out'>, value: unknown): void {
  out(`${escapeJson(JSON.stringify(value, jsonable))}\n`);
}

/** Writes a bigint as a text, because JSON has no bigints. */
export function jsonable(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Formats a count, such as `1 problem` or `2 problems`. */
export function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** The exit codes of `aegis`. docs/cli.md documents them. */
export const EXIT = {
  /** The command succeeded and found nothing wrong. `decide`: the call runs unchanged. */
  ok: 0,
  /** The command succeeded and found something wrong: problems in policies, a failed test, a tool without a guard. */
  found: 1,
  /** The command failed: an invalid option, a file that is missing or cannot be read, policies that do not load. */
  failed: 2,
  /** `decide`: the call is denied. */
  deny: 3,
  /** `decide`: the call needs a person. */
  approvalNeeded: 4,
  /** `decide`: the call runs with other params. */
  sanitize: 5,
} as const;

/** The error of a command that failed. Its message is for the user, and shows no value that the user passed. */
export class CliError extends Error {
  override readonly name = 'CliError';
}
