import { expect } from 'chai';
import { inspect } from 'node:util';
import type { PolicyCall, PolicyOutcome } from '../../lib/policy/PolicyEngine.js';
import { counted, seed, volume } from '../support/assurance.js';
import { engineOf, wasmEngineOf } from '../support/policyCalls.js';
import { Random } from '../policy/fuzz/random.js';
import { told } from './support/plainReading.js';
import { AGENTS, cedarText, randomCall, randomPolicies, randomPolicy, type Written } from './support/policies.js';

const CASES = volume(100_000);
const CALLS_PER_SET = 8;
const END = Date.now() + 86_400_000;
const WATCH = `@observe("true") @observe_until("${new Date(END).toISOString()}") `;
/** cedar-wasm takes a hundred times as long. */
const WASM_EVERY = 20;

const approvals = (outcome: PolicyOutcome): string[] => (outcome.effect === 'approval_needed' ? outcome.approvals.map(({ id }) => id) : []);
const observed = (outcome: PolicyOutcome): string[] => ('observed' in outcome ? (outcome.observed ?? []) : []).map(({ id }) => id);
/** All that an outcome says but of what was watched. */
const rest = (outcome: PolicyOutcome): string => inspect({ ...outcome, observed: undefined }, { depth: null, sorted: true });

describe('Policies that are only watched', () => {
  it('leave every call as it is without them, and name those that would have asked', function () {
    this.timeout(60_000 + CASES * 8);
    const random = new Random(seed + 41);
    const wrong: string[] = [];
    let [cases, named, erred, sets] = [0, 0, 0, 0];
    while (cases < CASES) {
      const others = randomPolicies(random, 0.02);
      const watched: Written[] = Array.from({ length: 1 + random.below(3) }, () => ({ ...randomPolicy(random, 0.05), effect: 'approval_needed', operation: undefined, mayPermit: false })); // prettier-ignore
      const text = cedarText(others);
      const asking = cedarText(watched, 'w');
      const watching = asking.replaceAll('@effect', `${WATCH}@effect`);
      const [without, enforced, observing] = [text, `${text}\n${asking}`, `${text}\n${watching}`].map((set) =>
        engineOf(set, { agents: AGENTS }),
      );
      if (without === undefined || enforced === undefined || observing === undefined) throw new Error('a set does not load');
      const twin = (sets += 1) % WASM_EVERY === 0 ? wasmEngineOf(`${text}\n${watching}`).withAgents(AGENTS) : undefined;
      for (let i = 0; i < CALLS_PER_SET; i++) {
        const call = randomCall(random);
        const [plain, strict, seen] = [without.evaluate(call), enforced.evaluate(call), observing.evaluate(call)];
        cases += 1;
        const errs = strict.effect === 'deny' && plain.effect !== 'deny';
        if (errs) erred += 1;
        if (observed(seen).length > 0) named += 1;
        const problems = differences(plain, strict, seen, errs);
        const over: PolicyCall = { ...call, nowMs: END };
        if (told(observing.evaluate(over)) !== told(enforced.evaluate(over))) problems.push('after its end it does not ask');
        if (twin !== undefined) {
          const other = twin.evaluate(call);
          if (`${told(other)} ${observed(other).join()}` !== `${told(seen)} ${observed(seen).join()}`)
            problems.push(`cedar-wasm: ${told(other)}`);
        }
        wrong.push(...problems.map((problem) => `${problem}\n${text}\n${watching}\n${inspect(call, { depth: 6 })}`));
      }
      for (const engine of [without, enforced, observing, twin]) engine?.release();
    }
    counted({ what: 'a watched policy makes no other policy milder', cases, wrong: wrong.length, beside: { 'would have asked': named, 'denied for an error': erred } }); // prettier-ignore
    expect(wrong.slice(0, 2), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
    expect(named).to.be.above(cases / 50);
    expect(erred).to.be.above(0);
  });
});

function differences(plain: PolicyOutcome, strict: PolicyOutcome, seen: PolicyOutcome, errs: boolean): string[] {
  // an error is an error, whoever is watched: then all that matters is that the call does not run
  if (seen.effect === 'deny' && seen.code === 'policy_error' && strict.effect === 'deny' && strict.code === 'policy_error') return [];
  if (errs) return [`it errs, and ${told(seen)}`];
  const found = rest(plain) === rest(seen) ? [] : [`without it ${told(plain)}, with it ${told(seen)}`];
  const before = new Set(approvals(plain));
  const wanted = approvals(strict).filter((id) => !before.has(id));
  if (seen.effect !== 'deny' && observed(seen).join() !== wanted.join()) found.push(`named ${observed(seen).join()}, not ${wanted.join()}`);
  if (seen.effect === 'deny' && 'observed' in seen) found.push('a deny names it');
  return found;
}
