import { AsyncLocalStorage } from 'node:async_hooks';
import { CapacityError } from '../../model/errors/CallErrors.js';
import type { Session } from '../../model/Params.js';

/** The guarded call that is running. */
export interface CurrentCall {
  readonly agentId: string;
  readonly toolName: string;
  readonly decisionId: string;
  /** The approval's task, where a person had to decide: an idempotency key for what the method does. */
  readonly taskId: string | undefined;
  /** How many guarded calls it is nested in, itself included. Counted with `sessions: 'async-local'`, else 1. */
  readonly depth: number;
}

interface Scope {
  readonly session: Session | null;
  readonly call: CurrentCall | undefined;
}

const MAX_DEPTH = 32;

let running: CurrentCall | undefined;
/** Made by the first module that asks for it: once it is, every await of the process costs more. */
let scopes: AsyncLocalStorage<Scope> | undefined;

/**
 * The guarded call that is running, or `undefined`. Valid in the method until its first `await`: read it there. With
 * `sessions: 'async-local'` it lasts as long as the call.
 */
export function currentCall(): CurrentCall | undefined {
  return running ?? scopes?.getStore()?.call;
}

/** @internal Switches AsyncLocalStorage on, for the whole process. */
export function enableAsyncLocal(): void {
  scopes ??= new AsyncLocalStorage<Scope>();
}

/** @internal Runs with a session that guards below find by themselves. */
export function runWithSession<T>(session: Session | null, fn: () => T): T {
  enableAsyncLocal();
  return (scopes as AsyncLocalStorage<Scope>).run({ session, call: scopes?.getStore()?.call }, fn);
}

/** @internal The session of the scope, or `undefined` where there is none. */
export function scopedSession(): Session | null | undefined {
  return scopes?.getStore()?.session;
}

/** @internal Why a call must not be entered: 32 are around it, as far as they are counted. */
export function nestedTooDeep(toolName: string): CapacityError | undefined {
  if ((scopes?.getStore()?.call?.depth ?? 0) < MAX_DEPTH) return undefined;
  return new CapacityError(MAX_DEPTH, `Guarded calls are nested deeper than ${MAX_DEPTH}; '${toolName}' is refused.`);
}

/** @internal The call that is running, to be entered again: a generator's body runs in pieces, each when its consumer asks. */
export function reenterCall(): <T>(fn: () => T) => T {
  const call = running;
  const scope = scopes?.getStore();
  return (fn) => {
    const outer = running;
    running = call;
    try {
      return scopes === undefined || scope === undefined ? fn() : scopes.run(scope, fn);
    } finally {
      running = outer;
    }
  };
}

/**
 * @internal Enters a method with what it runs with. Ask {@link nestedTooDeep} before.
 */
export function enterCall<P, T>(
  agentId: string,
  toolName: string,
  decisionId: string,
  taskId: string | undefined,
  call: { run(own: P): T },
  own: P,
): T {
  const outer = running;
  try {
    if (scopes === undefined) {
      running = { agentId, toolName, decisionId, taskId, depth: 1 };
      return call.run(own);
    }
    const scope = scopes.getStore();
    running = { agentId, toolName, decisionId, taskId, depth: (scope?.call?.depth ?? 0) + 1 };
    return scopes.run({ session: scope?.session ?? null, call: running }, () => call.run(own));
  } finally {
    running = outer;
  }
}
