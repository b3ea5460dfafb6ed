import '../common/runtime.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import type { PendingApproval } from '../model/PendingApproval.js';
import type { ApprovalMode } from '../model/Task.js';
import type {
  BaseGuardOptions,
  Fn,
  Guardable,
  ReturnTypeHoldsPendingApproval,
  ReturnTypeSaysNothing,
  SayHowCallsWait,
  Settled,
  Vague,
} from './GuardOptions.js';
import type { NamingOptions } from './NamingOptions.js';
import type { OptionKinds } from '../common/readOptions.js';
import { checkedGuardOptions, GUARD_OPTIONS } from './method/checkedGuardOptions.js';
import type { LooseGuardOptions } from './method/LooseGuardOptions.js';
import { wrapFunction } from './wrapFunction.js';
import type { AnyFunction } from './wrapFunction.js';

/** A stream cannot return a PendingApproval. */
interface StreamsCannotDefer<M, _Fix extends string> {
  /** How a call waits for a person: 'wait' or 'throw', because a stream cannot return a PendingApproval. */
  readonly approval: M extends 'wait' | 'throw' ? M : 'wait' | 'throw';
}

/** The modes of a guarded function. Any but a stream may defer, because `guard()` changes the return type. */
type FunctionApproval<R, M> =
  Vague<R> extends true
    ? ReturnTypeSaysNothing<M, SayHowCallsWait>
    : R extends AsyncGenerator<infer _Item, infer _Result, infer _Next>
      ? StreamsCannotDefer<M, "add approval: 'wait' or 'throw', because a stream cannot return a PendingApproval">
      : ReturnTypeHoldsPendingApproval<M>;

/** Options of a guarded function: those of `@AegisGuard`, with any mode, because `guard()` changes the return type itself. */
export type FunctionGuardOptions<This, A extends readonly unknown[], R, N, M extends ApprovalMode, O = unknown> = BaseGuardOptions<
  This,
  A,
  R
> &
  NamingOptions<A, N, O> &
  FunctionApproval<R, M>;

/** A guarded function: in mode `defer` it may return a PendingApproval. */
export type GuardedFunction<This, A extends readonly unknown[], R, M extends ApprovalMode> = 'defer' extends M
  ? Fn<This, A, Promise<Awaited<R> | PendingApproval<Settled<R>>>>
  : Fn<This, A, R>;

/**
 * Guards a plain function, as `@AegisGuard` guards a method.
 *
 * @param options as those of `@AegisGuard`; an anonymous function needs a `toolName`
 * @returns a function that decides every call first, and in mode `defer` may return a PendingApproval
 * @throws GuardDefinitionError where the function cannot be guarded, or an option is wrong
 * @example const send = guard(sendMail, { agentId: 'mailer', params: ['to', 'body'], approval: 'wait' });
 */
export function guard<This, A extends readonly unknown[], R extends Guardable, const N, const O, const M extends ApprovalMode = 'defer'>(
  fn: Fn<This, A, R>,
  options: FunctionGuardOptions<This, A, R, N, M, O>,
): GuardedFunction<This, A, R, M> {
  const [original, loose] = checkArguments('guard()', fn, options);
  return wrapFunction(
    original,
    original.name === '' ? (loose.toolName as string) : original.name,
    loose,
    true,
  ) as unknown as GuardedFunction<This, A, R, M>;
}

/** @internal @throws GuardDefinitionError */
export function checkArguments(
  where: string,
  fn: unknown,
  options: unknown,
  kinds: OptionKinds<LooseGuardOptions> = GUARD_OPTIONS,
): readonly [AnyFunction, LooseGuardOptions] {
  if (typeof fn !== 'function') throw new GuardDefinitionError(`${where} must get a function as its first argument.`);
  if (typeof options !== 'object' || options === null)
    throw new GuardDefinitionError(`${where} must get an object of options after the function.`);
  const loose = checkedGuardOptions(fn.name === '' ? where : `The guard of ${fn.name}`, options as LooseGuardOptions, kinds);
  if (loose.toolName === undefined && fn.name === '')
    throw new GuardDefinitionError(`${where} got an anonymous function without a \`toolName\`; give the options one.`);
  return [fn as AnyFunction, loose];
}
