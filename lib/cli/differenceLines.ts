import type { DifferenceKind, DifferenceReport } from '../policy/staged/DifferenceTable.js';
import { DIFFERENCE_KINDS } from '../policy/staged/DifferenceTable.js';
import { CliError, counted } from './CliIo.js';

const FAIL_ON = ['newly-allowed', 'asks-fewer', 'milder', 'any'] as const;

const WORDS: Readonly<Record<DifferenceKind, string>> = {
  newlyAllowed: 'newly allowed',
  asksFewer: 'asks fewer',
  milder: 'milder',
  changed: 'changed',
  stricter: 'stricter',
};

/** A report without any: what is checked before there is one. */
export const NO_DIFFERENCES: DifferenceReport = {
  compared: 0,
  differences: { newlyAllowed: 0, asksFewer: 0, milder: 0, changed: 0, stricter: 0 },
  rows: [],
  otherCalls: 0,
};

/** A table of differences, newly allowed ones first. */
export function differenceLines({ compared, differences, rows, otherCalls }: DifferenceReport): readonly string[] {
  const ids = (policies: readonly string[]): string => policies.join(', ') || 'none';
  const cells = rows.map(({ kind, calls, toolName, from, to, before, after }) => [
    WORDS[kind],
    String(calls),
    toolName,
    `${from} -> ${to}`,
    `${ids(before)} -> ${ids(after)}`,
  ]);
  const table = cells.length === 0 ? [] : aligned([['how', 'calls', 'tool', 'effect', 'policies'], ...cells]);
  const more = otherCalls === 0 ? [] : [`${counted(otherCalls, 'call')} more in rows that are not shown`];
  const sums = DIFFERENCE_KINDS.map((kind) => `${differences[kind]} ${WORDS[kind]}`);
  return [...table, ...more, `${counted(compared, 'call')} compared: ${sums.join(', ')}`];
}

/** Whether a report has what `--fail-on` names. @throws CliError */
export function failsOn(kind: string | undefined, { differences }: DifferenceReport): boolean {
  switch (kind) {
    case undefined:
      return false;
    case 'newly-allowed':
      return differences.newlyAllowed > 0;
    case 'asks-fewer':
      return differences.newlyAllowed + differences.asksFewer > 0;
    case 'milder':
      return differences.newlyAllowed + differences.asksFewer + differences.milder > 0;
    case 'any':
      return Object.values(differences).some((calls) => calls > 0);
    default:
      throw new CliError(`--fail-on must be one of ${FAIL_ON.join(', ')}`);
  }
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] as readonly string[]).map((_, i) => Math.max(...rows.map((row) => (row[i] as string).length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd(),
  );
}
