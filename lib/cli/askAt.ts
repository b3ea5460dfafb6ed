import type { CliIo } from './CliIo.js';

type Terminal = NodeJS.ReadableStream & { readonly isTTY?: boolean };
type Screen = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** How to ask the person at this terminal; undefined if it is not one. */
export function askAt(input: Terminal, output: Screen): CliIo['ask'] {
  if (input.isTTY !== true || output.isTTY !== true) return undefined;
  return async (question) => {
    const { createInterface } = await import('node:readline/promises');
    const terminal = createInterface({ input, output });
    // the end of the input is no answer, and Ctrl-C is a no
    const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    const answer = await Promise.race([terminal.question(question), closed]);
    terminal.close();
    return answer;
  };
}
