import { openSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';
import { AegisError } from '../model/errors/AegisError.js';
import type { ApprovalRecord } from '../store/ApprovalStore.js';
import type { ApprovalDesk } from './ApprovalDesk.js';
import { describeApproval } from './describeApproval.js';

/** Somebody who decides approvals as they come. */
export interface Approver {
  /** Starts deciding. Returns what stops it. */
  attach(desk: ApprovalDesk): () => void;
}

export interface TerminalApproverOptions {
  /** Who sits at the keyboard. Default: the operating system's user. */
  readonly by?: string | undefined;
  /** Where to read and write instead of the terminal device; for programs that own the screen, and for specs. */
  readonly terminal?: Terminal | undefined;
}

/** A terminal: what a person types, and what a person sees. */
export interface Terminal {
  readonly input: Readable & { ref?(): unknown; unref?(): unknown };
  readonly output: Writable;
}

/** What was typed before the question was asked answers nothing: it is read away for this long, in milliseconds. */
const DRAIN_MS = 100;
const TYPED_CHARACTERS = 4;

/**
 * Asks the person at the keyboard. Reads the terminal device itself, never standard input, which a program may have piped from anywhere. The answer
 * is No unless the person types the first four characters of the digest, so that neither Enter nor a stray key approves. Where there is no terminal
 * it attends to nothing, and `unattended` says what becomes of approvals.
 */
export function terminalApprover({ by = userInfo().username, terminal }: TerminalApproverOptions = {}): Approver {
  return {
    attach(desk) {
      const found = terminal ?? openTerminal();
      if (found === undefined) return () => {};
      const session = new TerminalSession(desk, found, by);
      return () => session.stop();
    },
  };
}

function openTerminal(): Terminal | undefined {
  try {
    const windows = process.platform === 'win32';
    const input = new ReadStream(openSync(windows ? '\\\\.\\CONIN$' : '/dev/tty', 'r+'));
    const output = new WriteStream(openSync(windows ? '\\\\.\\CONOUT$' : '/dev/tty', 'r+'));
    return { input, output };
  } catch {
    return undefined;
  }
}

class TerminalSession {
  readonly #desk: ApprovalDesk;
  readonly #terminal: Terminal;
  readonly #by: string;
  readonly #queue: ApprovalRecord[] = [];
  readonly #leave: () => void;
  /** Takes the next line; lines that nobody asked for are dropped. */
  #answer: ((line: string) => void) | undefined;
  #asking: ApprovalRecord | undefined;
  #typed = '';

  constructor(desk: ApprovalDesk, terminal: Terminal, by: string) {
    this.#desk = desk;
    this.#terminal = terminal;
    this.#by = by;
    this.#leave = desk.attend();
    desk.on('requested', this.#requested);
    desk.on('settled', this.#settled);
    terminal.input.on('data', this.#data);
    // an idle keyboard must not keep the program alive; the pending approval does that
    terminal.input.unref?.();
  }

  stop(): void {
    this.#leave();
    this.#desk.off('requested', this.#requested);
    this.#desk.off('settled', this.#settled);
    this.#terminal.input.off('data', this.#data);
    this.#terminal.input.pause();
    this.#queue.length = 0;
    this.#answer?.('');
  }

  readonly #requested = (record: ApprovalRecord): void => {
    this.#queue.push(record);
    if (this.#asking === undefined) void this.#askNext();
  };

  readonly #settled = (record: ApprovalRecord): void => {
    const at = this.#queue.findIndex((r) => r.decisionId === record.decisionId);
    if (at >= 0) this.#queue.splice(at, 1);
    if (this.#asking?.decisionId !== record.decisionId || this.#answer === undefined) return;
    this.#write(`\nThis approval was ${record.status} meanwhile.\n`);
    this.#answer('');
  };

  readonly #data = (chunk: Buffer | string): void => {
    if (this.#answer === undefined) return;
    this.#typed += String(chunk);
    const end = this.#typed.search(/[\r\n]/);
    if (end < 0) return;
    const line = this.#typed.slice(0, end);
    this.#typed = '';
    this.#answer(line);
  };

  async #askNext(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#asking = next;
      await this.#ask(next);
    }
    this.#asking = undefined;
  }

  async #ask(record: ApprovalRecord): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    const code = record.digest.slice(0, TYPED_CHARACTERS);
    this.#write(`\n── Approval needed ──\n${describeApproval(record).join('\n')}\nType ${code} to approve, anything else to refuse [No]: `);
    this.#typed = '';
    const line = await new Promise<string>((resolve) => {
      this.#answer = resolve;
    });
    this.#answer = undefined;
    try {
      // somebody else may have decided while this was on the screen: the desk then says so
      const { decisionId, digest } = record;
      if ((await this.#desk.get(decisionId))?.status !== 'pending') return;
      if (line.trim() === code) await this.#desk.approve(decisionId, { by: this.#by, digest });
      else await this.#desk.deny(decisionId, { by: this.#by, digest, reason: 'refused at the terminal' });
      this.#write(line.trim() === code ? 'Approved.\n' : 'Refused.\n');
    } catch (error) {
      this.#write(`${AegisError.is(error) ? error.message : 'The verdict could not be recorded.'}\n`);
    }
  }

  #write(text: string): void {
    this.#terminal.output.write(text);
  }
}
