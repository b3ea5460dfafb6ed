import type { Awaitable } from '../../common/awaitable.js';
import type { AegisError } from '../../model/AegisError.js';
import type { HaltableCall } from '../../model/halt/Halt.js';

/** Says of each call whether it is halted. */
export interface HaltGate {
  /**
   * How often the halts of the store had been changed when they were last read. A claim demands that it was no oftener since. `undefined` where the store
   * does not count.
   */
  readonly changes: number | undefined;
  /** Why the call must not run now, as far as it is known without asking: it is halted, or that could not be confirmed for too long. */
  stop(call: HaltableCall): AegisError | undefined;
  /**
   * As {@link stop}, but where it was not confirmed for too long, it is read once more.
   *
   * @param stopsLater whether {@link stop} is asked before the call runs: then one clock less is read here
   */
  look(call: HaltableCall, stopsLater?: boolean): Awaitable<AegisError | undefined>;
  /** Reads the halts again, now. What fails is known by {@link stop} in time. */
  refresh(): Awaitable<void>;
  /** Whether what waits for a person ends because of a halt that the call is in. */
  cancels(call: HaltableCall): boolean;
}

/** What every call of a module asks. It has no gate until there can be a halt, so that a module without halts pays for one comparison. */
export interface HaltSwitch {
  gate: HaltGate | undefined;
}
