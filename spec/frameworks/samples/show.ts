/** Prints the samples' output: a label and a line of text. */
export function show(label: 'allow' | 'deny' | 'sanitize' | 'approval' | 'person', text: string): void {
  console.log(`${label.padEnd(9)} ${text}`);
}
