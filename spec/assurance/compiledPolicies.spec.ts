import { expect } from 'chai';
import { fuzzValues } from '../policy/fuzz/values.js';
import { type FuzzCounts, fuzzEvaluation } from '../policy/fuzz/cases.js';
import { counted, seed, volume } from '../support/assurance.js';

const REQUESTS = volume(100_000);
/** A probing request asks 40 policies. */
const KINDS = { 'well-typed': REQUESTS / 2, arbitrary: REQUESTS / 2, probing: REQUESTS / 12 };

describe('Compiled policies', () => {
  for (const [i, [kind, requests]] of Object.entries(KINDS).entries())
    it(`answer as cedar-wasm does, for ${kind} policies`, function () {
      this.timeout(60_000 + REQUESTS * 5);
      const counts = fuzzEvaluation(seed + i, requests, kind as keyof typeof KINDS);
      counted({
        what: `compiled Cedar against cedar-wasm: decision, reasons and errors, ${kind} policies`,
        cases: counts.requests,
        wrong: counts.differences.length,
        beside: told(counts),
      });
      expect(counts.differences.slice(0, 3), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
      // those with two Longs beyond 2^53 that JSON rounds to one
      expect(counts.uncompiledPolicies / counts.policies).to.be.below(0.01);
      if (kind === 'well-typed') expect(counts.withoutError / counts.requests).to.be.above(0.5);
    });

  it('give each part of a policy the value that cedar-wasm gives it', function () {
    this.timeout(60_000 + REQUESTS * 5);
    const { expressions, errors, differences } = fuzzValues(seed + 3, REQUESTS / 5);
    counted({
      what: 'compiled Cedar against cedar-wasm: values of expressions',
      cases: expressions,
      wrong: differences.length,
      beside: { errors },
    });
    expect(differences.slice(0, 3), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
  });
});

function told(counts: FuzzCounts): Record<string, number | string> {
  const share = (n: number): string => `${((100 * n) / counts.requests).toFixed(1)} %`;
  return {
    policies: counts.policies,
    'without an erring policy': share(counts.withoutError),
    allowed: share(counts.allowed),
    'policies not compiled': counts.uncompiledPolicies,
    'not used': counts.refusedPolicies + counts.refusedRequests,
  };
}
