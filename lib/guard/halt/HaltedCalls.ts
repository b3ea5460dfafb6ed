import type { HaltGate, HaltSwitch } from '../../decision/halt/HaltGate.js';
import { isInScope } from '../../model/halt/Halt.js';
import type { Halt, HaltableCall } from '../../model/halt/Halt.js';

/** A call that runs and has asked for its signal. */
export interface AbortableCall extends HaltableCall {
  abort(reason: Error): void;
}

/** How many calls are remembered before those that are gone are looked for. */
const FIRST_SWEEP = 256;

/** The gate that a module's calls ask, and the calls that learn of a halt while they run. */
export class HaltedCalls implements HaltSwitch {
  gate: HaltGate | undefined;
  /** What a call is aborted with that is halted when it first asks for its signal. */
  haltedNow: ((call: HaltableCall) => Error | undefined) | undefined;
  /** A call that has ended need not be taken out: it is remembered no longer than it lives. */
  #running = new Set<WeakRef<AbortableCall>>();
  #sweepAt = FIRST_SWEEP;

  /** Tells a call from now on, and at once where it is halted: it may ask for its signal long after it began. */
  watch(call: AbortableCall): void {
    const reason = this.haltedNow?.(call);
    if (reason !== undefined) return call.abort(reason);
    if (this.#running.size >= this.#sweepAt) {
      this.#running = new Set([...this.#running].filter((ref) => ref.deref() !== undefined));
      this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#running.size);
    }
    this.#running.add(new WeakRef(call));
  }

  /** Aborts what runs in the scope of a halt. */
  abort({ scope }: Pick<Halt, 'scope'>, reasonFor: (call: HaltableCall) => Error): void {
    for (const ref of this.#running) {
      const call = ref.deref();
      if (call === undefined || isInScope(scope, call)) this.#running.delete(ref);
      if (call !== undefined && isInScope(scope, call)) call.abort(reasonFor(call));
    }
  }
}
