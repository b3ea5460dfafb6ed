import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { HaltGate } from '../../decision/halt/HaltGate.js';
import type { AegisError } from '../../model/AegisError.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { HaltableCall } from '../../model/halt/Halt.js';

/** The halts of a store in memory, until they are read: calls need not wait for that while none was ever ordered there. */
export class UnreadHalts implements HaltGate {
  readonly #count: () => number;
  readonly #opened: () => Promise<HaltGate>;

  /** @param count how often halts were ordered, lifted or deleted there */
  constructor(count: () => number, opened: () => Promise<HaltGate>) {
    this.#count = count;
    this.#opened = opened;
  }

  get changes(): number {
    return this.#count();
  }

  stop({ toolName }: HaltableCall): AegisError | undefined {
    if (this.#count() === 0) return undefined;
    const message = `Tool '${toolName}' did not run, because it is not known yet what is halted. Await ready() first.`;
    return new DecisionUnavailableError('halt_unknown', message);
  }

  look(call: HaltableCall): Awaitable<AegisError | undefined> {
    return this.#count() === 0 ? undefined : chain(this.#opened(), (gate) => gate.look(call));
  }

  async refresh(): Promise<void> {
    await (await this.#opened()).refresh();
  }

  /** What waits is asked again once they are read. */
  cancels(): boolean {
    return false;
  }
}
