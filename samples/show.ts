// Prints the samples' output: a coloured label and a line of text. Without a terminal, or with NO_COLOR, it prints no colour.
import { styleText } from 'node:util';

type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'magenta' | 'gray';

const { FORCE_COLOR, NO_COLOR } = process.env;
const coloured = FORCE_COLOR !== undefined || (process.stdout.isTTY && NO_COLOR === undefined);

export function show(label: string, colour: Colour, text: string): void {
  const padded = label.padEnd(9);
  console.log(`${coloured ? styleText([colour, 'bold'], padded, { validateStream: false }) : padded} ${text}`);
}
