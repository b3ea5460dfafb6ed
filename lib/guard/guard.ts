import '../common/runtime.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import type { PendingApproval } from '../model/PendingApproval.js';
import type { ApprovalMode } from '../model/Task.js';
import type { BaseGuardOptions, Fn, Guardable, NamingOptions } from './GuardOptions.js';
import type { LooseGuardOptions } from './GuardSpec.js';
import { wrapFunction } from './wrapFunction.js';
import type { AnyFunction } from './wrapFunction.js';

/** Options of a guarded function: those of `@AegisGuard`, with any mode, because `guard()` changes the return type itself. */
export type FunctionGuardOptions<This, A extends readonly unknown[], R, N, M extends ApprovalMode> = BaseGuardOptions<This, A, R> &
  NamingOptions<A, N> & {
    /** How a call waits for a person. Default `defer`. */
    readonly approval?: M;
  };

/** A guarded function: in mode `defer` it may return a PendingApproval. */
export type GuardedFunction<This, A extends readonly unknown[], R, M extends ApprovalMode> = 'defer' extends M
  ? R extends Promise<infer T>
    ? Fn<This, A, Promise<T | PendingApproval<T>>>
    : never
  : Fn<This, A, R>;

/**
 * Guards a plain function, as `@AegisGuard` guards a method. An anonymous one needs a `toolName`.
 *
 * @throws GuardDefinitionError
 * @example const send = guard(sendMail, { agentId: 'mailer', params: ['to', 'body'], approval: 'wait' });
 */
export function guard<This, A extends readonly unknown[], R extends Guardable, const N, const M extends ApprovalMode = 'defer'>(
  fn: Fn<This, A, R>,
  options: FunctionGuardOptions<This, A, R, N, M>,
): GuardedFunction<This, A, R, M> {
  const loose = { ...(options as unknown as LooseGuardOptions) };
  return wrapFunction(checkFunction(fn, loose), loose.toolName ?? fn.name, loose) as unknown as GuardedFunction<This, A, R, M>;
}

/** @internal */
export function checkFunction(fn: unknown, { toolName }: LooseGuardOptions): AnyFunction {
  if (typeof fn !== 'function') throw new GuardDefinitionError('guard() takes a function.');
  if (toolName === undefined && fn.name === '') throw new GuardDefinitionError('guard(): an anonymous function needs a `toolName`.');
  return fn as AnyFunction;
}
