import { AegisError } from '../../model/AegisError.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import { describeApproval } from '../desk/describeApproval.js';
import type { Terminal } from './openTerminal.js';
import { wrapRows } from './wrapRows.js';

/** How long input typed before the question is read and dropped, in milliseconds: it must not answer the question. */
const DRAIN_MS = 100;
const TYPED_CHARACTERS = 4;

/** Asks one person about one approval after another, at one terminal. */
export class TerminalSession {
  readonly #desk: ApprovalDesk;
  readonly #terminal: Terminal;
  readonly #by: string;
  readonly #queue: ApprovalRecord[] = [];
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
        this.#write(`${AegisError.is(error) ? error.message : 'The verdict could not be recorded. The approval may still be pending.'}\n`);
      }
    }
    this.#asking = undefined;
  }

  async #ask({ decisionId, digest }: ApprovalRecord): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    // the approval may have changed while it was queued
    const record = await this.#desk.get(decisionId);
    if (this.#stopped || record?.status !== 'pending') return;
    const hidden = hiddenFromApprover(record).length;
    const code = `${digest.slice(0, TYPED_CHARACTERS)}${hidden === 0 ? '' : ` ${hidden}`}`;
    const { columns } = this.#terminal.output;
    const rows = describeApproval(record).flatMap((line) => wrapRows(line, columns));
    this.#write(
      `\n── Approval needed ──\n${rows.join('\n')}\nType ${code} to approve${hidden === 0 ? '' : ', with how many values are hidden from you'}, anything else to refuse [No]: `,
    );
    const line = await this.#nextLine();
    if (line === undefined) return;
    const approved = line.trim() === code;
    const { status } = approved
      ? await this.#desk.approve(decisionId, { by: this.#by, digest, acknowledgeHidden: hidden })
      : await this.#desk.deny(decisionId, { by: this.#by, digest, reason: 'refused at the terminal' });
    const waits = 'Your yes is recorded. The call waits for other people.\n';
    this.#write(status === 'pending' ? waits : approved ? 'Approved.\n' : 'Refused.\n');
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
