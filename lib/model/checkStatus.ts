import type { DecisionStatus } from './Decision.js';

const STATES: readonly unknown[] = ['pending', 'approved', 'denied', 'expired'] satisfies DecisionStatus['state'][];

/**
 * Copies where a service says an approval stands, reading each field once: nothing it does to its answer later changes what happens. A state that
 * nobody knows is `invalid`; what has no readable decisionId is `undefined`.
 */
export function checkStatus(answer: unknown): DecisionStatus | undefined {
  try {
    if (typeof answer !== 'object' || answer === null) return undefined;
    const { decisionId, state, reason, by } = answer as Partial<Record<keyof DecisionStatus, unknown>>;
    if (typeof decisionId !== 'string') return undefined;
    return {
      decisionId,
      state: STATES.includes(state) ? (state as DecisionStatus['state']) : 'invalid',
      reason: typeof reason === 'string' ? reason : undefined,
      by: typeof by === 'string' ? by : undefined,
    };
  } catch {
    return undefined;
  }
}
