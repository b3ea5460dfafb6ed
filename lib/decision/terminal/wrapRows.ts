/** Begins each row that continues the one above: no row of a value can look like a line that Aegis wrote. */
const MARK = '  ↪ ';
const DEFAULT_COLUMNS = 80;
const MIN_COLUMNS = 12;

/**
 * Breaks a line into rows that fit a terminal, so that the terminal does not break it where its author wants.
 *
 * @param columns the terminal's width, by default 80
 */
export function wrapRows(line: string, columns: number | undefined): readonly string[] {
  // the last column stays empty: some terminals go to the next row once it is filled
  const width = Math.max(MIN_COLUMNS, columns === undefined || !(columns > 0) ? DEFAULT_COLUMNS : Math.floor(columns)) - 1;
  const rows: string[] = [];
  let row = '';
  let used = 0;
  for (const char of line) {
    const columnsOfChar = widthOf(char);
    if (used + columnsOfChar > width) {
      rows.push(row);
      row = MARK;
      used = MARK_WIDTH;
    }
    row += char;
    used += columnsOfChar;
  }
  return [...rows, row];
}

/** At most: terminals do not agree about characters beyond ASCII. */
function widthOf(char: string): number {
  return char <= '~' ? 1 : 2;
}

const MARK_WIDTH = /* @__PURE__ */ Array.from(MARK).reduce((sum, char) => sum + widthOf(char), 0);
