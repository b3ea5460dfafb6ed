import '../common/runtime.js';
import { execution } from '../approval/execution/execution.js';
import { isThenable } from '../common/awaitable.js';
import { approvalUse } from '../decision/desk/use/approvalUse.js';
import { ApprovalPendingError } from '../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../model/errors/ServiceErrors.js';
import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import { checkArguments } from './guard.js';
import type { BaseGuardOptions, Fn } from './GuardOptions.js';
import { GUARD_OPTIONS } from './method/checkedGuardOptions.js';
import type { GuardSpec } from './method/GuardSpec.js';
import { readGuardOptions } from './method/readGuardOptions.js';
import type { NamingOptions } from './NamingOptions.js';
import { isAsynchronous, likeOriginal, startCall } from './wrapFunction.js';

/** Options of a synchronous guard. A synchronous call cannot wait, so the only approval mode is `throw`, and it has no preview. */
export type SyncGuardOptions<This, A extends readonly unknown[], R, N, O = unknown> = Omit<
  BaseGuardOptions<This, A, R>,
  'waitMs' | 'preview' | 'previewTimeoutMs'
> &
  NamingOptions<A, N, O> & { readonly approval?: 'throw' };

// oxlint-disable-next-line typescript/no-explicit-any -- a promise or stream of anything
type Asynchronous = PromiseLike<any> | AsyncGenerator<any, any, any>;
type RefuseAsync<R> = 0 extends 1 & R
  ? unknown
  : [Extract<R, Asynchronous>] extends [never]
    ? unknown
    : 'guardSync() cannot guard an asynchronous function; use guard()';

const { waitMs: _waitMs, preview: _preview, previewTimeoutMs: _previewTimeoutMs, ...WITHOUT_WAIT } = GUARD_OPTIONS;

/**
 * Guards a plain synchronous function, where the decision service answers synchronously. The embedded one does, unless a facts hook is asynchronous. A
 * call that needs approval throws ApprovalPendingError; once it is approved, the next duplicate call runs.
 *
 * @returns a function that decides every call first; it throws what refuses the call
 * @throws GuardDefinitionError where the function cannot be guarded, or an option is wrong
 */
export function guardSync<This, A extends readonly unknown[], R, const N, const O>(
  fn: Fn<This, A, R> & RefuseAsync<R>,
  options: SyncGuardOptions<This, A, R, N, O>,
): Fn<This, A, R> {
  const [original, given] = checkArguments('guardSync()', fn, options, WITHOUT_WAIT as typeof GUARD_OPTIONS);
  const name = original.name === '' ? (given.toolName as string) : original.name;
  if (isAsynchronous(original))
    throw new GuardDefinitionError(`The guard of ${name}: guardSync() cannot guard an asynchronous function; use guard().`);
  if (given.approval !== undefined && given.approval !== 'throw') {
    throw new GuardDefinitionError(
      `The guard of ${name}: guardSync() supports approval 'throw' only; leave \`approval\` out, or use guard().`,
    );
  }
  const spec = readGuardOptions(name, original.length, { ...given, approval: 'throw' });
  // what it calls cannot be waited for
  approvalUse.prepare();
  execution.prepare();
  const guarded = function (this: unknown, ...args: unknown[]): unknown {
    // a decision that comes later must not run the function after its caller was told that it did not run
    let returned = false;
    try {
      return finish(
        spec,
        startCall(spec, original, this, args, () => (returned ? asynchronous(spec) : undefined)),
      );
    } finally {
      returned = true;
    }
  };
  return likeOriginal(guarded, original, spec) as unknown as Fn<This, A, R>;
}

function finish(spec: GuardSpec, outcome: ReturnType<typeof startCall>): unknown {
  if (isThenable(outcome)) {
    // its caller is told that it did not run, so no one would use an approval that it opened meanwhile
    outcome.then(
      (late) => (late.kind === 'pending' && !late.deduplicated ? late.cancel() : undefined),
      () => {},
    );
    throw asynchronous(spec);
  }
  if (outcome.kind === 'ran') return outcome.value;
  if (outcome.kind === 'denied') throw outcome.error;
  const resumed = outcome.deduplicated ? outcome.resume({ atOnce: true }) : undefined;
  if (isThenable(resumed)) resumed.then(undefined, () => {});
  else if (resumed !== undefined) return resumed.value;
  throw new ApprovalPendingError(outcome.pending);
}

function asynchronous({ info }: GuardSpec): DecisionUnavailableError {
  return new DecisionUnavailableError(
    'asynchronous',
    `Tool '${info.toolName}' did not run, because its decision is asynchronous, and guardSync() cannot wait. Use guard() with an async function, or make service, facts and journal answer synchronously.`,
  );
}
