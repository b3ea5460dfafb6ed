import { AsyncLocalStorage } from 'node:async_hooks';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import type { DecisionRequest } from '../../model/Decision.js';
import { CallAbortedError } from '../../model/errors/RefusalErrors.js';
import type { Params } from '../../model/Params.js';
import type { PreviewFailure, PreviewOutcome } from '../../model/preview/CallPreview.js';
import { readPreview } from '../../model/view/readPreview.js';
import { copyData } from '../../model/snapshot/copyValue.js';
import { checkEffectiveParams } from '../call/checkEffectiveParams.js';
import type { PreviewedCall, PreviewMaker } from './PreviewMaker.js';
import { PREVIEW_TIMEOUT_MS } from './previewTimeout.js';

/** Set in code that makes a preview: a call that it makes is guarded as any other, and has no preview, so that none makes another without end. */
const making = new AsyncLocalStorage<true>();

/**
 * Has a guard's hook say what a call would do, for at most the time that it may take, and copies what it says. What fails here is told to the person.
 *
 * @param params that would run
 * @throws CallAbortedError where the caller has gone: then no one is asked
 */
export function makePreview(
  call: PreviewedCall,
  { limits, timeoutMs = PREVIEW_TIMEOUT_MS, describe }: PreviewMaker,
  request: DecisionRequest,
  params: Params,
): Promise<PreviewOutcome> {
  const { signal, toolName } = call;
  const controller = new AbortController();
  const describeCall = async (): Promise<unknown> => {
    // a copy of its own: what the hook does to it reaches neither the call nor what is shown
    const own = params === request.params ? params : await checkEffectiveParams(params, call, request, limits);
    return describe(copyData(own), controller.signal);
  };
  return new Promise((resolve, reject) => {
    const end = (finish: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      finish();
    };
    const failed = (failure: PreviewFailure): void => end(() => resolve({ failure }));
    const onAbort = (): void => {
      controller.abort(signal?.reason);
      end(() => reject(new CallAbortedError(toolName, signal?.reason)));
    };
    const timer = setTimeout(() => {
      controller.abort(new DOMException(`The preview took longer than ${timeoutMs} ms.`, 'TimeoutError'));
      failed('timeout');
    }, clampTimeout(timeoutMs));
    if (making.getStore() === true) return failed('nested');
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    making
      .run(true, describeCall)
      .then(readPreview)
      .then(
        (outcome) => end(() => resolve(outcome)),
        () => failed('threw'),
      );
  });
}
