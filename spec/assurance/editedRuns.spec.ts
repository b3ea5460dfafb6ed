import { inspect } from 'node:util';
import { expect } from 'chai';
import { canonicalText } from '../../lib/common/data/canonical.js';
import { decideEdited } from '../../lib/decision/amend/decideEdited.js';
import type { EditedJudgement } from '../../lib/decision/amend/decideEdited.js';
import type { PolicyCall, PolicyOutcome } from '../../lib/policy/PolicyEngine.js';
import { Random } from '../policy/fuzz/random.js';
import { counted, seed, volume } from '../support/assurance.js';
import { engineOf, wasmEngineOf } from '../support/policyCalls.js';
import { AGENTS, cedarText, randomCall, randomPolicies } from './support/policies.js';

const CASES = volume(100_000);
const CALLS_PER_SET = 8;
/** cedar-wasm takes a hundred times as long. */
const WASM_EVERY = 20;

const asking = (outcome: PolicyOutcome): string[] => (outcome.effect === 'approval_needed' ? outcome.approvals.map(({ id }) => id) : []);
const runs = (outcome: PolicyOutcome, { params }: PolicyCall): string =>
  canonicalText('params' in outcome && outcome.params !== undefined ? outcome.params : params);

describe('An edited call', () => {
  it('runs only where neither it nor the original is denied, with the yes of every policy that asks about one of them', function () {
    this.timeout(60_000 + CASES * 8);
    const random = new Random(seed + 51);
    const wrong: string[] = [];
    let [cases, ran, both, sets] = [0, 0, 0, 0];
    while (cases < CASES) {
      const text = cedarText(randomPolicies(random, 0.02));
      const engine = engineOf(text, { agents: AGENTS });
      // what is said of each call is the answer of another engine, now and then
      const twin = (sets += 1) % WASM_EVERY === 0 ? wasmEngineOf(text).withAgents(AGENTS) : undefined;
      const calls = Array.from({ length: CALLS_PER_SET }, () => randomCall(random));
      for (const [i, original] of calls.entries()) {
        // an edit changes params only
        const edited: PolicyCall = { ...original, params: (calls[(i + 1) % calls.length] as PolicyCall).params };
        const judge = (call: object): { engine: typeof engine; facts: PolicyCall['facts']; outcome: PolicyOutcome } => ({
          engine,
          facts: original.facts,
          outcome: engine.evaluate({ ...original, ...call }),
        });
        const { run } = decideEdited(judge, original, edited.params) as EditedJudgement;
        const says = twin ?? engine;
        const [first, last] = [says.evaluate(original), says.evaluate(edited)];
        const isDenied = first.effect === 'deny' || last.effect === 'deny';
        const problems: string[] = [];
        if (isDenied !== (run === undefined)) problems.push('runs although one of the two is denied, or the other way round');
        if (run !== undefined) {
          ran += 1;
          const asked = run.approvals.map(({ id }) => id).sort();
          const expected = [...new Set([...asking(first), ...asking(last)])].sort();
          if (asking(first).length > 0 && asking(last).length > 0) both += 1;
          if (asked.join() !== expected.join()) problems.push(`asks ${asked.join()} instead of ${expected.join()}`);
          if (canonicalText(run.params) !== runs(last, edited)) problems.push('runs with other params than a direct call');
        }
        cases += 1;
        wrong.push(...problems.map((problem) => `${problem}\n${text}\n${inspect([original, edited.params], { depth: 6 })}`));
      }
      for (const one of [engine, twin]) one?.release();
    }
    counted({ what: 'an edited call runs only as a direct one would, with every yes', cases, wrong: wrong.length, beside: { ran, 'asked about both': both } }); // prettier-ignore
    expect(wrong.slice(0, 2), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
    expect(ran).to.be.above(cases / 50);
  });
});
