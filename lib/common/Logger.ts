import { escapeJson } from './data/escapeText.js';

/** How much a logger writes; each level includes the ones after it. */
export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

/** The logger that Aegis writes to. It is a part of pino's interface, so pino, bunyan and similar loggers can be passed as they are. */
export interface Logger {
  /** Writes a record of level `debug`. */
  debug(fields: object, message: string): void;
  /** Writes a record of level `info`. */
  info(fields: object, message: string): void;
  /** Writes a record of level `warning`. */
  warn(fields: object, message: string): void;
  /** Writes a record of level `error`. */
  error(fields: object, message: string): void;
}

/** A logger that writes nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };

/** Writes each record to stderr as one line of JSON, `[AEGIS] {"level":…,"time":…,"msg":…,…}`, with control characters escaped. */
export class ConsoleLogger implements Logger {
  readonly #least: number;

  constructor(level: LogLevel = 'info') {
    this.#least = RANK[level];
  }

  /** Prints details of each decision, where the level is `debug`. */
  debug(fields: object, message: string): void {
    this.#write('debug', fields, message);
  }

  /** Prints an event that happens now and then. */
  info(fields: object, message: string): void {
    this.#write('info', fields, message);
  }

  /** Prints a problem that the library handled itself. */
  warn(fields: object, message: string): void {
    this.#write('warning', fields, message);
  }

  /** Prints what failed. */
  error(fields: object, message: string): void {
    this.#write('error', fields, message);
  }

  #write(level: LogLevel, fields: object, message: string): void {
    if (RANK[level] < this.#least) return;
    // JSON escapes C0 controls but not U+2028, bidi or C1
    process.stderr.write(`[AEGIS] ${escapeJson(lineOf(level, fields, message))}\n`);
  }
}

/** One record; fields cannot replace its own three. Never throws, because a logger must not change what it reports. */
function lineOf(level: LogLevel, fields: object, msg: string): string {
  const head = { level, time: new Date().toISOString(), msg };
  try {
    return JSON.stringify({ ...head, ...fields, ...head }, plain);
  } catch {
    return JSON.stringify({ ...head, lost: 'the fields of this record cannot be written as JSON' });
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  // an Error's own JSON is {}; its stack may quote arguments
  if (value instanceof Error) return { name: value.name, message: value.message };
  return value;
}
