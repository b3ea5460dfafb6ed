import { EventEmitter } from 'node:events';
import { callSafely } from '../common/awaitable.js';
import { publishCallbackError } from './diagnostics.js';

type Listener<Events, K extends keyof Events> = (...args: Events[K] extends unknown[] ? Events[K] : never) => unknown;

/** The methods that take an event: for a name that does not exist, Node's own types say that the listener must be `never`. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- these methods are there; only their types are told better
export interface SafeEmitter<Events extends Record<keyof Events, unknown[]>> {
  /** Adds a listener. */
  on<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
  /** Adds a listener. */
  addListener<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
  /** Adds a listener that is called once. */
  once<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
  /** Removes a listener. */
  off<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
  /** Removes a listener. */
  removeListener<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
}

/**
 * An EventEmitter whose listeners cannot disturb the program: one that throws or rejects is reported once on `aegis:diagnostics`, and the other
 * listeners and the emitting code go on. Node's own would stop at the first throw and pass it to the emitting code.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- as above
export class SafeEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter {
  override emit(event: keyof Events & string, ...args: unknown[]): boolean {
    const listeners = this.rawListeners(event);
    for (const listener of listeners) {
      callSafely(
        (...given: unknown[]): unknown => Reflect.apply(listener, this, given) as unknown,
        args,
        (error) => publishCallbackError(`listener of '${String(event)}'`, error),
      );
    }
    return listeners.length > 0;
  }
}
