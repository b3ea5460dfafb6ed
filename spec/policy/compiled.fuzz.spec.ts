import { expect } from 'chai';
import { fuzzValues } from '../support/policyFuzzValues.js';
import { type FuzzCounts, fuzzEvaluation } from '../support/policyFuzzCases.js';

/** Requests in all. The seed is fixed so that a run can be repeated; AEGIS_FUZZ and AEGIS_FUZZ_SEED make others. */
const REQUESTS = Number(process.env['AEGIS_FUZZ'] ?? 3_000);
const SEED = Number(process.env['AEGIS_FUZZ_SEED'] ?? 20_261_122);
/** A probing request asks 40 policies. */
const SHARES = { 'well-typed': 6 / 16, arbitrary: 6 / 16, probing: 1 / 16, values: 3 / 16 };

describe('Compiled policies', () => {
  const lines: string[] = [];

  for (const [i, kind] of (['well-typed', 'arbitrary', 'probing'] as const).entries())
    it(`answer as cedar-wasm does, for ${kind} policies`, function () {
      this.timeout(60_000 + REQUESTS);
      const counts = fuzzEvaluation(SEED + i, REQUESTS * SHARES[kind], kind);
      lines.push(`${kind}: ${told(counts)}`);
      expect(counts.differences.slice(0, 3), `AEGIS_FUZZ_SEED=${SEED}`).to.deep.equal([]);
      // those with two Longs beyond 2^53 that JSON rounds to one
      expect(counts.bailedPolicies / counts.policies).to.be.below(0.01);
      if (kind === 'well-typed') expect(counts.withoutError / counts.requests).to.be.above(0.5);
    });

  it('give each part of a policy the value that cedar-wasm gives it', function () {
    this.timeout(60_000 + REQUESTS);
    const { expressions, errors, differences } = fuzzValues(SEED + 3, REQUESTS * SHARES.values);
    lines.push(`values: ${expressions} expressions, ${differences.length} differences, ${errors} with an error`);
    expect(differences.slice(0, 3), `AEGIS_FUZZ_SEED=${SEED}`).to.deep.equal([]);
  });

  after(() => console.log([`    fuzz, AEGIS_FUZZ_SEED=${SEED}`, ...lines].join('\n      ')));
});

function told(counts: FuzzCounts): string {
  const share = (n: number): string => `${((100 * n) / counts.requests).toFixed(1)} %`;
  const { requests, policies, differences, withoutError, allowed, bailedPolicies, refusedPolicies, refusedRequests } = counts;
  return `${requests} requests, ${differences.length} differences, ${share(withoutError)} without an erring policy, ${share(allowed)} allowed, ${bailedPolicies} of ${policies} policies bailed, not used: ${refusedPolicies} policies, ${refusedRequests} requests`;
}
