import { expect } from 'chai';
import { inspect } from 'node:util';
import type { CedarPolicyEngine } from '../../lib/policy/engine/CedarPolicyEngine.js';
import type { PolicyCall, PolicyOutcome } from '../../lib/policy/PolicyEngine.js';
import { counted, seed, volume } from '../support/assurance.js';
import { ALWAYS } from './support/conditions.js';
import { plainReading, saysOf, told } from './support/plainReading.js';
import { AGENTS, cedarText, randomCall, randomPolicies, randomPolicy, type Written } from './support/policies.js';
import { typedCall, typedPolicies } from './support/typedPolicies.js';
import { engineOf } from '../support/policyCalls.js';
import { Random } from '../policy/fuzz/random.js';

const CASES = volume(100_000);
const CALLS_PER_SET = 8;
const RANK = { deny: 0, approval_needed: 1, sanitize: 2, allow: 3 } as const;

const engineFor = (text: string): CedarPolicyEngine => engineOf(text, { agents: AGENTS });

/** A policy of this effect that is about every call, under this condition. */
function about(effect: Written['effect'], cedar = 'true'): Written {
  const scope = 'principal, action, resource';
  return { effect, scope, isAbout: () => true, condition: { ...ALWAYS, cedar }, operation: undefined, mayPermit: false };
}

/** One law: what is written beside or instead of a policy set, and how that may change what becomes of a call. */
interface Law {
  readonly name: string;
  /** The text that is compared with the set's own. */
  readonly other: (random: Random, policies: readonly Written[]) => string;
  readonly holds: (before: PolicyOutcome, after: PolicyOutcome) => boolean;
  /** Whether the law had anything to say: another engine could have ended the call otherwise. */
  readonly says: (before: PolicyOutcome, after: PolicyOutcome) => boolean;
}

const withOne = (policies: readonly Written[], one: Written): string => cedarText([...policies, one]);
const LAWS: readonly Law[] = [
  {
    name: 'nothing runs that no policy permits',
    other: (_, policies) => cedarText([...policies.filter(({ effect }) => effect !== 'permit'), about('approval_needed')]),
    holds: (_, after) => after.effect === 'deny',
    says: (before) => before.effect !== 'deny',
  },
  {
    name: 'a plain forbid refuses, with any other policies',
    other: (_, policies) => withOne(policies, about('deny')),
    holds: (_, after) => after.effect === 'deny',
    says: (before) => before.effect !== 'deny',
  },
  {
    name: 'a request for approval leaves nothing to run at once',
    other: (_, policies) => withOne(policies, about('approval_needed')),
    holds: (before, after) => after.effect === (before.effect === 'deny' ? 'deny' : 'approval_needed'),
    says: (before) => before.effect === 'allow' || before.effect === 'sanitize',
  },
  {
    name: 'a policy that errs refuses, whether it permits or forbids',
    other: (random, policies) => withOne(policies, about(random.pick(['permit', 'deny', 'approval_needed']), random.pick(['context.input.missing == 1', 'context.input.tags < 1', '1 == 1 && context.input.n like "x"', 'principal.nothing']))), // prettier-ignore
    holds: (_, after) => after.effect === 'deny',
    says: (before) => before.effect !== 'deny',
  },
  {
    name: 'one more forbid of any kind makes no call milder',
    other: (random, policies) =>
      withOne(policies, about(random.pick(['deny', 'approval_needed']), randomPolicy(random, 0).condition.cedar)),
    holds: (before, after) => RANK[after.effect] <= RANK[before.effect],
    says: (before, after) => before.effect !== 'deny' && told(after) !== told(before),
  },
  {
    name: 'one more permit takes nothing back from a call that may run',
    other: (random, policies) =>
      withOne(policies, { ...randomPolicy(random, 0), effect: 'permit', operation: undefined, mayPermit: false }),
    holds: (before, after) => before.effect === 'deny' || told(after) === told(before),
    says: (before) => before.effect !== 'deny',
  },
  {
    name: 'order and repetition do not matter',
    other: (random, policies) => {
      const again = cedarText(policies, 'again-').split('\n').filter((_, i) => policies[i]?.effect !== 'sanitize' && policies[i]?.effect !== 'approval_needed'); // prettier-ignore
      return random.shuffle([...cedarText(policies).split('\n'), ...again]).join('\n');
    },
    holds: (before, after) => told(after) === told(before),
    says: (before) => before.effect !== 'deny',
  },
  {
    name: 'policies of other tools change nothing',
    other: (random, policies) => {
      const others = randomPolicies(random, 0.3).map((p) => ({ ...p, operation: undefined, mayPermit: false, effect: p.effect === 'sanitize' ? 'deny' : p.effect }) as const); // prettier-ignore
      const text = cedarText(others.map((p) => ({ ...p, scope: random.pick(['principal, action == Aegis::Action::"fourth", resource', 'principal, action in Aegis::Action::"elsewhere", resource', 'principal, action in [Aegis::Action::"fourth", Aegis::Action::"fifth"], resource']) })), 'x'); // prettier-ignore
      return `${text}\n${cedarText(policies)}`;
    },
    holds: (before, after) => told(after) === told(before),
    says: (before) => before.effect !== 'deny',
  },
];

