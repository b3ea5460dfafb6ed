import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { CallFacts, OwnParams } from '../call/GuardedCall.js';

/** What checking the params of a call needs of it, and what ends it. */
export type PreviewedCall = Pick<CallFacts<never>, 'knows' | 'schema' | 'rest' | 'signal' | 'toolName'>;

/** What a guard says about its previews. */
export interface PreviewMaker {
  readonly limits: SnapshotLimits;
  /** @defaultValue 2,000 */
  readonly timeoutMs?: number | undefined;
  /** The hook of the guard. */
  readonly describe: (own: OwnParams, signal: AbortSignal) => unknown;
}
