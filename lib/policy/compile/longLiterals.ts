import type { Long } from '../value/Value.js';
import { toLong } from '../value/longs.js';
import { scanCedar } from '../parse/tokens.js';

/**
 * The Longs that a policy's JSON holds. JSON rounds those beyond 2^53, so they are looked up in the policy's text: exact where only one of its
 * literals rounds to the number, else undefined.
 */
export function longLiterals(policyText: string): (value: number) => Long | undefined {
  return (value) => {
    if (Number.isSafeInteger(value)) return value + 0;
    const written = new Set<bigint>();
    for (const { kind, text } of scanCedar(policyText)) {
      if (kind === 'number' && Number(text) === Math.abs(value)) written.add(BigInt(text));
    }
    const [literal] = written;
    return literal === undefined || written.size > 1 ? undefined : toLong(value < 0 ? -literal : literal);
  };
}
