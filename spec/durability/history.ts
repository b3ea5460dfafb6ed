import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

/** What is written down, and by whom. The order of lines is the order in which they happened: O_APPEND puts each at the end, whole. */
export type Deed =
  /** owner, milliseconds: a process is there, under that store handle. */
  | 'ready'
  /** A process was sent a signal, is gone by itself, or left as it was told to. */
  | 'killed'
  | 'stopped'
  | 'crashed'
  | 'left'
  /** taskId, decisionId: the task is in the store. */
  | 'inserted'
  /** decisionId: before a verdict is given, and after it was acknowledged. */
  | 'approving'
  /** decisionId, n: before a person edits the call, and what they make of it. */
  | 'editing'
  | 'approved'
  | 'denying'
  | 'denied'
  /** taskId, token: the claim was acknowledged. */
  | 'claimed'
  /** n, taskId, decisionId: the method was entered, came to its end, or threw. */
  | 'start'
  | 'end'
  | 'threw'
  /** taskId, token, status: the outcome was acknowledged. */
  | 'settled'
  /** taskId, version, status: the registry told its listeners. */
  | 'event'
  /** n: an agent asks a server. */
  | 'calling'
  /** n, decisionId: the server has answered that a person has to be asked. */
  | 'opened'
  /** n, code: the server was not there to ask, or refused. */
  | 'refused'
  /** n: the agent takes its call back. */
  | 'cancelling'
  /** n, code: the call was approved and yet has not run, or was denied, cancelled or too late. */
  | 'over';

/** One line: who did what, with what. */
export interface Entry {
  readonly what: Deed;
  readonly who: string;
  readonly with: readonly string[];
}

/** What a kill takes nothing from: whatever was said before it is on file. */
const TO_DISK: ReadonlySet<Deed> = new Set<Deed>([
  'start',
  'end',
  'approving',
  'editing',
  'approved',
  'denied',
  'claimed',
  'opened',
  'settled',
]);

/** The file that all processes of one scenario append to. */
export class History {
  readonly path: string;
  readonly #who: string;
  readonly #file: number;

  constructor(path: string, who: string) {
    this.path = path;
    this.#who = who;
    this.#file = openSync(path, 'a');
  }

  note(what: Deed, ...given: readonly (string | number)[]): void {
    this.noteOf(this.#who, what, ...given);
  }

  /** Of another process, which cannot say so itself. */
  noteOf(who: string, what: Deed, ...given: readonly (string | number)[]): void {
    writeSync(this.#file, `${[what, who, ...given].join(' ')}\n`);
    if (TO_DISK.has(what)) fsyncSync(this.#file);
  }

  lines(): readonly string[] {
    return readFileSync(this.path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  }

  close(): void {
    closeSync(this.#file);
  }
}

export function readEntries(lines: readonly string[]): readonly Entry[] {
  return lines.map((line) => {
    const [what, who = '', ...given] = line.split(' ');
    return { what: what as Deed, who, with: given };
  });
}
