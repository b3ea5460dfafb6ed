import { chain } from '../../common/awaitable.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { CallFacts, OwnParams } from '../call/GuardedCall.js';

/** What a guard says about its previews. */
export interface PreviewMaker {
  readonly limits: SnapshotLimits;
  /** @defaultValue 2,000 */
  readonly timeoutMs?: number | undefined;
  /** The hook of the guard. */
  describe(own: OwnParams, signal: AbortSignal): unknown;
}

/** What is needed once a person is about to be asked. */
const making = new LazyPart(() => import('./makePreview.js'));

/** The preview of a call, made by the hook of its guard when it is asked for. */
export function previewBy(
  call: Pick<CallFacts<never>, 'knows' | 'schema' | 'rest' | 'signal' | 'toolName'>,
  maker: PreviewMaker,
): NonNullable<CallFacts['preview']> {
  return (request, params) => chain(making.get(), ({ makePreview }) => makePreview(call, maker, request, params));
}
