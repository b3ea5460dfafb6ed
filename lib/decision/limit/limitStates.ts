import { AMOUNT_PARTS } from '../../model/terms/LimitTerms.js';
import type { ShownCounter } from '../../store/counter/CounterStore.js';
import { readLimitLabel } from './limitLabel.js';
import type { LimitState } from './LimitState.js';

/** From how many percent on a limit is nearly used up, where its policy does not say. */
const NEAR_PERCENT = 80;

/** What counters hold, for people. */
export function limitStates(counters: readonly ShownCounter[]): readonly LimitState[] {
  return counters.map(limitState);
}

function limitState({ key, label, kind, windowMs, used, limit, retryAtMs: endsAtMs }: ShownCounter): LimitState {
  const { policyId, by, warnAt = NEAR_PERCENT } = readLimitLabel(label);
  const level = used >= limit ? 'full' : used >= (limit * warnAt) / 100 ? 'near' : 'free';
  return Object.freeze({ key, policyId, by, kind, windowMs, used: used / AMOUNT_PARTS, limit: limit / AMOUNT_PARTS, endsAtMs, level });
}
