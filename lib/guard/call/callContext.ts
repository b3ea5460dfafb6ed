import { AsyncLocalStorage } from 'node:async_hooks';
import { CapacityError } from '../../model/errors/CallErrors.js';
import type { Decision } from '../../model/Decision.js';
import type { Session } from '../../model/Params.js';
import type { HaltableCall } from '../../model/halt/Halt.js';
import type { ApprovalMode } from '../../model/Task.js';
import type { AbortableCall, HaltedCalls } from '../halt/HaltedCalls.js';
import type { GuardRuntime } from './GuardRuntime.js';

/** The guarded call that is running. */
export interface CurrentCall {
  /** The agent that called. */
  readonly agentId: string;
  /** The tool that was called. */
  readonly toolName: string;
  /** The decision that let the call run. */
  readonly decisionId: string;
  /** The approval's task, where a person had to decide: an idempotency key for what the method does. */
  readonly taskId: string | undefined;
  /** How many guarded calls it is nested in, itself included. Counted with `sessions: 'async-local'`, else 1. */
  readonly depth: number;
  /**
   * Aborted when the call is halted, or when its caller aborts it; not by the caller of an approved call in mode `defer`, who waits no longer. It stays aborted
   * when the halt is lifted. A method that has begun is not stopped by a halt: it has to give up by itself. Read it before
   * the first `await`, and give it to what can be aborted, such as `fetch`.
   */
  readonly signal: AbortSignal;
}

/** What a decision was made on: everything that another call must share to run under it. */
export interface DecidedCall {
  readonly runtime: GuardRuntime;
  readonly agentId: string;
  readonly toolName: string;
  readonly session: Session | null;
  readonly groups: readonly string[];
  /** Of the params that the method was entered with. */
  readonly digest: string;
}

/** What the context needs of the call that is entered. */
interface EnteredCall<P, T> extends HaltableCall {
  readonly signal?: AbortSignal | undefined;
  readonly mode?: ApprovalMode | undefined;
  invokeMethod(effectiveParams: P): T;
}

/** What counts of the decision that lets a call run. */
type EnteredBy = Pick<Decision, 'decisionId' | 'grantId' | 'limits' | 'observed'>;

class RunningCall implements CurrentCall, AbortableCall {
  readonly agentId: string;
  readonly toolName: string;
  readonly decisionId: string;
  readonly taskId: string | undefined;
  readonly depth: number;
  readonly #call: Pick<EnteredCall<never, unknown>, 'groups' | 'signal' | 'mode'>;
  readonly #halts: HaltedCalls;
  #controller: AbortController | undefined;
  #signal: AbortSignal | undefined;
  // private: the program gets this object from currentCall()
  /** Whether its decision is for one entry: it is one use of a grant, is counted once, or was let through by a policy that only watches. */
  readonly #isForOnce: boolean;
  readonly #auditSalt: string | undefined;
  #offer: DecidedCall | undefined;

  constructor(
    call: EnteredCall<never, unknown>,
    { decisionId, grantId, limits, observed }: EnteredBy,
    taskId: string | undefined,
    depth: number,
    halts: HaltedCalls,
    auditSalt: string | undefined,
  ) {
    this.agentId = call.agentId;
    this.toolName = call.toolName;
    this.decisionId = decisionId;
    this.taskId = taskId;
    this.depth = depth;
    this.#call = call;
    this.#halts = halts;
    this.#isForOnce = (grantId ?? limits ?? observed) !== undefined;
    this.#auditSalt = auditSalt;
  }

