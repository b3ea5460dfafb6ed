import type { CounterTake } from '../../store/counter/CounterStore.js';

/** What happened at limits, for those who look after them. */
export interface LimitEvent {
  /** `refused`: a call was denied, because it did not fit or could not be counted. `near`: a call ran, and as much is used as `@warn_at` says. */
  readonly how: 'refused' | 'near';
  readonly agentId: string;
  readonly toolName: string;
  /** The approval whose use was refused; absent where a decision was. */
  readonly approvalId?: string | undefined;
  /** What does not fit, or is nearly used up. Each label names its policy. */
  readonly takes: readonly CounterTake[];
  /** The ids of the policies of limits that could not be counted. */
  readonly uncounted: readonly string[];
}
