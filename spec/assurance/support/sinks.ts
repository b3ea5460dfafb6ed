import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import type { Logger } from '../../../lib/common/Logger.js';
import type { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { type Canary, canariesIn } from '../../support/outputCanaries.js';

/** Every way out of the library, by who reads it. */
export type Sink =
  | 'standard output'
  | 'log'
  | 'diagnostics'
  | 'tasks'
  | 'desk'
  | 'terminal'
  | 'error'
  | 'inspected error'
  | 'cause'
  | 'handle'
  | 'inside'
  | 'lint';

/** Takes what comes out of the library, and says which canaries it held. */
export class Sinks {
  /** How many texts came out of each. */
  readonly texts = new Map<Sink, number>();
  readonly #found = new Map<string, string>();
  readonly #undo: (() => void)[] = [];

  /** Keeps the process's own output to itself while it is open. */
  constructor() {
    for (const stream of [process.stdout, process.stderr]) {
      const { write } = stream;
      stream.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
        const text = String(chunk);
        this.take('standard output', text);
        // a reporter goes on; log lines would only be in its way
        return text.startsWith('[AEGIS]') || Reflect.apply(write, stream, [chunk, ...rest]);
      }) as typeof stream.write;
      this.#undo.push(() => void (stream.write = write));
    }
    const listen = (message: unknown): void => this.value('diagnostics', message);
    subscribe('aegis:diagnostics', listen);
    this.#undo.push(() => void unsubscribe('aegis:diagnostics', listen));
  }

  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  /** What was found where, as `canary in sink`, with a piece of the text. */
  get found(): ReadonlyMap<string, string> {
    return this.#found;
  }

  take(sink: Sink, text: string): void {
    this.texts.set(sink, (this.texts.get(sink) ?? 0) + 1);
    for (const canary of canariesIn(text)) this.#note(canary, sink, text);
  }

  /** A value as a log, a debugger and a wire would show it. */
  value(sink: Sink, value: unknown): void {
    this.take(sink, inspect(value, { depth: 10 }));
    this.take(sink, String(value));
    this.take(sink, jsonOf(value));
  }

  /** Everything about an error; what inspection shows beside is its own sink, for it shows the causes. */
  error(error: unknown): void {
    for (let at = error, depth = 0; at !== undefined && at !== null && depth < 6; depth++) {
      const sink = depth === 0 ? 'error' : 'cause';
      this.take(sink, String(at as unknown));
      this.take(sink, jsonOf(at));
      if (!(at instanceof Error)) break;
      const { message, stack, cause, ...fields } = at;
      this.take(sink, `${message}\n${stack ?? ''}\n${jsonOf(fields)}`);
      at = cause;
    }
    this.take('inspected error', inspect(error, { depth: 10 }));
  }

  /** What a module holds, as a debugger shows it. */
  module(aegis: AegisModule): void {
    for (const part of [aegis, aegis.decisions, aegis.tasks, aegis.scheduler]) this.value('inside', part);
    for (const part of ['approvals', 'policies'] as const) {
      try {
        this.value('inside', aegis[part]);
      } catch (error) {
        this.error(error);
      }
    }
  }

  /** A logger of all levels. */
  readonly logger: Logger = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [level, (fields: object, message: string) => this.value('log', { fields, message })]),
  ) as unknown as Logger;

  #note(canary: Canary, sink: Sink, text: string): void {
    const place = `${canary} in ${sink}`;
    if (!this.#found.has(place)) this.#found.set(place, text.slice(0, 2000));
  }
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item)) ?? '';
  } catch {
    return '';
  }
}
