import { escapeJson, escapeText } from '../common/data/escapeText.js';

/** Where a command writes. */
export interface CliIo {
  /** Standard output: what was asked for, and nothing else. */
  readonly out: (text: string) => void;
  /** Standard error: what went wrong. */
  readonly err: (text: string) => void;
  /** Told before code of others is loaded into this process, which may print. */
  readonly beforeForeignCode: () => void;
}

/** Lines for people. What policies and files say in them cannot move the cursor, or hide anything. */
export function writeLines(write: (text: string) => void, lines: readonly string[]): void {
  if (lines.length > 0) write(`${lines.map(escapeText).join('\n')}\n`);
}

/** One document for programs. */
export function writeJson({ out }: Pick<CliIo, 'out'>, value: unknown): void {
  out(`${escapeJson(JSON.stringify(value, jsonable))}\n`);
}

/** A bigint has no JSON form. */
function jsonable(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** `1 problem`, `2 problems`. */
export function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
