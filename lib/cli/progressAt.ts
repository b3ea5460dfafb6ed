/** A terminal, as far as it is written to. */
export interface ProgressTerminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Writes how far a command has come, on one line that is written over. `undefined` where it is not a terminal. */
export function progressAt(terminal: ProgressTerminal): ((text: string) => void) | undefined {
  if (terminal.isTTY !== true) return undefined;
  return (text) => void terminal.write(`\r\u001b[K${text}`);
}
