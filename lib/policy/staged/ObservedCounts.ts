import type { Policy } from '../Policy.js';
import type { AppliedPolicy, PolicyCall } from '../PolicyEngine.js';

/** How often a watched policy would have asked about calls of a tool. */
export interface ObservedCount {
  /** The policy's `@id`. */
  readonly policyId: string;
  /** The tool. */
  readonly toolName: string;
  /** How many calls. */
  readonly calls: number;
  /** When the first of them was made, in epoch milliseconds. */
  readonly firstAtMs: number;
  /** When the last of them was made, in epoch milliseconds. */
  readonly lastAtMs: number;
  /** `@observe_until`, in epoch milliseconds: from then on the policy asks. */
  readonly untilMs: number;
}

type Counted = { -readonly [K in keyof ObservedCount]: ObservedCount[K] };

const MAX_ROWS = 1_000;

/** Counts what watched policies would have asked about. A policy whose text changes is another one. */
export class ObservedCounts {
  readonly #rows = new Map<string, Omit<Counted, 'untilMs'>>();

  add({ toolName, nowMs }: PolicyCall, policies: readonly AppliedPolicy[]): void {
    for (const { id, hash } of policies) {
      const key = `${hash} ${toolName}`;
      const row = this.#rows.get(key);
      if (row === undefined) {
        if (this.#rows.size < MAX_ROWS) this.#rows.set(key, { policyId: id, toolName, calls: 1, firstAtMs: nowMs, lastAtMs: nowMs });
      } else {
        row.calls += 1;
        row.lastAtMs = nowMs;
      }
    }
  }

  /** The counts of these policies: for each the tool with most calls first. */
  list(policies: readonly Policy[]): readonly ObservedCount[] {
    return policies.flatMap(({ applied: { hash }, observeUntilMs: untilMs }) => {
      if (untilMs === undefined) return [];
      const rows = [...this.#rows].flatMap(([key, row]) => (key.startsWith(`${hash} `) ? [{ ...row, untilMs }] : []));
      return rows.sort((a, b) => b.calls - a.calls);
    });
  }
}
