import { revealText } from '../../common/data/reveal.js';
import { LruMap } from '../../common/LruMap.js';
import { AegisError } from '../../model/AegisError.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import type { Terminal } from './openTerminal.js';
import { TerminalDraft } from './TerminalDraft.js';
import { wrapRows } from './wrapRows.js';

/** How long input typed before the question is read and dropped, in milliseconds: it must not answer the question. */
const DRAIN_MS = 100;
/** Of so many approvals it is known what was shown. */
const MAX_SHOWN = 1_000;

/** Asks one person about one approval after another, at one terminal. */
export class TerminalSession {
  readonly #desk: ApprovalDesk;
  readonly #terminal: Terminal;
  readonly #by: string;
  readonly #queue: ApprovalRecord[] = [];
  /** The digest under which each approval was asked about last. */
  readonly #shown = new LruMap<string, string>(MAX_SHOWN);
  readonly #leave: () => void;
  /** Receives the next line; `undefined` if none will be typed. Lines outside a question are dropped. */
  #answer: ((line: string | undefined) => void) | undefined;
  #asking: ApprovalRecord | undefined;
  #typed = '';
  #stopped = false;

  /** @param waiting what was requested before */
  constructor(desk: ApprovalDesk, terminal: Terminal, by: string, waiting: readonly ApprovalRecord[]) {
    const { input, output } = terminal;
    this.#desk = desk;
    this.#terminal = terminal;
    this.#by = by;
    this.#leave = desk.attend();
    desk.on('requested', this.#requested);
    desk.on('settled', this.#settled);
    desk.on('changed', this.#changed);
    input.on('data', this.#data);
    // a closed terminal decides nothing, and must not end the program
    input.on('error', this.#gone).on('end', this.#gone).on('close', this.#gone);
    output.on('error', this.#gone);
    // an idle keyboard must not keep the program alive; the pending approval does that
    input.unref?.();
    // one that was closed before says so no more
    if (input.destroyed || output.destroyed) this.#end();
    else for (const record of waiting) this.#requested(record);
  }

  /** Stops asking and leaves the terminal as it was. */
  stop(): void {
    this.#end();
    const { input, output } = this.#terminal;
    input.off('error', this.#gone);
    output.off('error', this.#gone);
  }

  #end(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#leave();
    this.#desk.off('requested', this.#requested);
    this.#desk.off('settled', this.#settled);
    this.#desk.off('changed', this.#changed);
    const { input } = this.#terminal;
    input.off('data', this.#data).off('end', this.#gone).off('close', this.#gone);
    input.pause();
    this.#queue.length = 0;
    // no answer is not a verdict
    this.#answer?.(undefined);
  }

  readonly #gone = (): void => this.#end();

  readonly #requested = (record: ApprovalRecord): void => {
    this.#queue.push(record);
    if (this.#asking === undefined) void this.#askNext();
  };

  readonly #settled = (record: ApprovalRecord): void => {
    const at = this.#queue.findIndex((r) => r.decisionId === record.decisionId);
    if (at >= 0) this.#queue.splice(at, 1);
    if (this.#asking?.decisionId !== record.decisionId || this.#answer === undefined) return;
    this.#write(`\nThis approval is already ${record.status}; no answer is needed.\n`);
    this.#answer(undefined);
  };

  /** Somebody else has edited it: what was said here was about other params, and the question is put again. */
  readonly #changed = (record: ApprovalRecord): void => {
    const { decisionId, digest, status, amendments = [] } = record;
    const editor = amendments.at(-1)?.by;
    if (status !== 'pending' || editor === undefined || editor === this.#by || this.#shown.get(decisionId) === digest) return;
    if (this.#queue.some((one) => one.decisionId === decisionId)) return;
    if (this.#asking?.decisionId !== decisionId) return this.#requested(record);
    this.#queue.unshift(record);
    if (this.#answer === undefined) return;
    this.#write('\nSomebody else has edited this call; no answer is needed. It is shown again.\n');
    this.#answer(undefined);
  };

  readonly #data = (chunk: Buffer | string): void => {
    if (this.#answer === undefined) return;
    this.#typed += String(chunk);
    const end = this.#typed.search(/[\r\n]/);
    if (end < 0) return;
    const line = this.#typed.slice(0, end);
    this.#answer(line);
  };

  async #askNext(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#asking = next;
      try {
        await this.#ask(next);
      } catch (error) {
        this.#write(this.#rows([messageOf(error) ?? 'The verdict could not be recorded. The approval may still be pending.']));
      }
    }
    this.#asking = undefined;
  }

  async #ask({ decisionId }: ApprovalRecord): Promise<void> {
    let draft: TerminalDraft | undefined;
    for (let lines: readonly string[] = []; ;) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
      // the approval may have changed while it was queued, or while something was typed
      const record = await this.#desk.get(decisionId);
      if (this.#stopped || record === undefined) return;
      if (record.status !== 'pending') return draft && this.#write(`This approval is already ${record.status}; no answer is needed.\n`);
      if (draft?.record.digest !== record.digest) {
        // an edit queues it again, and by then it may have been asked about as edited
        if (draft === undefined && this.#shown.get(decisionId) === record.digest) return;
        const again = draft === undefined ? [] : ['Somebody else has edited this call, so nothing of what you typed is kept.'];
        draft = new TerminalDraft(this.#desk, this.#by, record);
        lines = [...again, '', '── Approval needed ──', ...draft.lines];
      }
      this.#shown.set(decisionId, record.digest);
      this.#write(`${this.#rows(lines)}${draft.question}`);
      const line = await this.#nextLine();
      if (line === undefined) return;
      const taken = await this.#taken(draft, line);
      if (taken === undefined) return this.#write(`${await draft.answer(line.trim() === draft.code)}\n`);
      lines = taken;
    }
  }

  /** What a line asked for, or why that cannot be; `undefined` where it is an answer. */
  async #taken(draft: TerminalDraft, line: string): Promise<readonly string[] | undefined> {
    try {
      return await draft.take(line);
    } catch (error) {
      const message = messageOf(error);
      if (message === undefined) throw error;
      return [message];
    }
  }

  #rows(lines: readonly string[]): string {
    const { columns } = this.#terminal.output;
    return lines
      .flatMap((line) => wrapRows(line, columns))
      .map((row) => `${row}\n`)
      .join('');
  }

  #nextLine(): Promise<string | undefined> {
    this.#typed = '';
    return new Promise((resolve) => {
      this.#answer = (line) => {
        this.#answer = undefined;
        resolve(line);
      };
    });
  }

  #write(text: string): void {
    if (!this.#stopped) this.#terminal.output.write(text);
  }
}

/** What an error says to a person; `undefined` for one that is not from Aegis: its words are not for a terminal. */
function messageOf(error: unknown): string | undefined {
  return AegisError.is(error) ? revealText(error.message) : undefined;
}
