import { EventEmitter } from 'node:events';
import { callSafely } from '../common/awaitable.js';
import { publishCallbackError } from './diagnostics.js';

/**
 * An EventEmitter whose listeners cannot disturb the program: one that throws or rejects is reported once on `aegis:diagnostics`, and the other
 * listeners and the emitting code go on. Node's own would stop at the first throw and pass it to the emitting code.
 */
export class SafeEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  override emit<K>(event: K | keyof Events, ...args: unknown[]): boolean {
    const listeners = this.rawListeners(event as never);
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
