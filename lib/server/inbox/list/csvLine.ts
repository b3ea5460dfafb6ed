import { revealText } from '../../../common/data/reveal.js';

/** What a spreadsheet takes for the start of a formula: also in fullwidth, and after what it skips or, with another separator, starts a new cell at. */
const FORMULA = /(^|[;\t|])([\s"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

/**
 * A line of a CSV file (RFC 4180). Every cell is in quotes; what could hide or move text is shown as in a terminal, and what a spreadsheet would take for a
 * formula has an apostrophe before it.
 */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(text: string): string {
  return `"${revealText(text).replace(FORMULA, "$1$2'").replaceAll('"', '""')}"`;
}