  /**
   * Offers the decision on a call to the first guarded call that its method makes, unless one decision is one entry.
   *
   * Invariant: a decision is offered only under the call that it was made on, only while that call's method is on the stack, and only until a guarded call
   * has looked at it.
   */
  static offer(call: RunningCall, decided: DecidedCall | undefined): void {
    if (!call.#isForOnce) call.#offer = decided;
  }

  static takeOffer(call: RunningCall): DecidedCall | undefined {
    const decided = call.#offer;
    if (decided !== undefined) call.#offer = undefined;
    return decided;
  }

  /** The salt of its decision, where a journal is told of it. */
  static saltOf(call: RunningCall): string | undefined {
    return call.#auditSalt;
  }

  static stopOf(call: RunningCall): Error | undefined {
    return call.#halts.gate?.stop(call);
  }

  get groups(): readonly string[] | undefined {
    return this.#call.groups;
  }

  /** Made when it is first read: most methods never do. */
  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    this.#controller = new AbortController();
    const own = this.#controller.signal;
    // who was handed the approval waits no longer: what opened it may have ended long ago
    const callers = this.taskId !== undefined && this.#call.mode === 'defer' ? undefined : this.#call.signal;
    this.#signal = callers === undefined ? own : AbortSignal.any([own, callers]);
    signalled.set(this.#signal, this);
    this.#halts.watch(this);
    return this.#signal;
  }

  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  /** As long as what the method returned is there, the signal can be aborted, also where only a listener is left of it. */
  keepWith(returned: unknown): void {
    if (this.#signal !== undefined && typeof returned === 'object' && returned !== null) signalled.set(returned, this);
  }
}

/** The calls of signals, and of what their methods returned: none of them ends before these. */
const signalled = new WeakMap<object, RunningCall>();

interface Scope {
  readonly session: Session | null;
  readonly call: RunningCall | undefined;
}

const MAX_DEPTH = 32;

let running: RunningCall | undefined;
/** Made by the first module that asks for it: from then on every await of the process costs more. */
let scopes: AsyncLocalStorage<Scope> | undefined;

/**
 * Returns the guarded call that is running. Valid in the method until its first `await`: read it there. With `sessions: 'async-local'` it lasts as
 * long as the call.
 *
 * @returns the call, or `undefined` outside a guarded method
 */
export function currentCall(): CurrentCall | undefined {
  return running ?? scopes?.getStore()?.call;
}

/** @internal Switches AsyncLocalStorage on, for the whole process. */
export function enableAsyncLocal(): void {
  scopes ??= new AsyncLocalStorage<Scope>();
}

/** @internal Runs a function in a session that the guards below it find by themselves. */
export function runWithSession<T>(session: Session | null, fn: () => T): T {
  enableAsyncLocal();
  return (scopes as AsyncLocalStorage<Scope>).run({ session, call: scopes?.getStore()?.call }, fn);
}

/** @internal The session of the scope, or `undefined` where there is none. */
export function scopedSession(): Session | null | undefined {
  return scopes?.getStore()?.session;
}

/** @internal Returns an error where a call must not be entered because 32 calls, as far as they are counted, are around it. */
export function nestedTooDeep(call: { readonly toolName: string }): CapacityError | undefined {
  if ((scopes?.getStore()?.call?.depth ?? 0) < MAX_DEPTH) return undefined;
  return new CapacityError(
    MAX_DEPTH,
    `Guarded calls are nested too deep, so tool '${call.toolName}' did not run: at most ${MAX_DEPTH} may be nested. Look for a tool that calls itself.`,
  );
}

/** @internal The call that is running, to be continued: a generator's body runs in pieces, each when its consumer asks for one. */
export function continueCall(): <T>(fn: () => T) => T {
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

/** @internal What says later why the call that is running now must not begin: it was let in, and has not begun. */
export function stopOfRunning(): () => Error | undefined {
  const call = running as RunningCall;
  return () => RunningCall.stopOf(call);
}

/**
 * @internal Runs a function while a decision may be reused: the first guarded call that it makes at once may run under the decision of the call that is
 * running, if it is equal.
 */
export function offerDecision<T>(decided: DecidedCall, fn: () => T): T {
  const call = running;
  if (call === undefined) return fn();
  RunningCall.offer(call, decided);
  try {
    return fn();
  } finally {
    RunningCall.offer(call, undefined);
  }
}

/** @internal The decision that the running call offers; each is taken once. */
export function takeDecision(): DecidedCall | undefined {
  return running === undefined ? undefined : RunningCall.takeOffer(running);
}

/** @internal The salt of the decision on a running call, where there is a journal. */
export function saltOfRunning(call: CurrentCall): string | undefined {
  // currentCall() gives nothing else
  return RunningCall.saltOf(call as RunningCall);
}

/** @internal Invokes a method as the running call. Only the entry gate may call this: nothing is checked here. */
export function invokeInContext<P, T>(
  call: EnteredCall<P, T>,
  decision: EnteredBy,
  taskId: string | undefined,
  effectiveParams: P,
  halts: HaltedCalls,
  auditSalt?: string,
): T {
  const outer = running;
  try {
    const scope = scopes?.getStore();
    const own = new RunningCall(call, decision, taskId, (scope?.call?.depth ?? 0) + 1, halts, auditSalt);
    running = own;
    const returned =
      scopes === undefined
        ? call.invokeMethod(effectiveParams)
        : scopes.run({ session: scope?.session ?? null, call: own }, () => call.invokeMethod(effectiveParams));
    own.keepWith(returned);
    return returned;
  } finally {
    running = outer;
  }
}
