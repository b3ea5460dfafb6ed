import { isThenable } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import type { AegisError } from '../model/AegisError.js';
import { ApprovalPendingError } from '../model/errors/RefusalErrors.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import { continueCall, stopOfRunning } from './call/callContext.js';
import { GuardedStream } from './call/GuardedStream.js';
import { decideCall } from './decideCall.js';
import type { CallOutcome, PendingOutcome } from './call/GuardedCall.js';
import { GuardBinding, addBinding, bindingOf, noteInstance } from './method/GuardBinding.js';
import { GUARD_MARK, guardInfoOf, markGuarded } from './method/guardMetadata.js';
import type { GuardInfo } from './method/guardMetadata.js';
import { checkOwnOverrides } from './checkOverride.js';
import type { LooseGuardOptions } from './method/LooseGuardOptions.js';
import type { GuardSpec } from './method/GuardSpec.js';
import { MethodCall } from './method/MethodCall.js';
import type { AnyFunction } from './method/MethodCall.js';
import { readGuardOptions } from './method/readGuardOptions.js';
import { resolveRuntime } from './method/Caller.js';

export type { AnyFunction } from './method/MethodCall.js';

const AsyncFunction = Object.getPrototypeOf(async function () {}) as object;
const AsyncGeneratorFunction = Object.getPrototypeOf(async function* () {}) as object;
const GeneratorFunction = Object.getPrototypeOf(function* () {}) as object;

/**
 * Wraps an async function or async generator so that each call is decided first. Keeps `name` and `length`, and what other decorators have
 * stored on the function.
 *
 * @throws GuardDefinitionError
 */
export function wrapFunction(fn: AnyFunction, method: string | symbol, options: LooseGuardOptions, bare: boolean = false): AnyFunction {
  const kind = Object.getPrototypeOf(fn) as object;
  if (kind === GeneratorFunction) {
    throw new GuardDefinitionError(`The guard of ${String(method)}: a synchronous generator cannot await a decision; make it \`async *\`.`);
  }
  const isStream = kind === AsyncGeneratorFunction;
  const entered = kind === AsyncFunction || isStream ? fn : returningPromise(fn, method);
  const spec = readGuardOptions(method, fn.length, options, !isStream || options.approval === 'throw');
  spec.isMethod = !bare;
  if (isStream && (options.approval ?? 'defer') === 'defer') {
    throw new GuardDefinitionError(
      `The guard of ${String(method)}: an async generator cannot return a PendingApproval; choose approval 'wait' or 'throw'.`,
    );
  }
  const guarded: AnyFunction = isStream
    ? async function* (this: unknown, ...args: unknown[]) {
        return yield* (await callGuarded(spec, streamInContext(fn), this, args)) as AsyncGenerator;
      }
    : function (this: unknown, ...args: unknown[]) {
        // returns the promise that it got: an async function would make another one on every call
        try {
          const result = callGuarded(spec, entered, this, args);
          return result instanceof Promise ? result : Promise.resolve(result);
        } catch (error) {
          return Promise.reject(error as Error);
        }
      };
  addBinding(new GuardBinding(spec, entered, bare));
  return likeOriginal(guarded, fn, spec);
}

/** A function that is not declared async must return a promise: a synchronous one would become asynchronous for its callers, who cannot know. */
function returningPromise(fn: AnyFunction, method: string | symbol): AnyFunction {
  return function (this: unknown, ...args) {
    const result = Reflect.apply(fn, this, args);
    if (isThenable(result)) return result;
    throw new GuardDefinitionError(
      `The guard of ${String(method)}: it ran, but is synchronous, because it returned ${typeof result}, not a promise; declare it \`async\`, or use guardSync().`,
    );
  };
}

/** @internal Whether a function is declared async, or as an async generator. */
export function isAsynchronous(fn: AnyFunction): boolean {
  const kind = Object.getPrototypeOf(fn) as object;
  return kind === AsyncFunction || kind === AsyncGeneratorFunction;
}

/** Each piece of a generator's body runs when its consumer asks for it, and then as part of the guarded call. */
function streamInContext(fn: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    return new GuardedStream(Reflect.apply(fn, this, args) as AsyncGenerator, continueCall(), stopOfRunning());
  };
}

/** @internal Makes a wrapper look like what it wraps, and marks it. */
export function likeOriginal(wrapper: AnyFunction, fn: AnyFunction, spec: GuardSpec): AnyFunction {
  Object.defineProperties(wrapper, { name: { value: fn.name, configurable: true }, length: { value: fn.length, configurable: true } });
  // frameworks keep routes and the like on the function itself, as metadata or as properties
  for (const key of Reflect.ownKeys(fn)) {
    if (Object.hasOwn(wrapper, key) || key === GUARD_MARK) continue;
    Object.defineProperty(wrapper, key, Object.getOwnPropertyDescriptor(fn, key) as PropertyDescriptor);
  }
  for (const key of Reflect.getOwnMetadataKeys(fn)) Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, fn), wrapper);
  markGuarded(wrapper, spec.info);
  Object.defineProperty(wrapper, 'bind', { value: bindGuarded, configurable: true, writable: true });
  return wrapper;
}

/** `bind` of a guarded function: `this.send = this.send.bind(this)` is as guarded as before, and has to look so. */
function bindGuarded(this: AnyFunction, self: unknown, ...args: unknown[]): AnyFunction {
  const bound = Function.prototype.bind.call(this, self, ...args) as AnyFunction;
  markGuarded(bound, guardInfoOf(this) as GuardInfo);
  return bound;
}

/**
 * @internal Decides one call of a wrapped function.
 *
 * @param lastLook asked in the tick of the entry: an error that it returns stops the call
 */
export function startCall(
  spec: GuardSpec,
  fn: AnyFunction,
  target: unknown,
  args: unknown[],
  lastLook?: () => AegisError | undefined,
): Awaitable<CallOutcome<unknown>> {
  const runtime = resolveRuntime(spec, target);
  checkOwnOverrides(target, spec, runtime);
  if (runtime.durable && target !== undefined) noteInstance(bindingOf(spec.info), target);
  return decideCall<unknown>(runtime, new MethodCall({ spec, fn, target, runtime }, args, lastLook));
}

function callGuarded(spec: GuardSpec, fn: AnyFunction, self: unknown, args: unknown[]): unknown {
  const outcome = startCall(spec, fn, self, args);
  return isThenable(outcome) ? outcome.then((o) => resultOf(spec, o)) : resultOf(spec, outcome);
}

function resultOf(spec: GuardSpec, outcome: CallOutcome<unknown>): unknown {
  switch (outcome.kind) {
    case 'ran':
      return outcome.value;
    case 'denied':
      throw outcome.error;
    case 'pending':
      return pendingResult(spec, outcome);
  }
}

function pendingResult({ info, options }: GuardSpec, outcome: PendingOutcome<unknown>): unknown {
  switch (info.approval) {
    case 'defer':
      return outcome.schedule();
    case 'wait':
      return outcome.wait({ waitMs: options.waitMs });
    case 'throw':
      return redeem(outcome);
  }
}

/** A duplicate of a call that was approved meanwhile runs now; a first call only asks. */
function redeem(outcome: PendingOutcome<unknown>): unknown {
  const stillPending = (): never => {
    throw new ApprovalPendingError(outcome.pending);
  };
  if (!outcome.deduplicated) return stillPending();
  const resumed = outcome.resume();
  if (isThenable(resumed)) return resumed.then((r) => (r === undefined ? stillPending() : r.value));
  return resumed === undefined ? stillPending() : resumed.value;
}