describe('The laws of the four effects', () => {
  it('decide as the rules read', function () {
    this.timeout(60_000 + CASES * 5);
    const random = new Random(seed);
    const wrong: string[] = [];
    const seen: Record<string, number> = { allow: 0, sanitize: 0, approval_needed: 0, deny: 0 };
    let cases = 0;
    while (cases < CASES / 2) {
      const policies = randomPolicies(random);
      const engine = engineFor(cedarText(policies));
      for (let i = 0; i < CALLS_PER_SET; i++) {
        const call = randomCall(random);
        const outcome = engine.evaluate(call);
        cases += 1;
        seen[outcome.effect] = (seen[outcome.effect] as number) + 1;
        const [got, wanted] = [told(outcome), plainReading(policies, call)];
        if (got !== wanted) wrong.push(`got ${got}, the rules say ${wanted}\n${cedarText(policies)}\n${inspect(call, { depth: 6 })}`);
        wrong.push(...letThrough(policies, call, outcome));
      }
      engine.release();
    }
    counted({ what: 'the four effects against a naive reading of the rules', cases, wrong: wrong.length, beside: seen });
    expect(wrong.slice(0, 2), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
    for (const count of Object.values(seen)) expect(count).to.be.above(cases / 200);
  });

  for (const [i, { name, other, holds, says }] of LAWS.entries())
    it(`hold: ${name}`, function () {
      this.timeout(60_000 + CASES * 5);
      const random = new Random(seed + 1 + i);
      const wrong: string[] = [];
      let cases = 0;
      let said = 0;
      while (cases < CASES / 2 / LAWS.length) {
        // where little errs by itself, more is left for the law to say
        const typed = random.chance(0.5);
        const policies = typed ? typedPolicies(random) : randomPolicies(random, 0.01);
        const [engine, changed] = [engineFor(cedarText(policies)), engineFor(other(random, policies))];
        for (let n = 0; n < CALLS_PER_SET; n++) {
          const call = typed ? typedCall(random) : randomCall(random);
          const [before, after] = [engine.evaluate(call), changed.evaluate(call)];
          cases += 1;
          if (says(before, after)) said += 1;
          if (!holds(before, after)) wrong.push(`${told(before)}, then ${told(after)}\n${cedarText(policies)}\n${inspect(call, { depth: 6 })}`); // prettier-ignore
        }
        engine.release();
        changed.release();
      }
      counted({ what: `law: ${name}`, cases, wrong: wrong.length, beside: { 'where it matters': said } });
      expect(wrong.slice(0, 2), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
      expect(said).to.be.above(cases / 50);
    });
});

/** What an author's plain reading forbids, and a sanitize or an approval lets through all the same. */
function letThrough(policies: readonly Written[], call: PolicyCall, outcome: PolicyOutcome): string[] {
  if (outcome.effect === 'deny') return [];
  const run = { ...call, params: 'params' in outcome && outcome.params !== undefined ? outcome.params : call.params };
  const asked = new Set(outcome.effect === 'approval_needed' ? outcome.approvals.map(({ id }) => id) : []);
  const forbidden = policies.flatMap((policy, i) => {
    const truths = [saysOf(policy, call), saysOf(policy, run)];
    if (truths.includes('error')) return [`p${i} errs`];
    if (policy.effect === 'deny' && truths.includes(true)) return [`p${i} forbids it`];
    if (policy.effect === 'sanitize' && truths[1] === true) return [`p${i} still wants to change it`];
    return policy.effect === 'approval_needed' && truths.includes(true) && !asked.has(`p${i}`) ? [`p${i} is not asked`] : [];
  });
  if (!policies.some((policy) => policy.effect === 'permit' && saysOf(policy, run) === true)) forbidden.push('nothing permits it');
  return forbidden.map((why) => `${told(outcome)} although ${why}\n${cedarText(policies)}\n${inspect(call, { depth: 6 })}`);
}
