import { expect } from 'chai';
import fc from 'fast-check';
import type { PolicyOutcome } from '../../../lib/policy/PolicyEngine.js';
import { callOf, engineOf } from '../../support/policyCalls.js';

type Params = Readonly<Record<string, unknown>>;
type Effect = 'permit' | 'deny' | 'approval_needed' | 'sanitize';

/** A condition in Cedar, and in words of its own: true, false, or an error. */
interface Condition {
  readonly cedar: string;
  readonly holds: (params: Params) => boolean | 'error';
}

interface Written {
  readonly effect: Effect;
  readonly condition: Condition;
  /** For a sanitize: what is set to what. */
  readonly change: readonly [name: string, value: string];
  readonly mayPermit: boolean;
}

const always: Condition = { cedar: 'true', holds: () => true };
const NAMES = ['env', 'mode', 'kind'];
const VALUES = ['old', 'new', 'production'];
const sound = fc.oneof(
  { weight: 2, arbitrary: fc.constant(always) },
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)).map(([name, value]): Condition => ({ cedar: `context.input has ${name} && context.input.${name} == "${value}"`, holds: (params) => params[name] === value })) }, // prettier-ignore
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 2).map((n): Condition => ({ cedar: `context.input.n == ${n}`, holds: (params) => params['n'] === n })) }, // prettier-ignore
);
const conditions = fc.oneof(
  { weight: 20, arbitrary: sound },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES).map((name): Condition => ({ cedar: `context.input.${name} == "new"`, holds: (params) => (name in params ? params[name] === 'new' : 'error') })) }, // prettier-ignore
);
const writtenBy = (condition: fc.Arbitrary<Condition>): fc.Arbitrary<Written> =>
  fc.record({
    effect: fc.constantFrom<Effect>('permit', 'permit', 'permit', 'deny', 'approval_needed', 'sanitize'),
    condition,
    change: fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)),
    mayPermit: fc.boolean(),
  });
// two sanitize policies with one pointer are refused when they are loaded
const policies = fc
  .array(writtenBy(conditions), { minLength: 1, maxLength: 7 })
  .map((all) => all.filter(({ effect, change: [name] }, i) => effect !== 'sanitize' || !all.slice(0, i).some((other) => other.effect === 'sanitize' && other.change[0] === name))); // prettier-ignore
const params: fc.Arbitrary<Params> = fc.record(
  { n: fc.constantFrom(0, 1, 2), env: fc.constantFrom(...VALUES), mode: fc.constantFrom(...VALUES), kind: fc.constantFrom(...VALUES) },
  { requiredKeys: ['n'] },
);

function cedarText(all: readonly Written[], scope = 'action', prefix = 'p'): string {
  return all
    .map(({ effect, condition, change: [name, value], mayPermit }, i) => {
      const sanitize = effect === 'sanitize' ? `@sanitize("set /${name} \\"${value}\\"") ${mayPermit ? '@may_permit("true")' : ''}` : '';
      const soft = effect === 'sanitize' || effect === 'approval_needed' ? `@effect("${effect}") ${sanitize}` : '';
      return `@id("${prefix}${i}") ${soft} ${effect === 'permit' ? 'permit' : 'forbid'} (principal, ${scope}, resource) when { ${condition.cedar} };`;
    })
    .join('\n');
}

const decide = (all: readonly Written[], call: Params): PolicyOutcome => engineOf(cedarText(all)).evaluate(callOf(call));

function sorted(params: Params): string {
  return JSON.stringify(
    Object.keys(params)
      .sort()
      .map((name) => [name, params[name]]),
  );
}

/** Rules 23 to 25, written as one reads them. */
function plainReading(all: readonly Written[], call: Params): string {
  const matching = (given: Params, effect: Effect): Written[] =>
    all.filter((p) => p.effect === effect && p.condition.holds(given) === true);
  const stops = (given: Params): boolean => all.some((p) => p.condition.holds(given) === 'error') || matching(given, 'deny').length > 0;
  const apply = (soft: readonly Written[]): Params => ({ ...call, ...Object.fromEntries(soft.map(({ change }) => change)) });
  const permitted = (given: Params): boolean => matching(given, 'permit').length > 0 && !all.some((p) => p.effect === 'permit' && p.condition.holds(given) === 'error'); // prettier-ignore
  if (stops(call)) return 'deny';
  const sanitizing = matching(call, 'sanitize');
  const changed = apply(sanitizing);
  if (stops(changed)) return 'deny';
  if (sanitizing.length > 0 && matching(changed, 'sanitize').length > 0) return 'deny';
  const granting = sanitizing.filter((p) => p.mayPermit);
  if (!permitted(changed) || !permitted(granting.length > 0 ? apply(granting) : call)) return 'deny';
  const approvals = new Set([...matching(call, 'approval_needed'), ...matching(changed, 'approval_needed')]);
  const shown = sanitizing.length > 0 ? ` ${sorted(changed)}` : '';
  if (approvals.size > 0) return `approval_needed by ${all.flatMap((p, i) => (approvals.has(p) ? [`p${i}`] : [])).join()}${shown}`;
  return sanitizing.length > 0 ? `sanitize${shown}` : 'allow';
}

function told(outcome: PolicyOutcome): string {
  if (outcome.effect === 'deny') return 'deny';
  const by = outcome.effect === 'approval_needed' ? ` by ${outcome.approvals.map(({ id }) => id).join()}` : '';
  const shown = 'params' in outcome && outcome.params !== undefined ? ` ${sorted(outcome.params)}` : '';
  return `${outcome.effect}${by}${shown}`;
}

describe('The four effects', () => {
  const check = <T extends [unknown, ...unknown[]]>(property: fc.IPropertyWithHooks<T>, numRuns = 150): void =>
    fc.assert(property, { numRuns });

  it('are decided as the rules read', () => {
    const seen = new Set<string>();
    const compare = fc.property(policies, fc.array(params, { minLength: 8, maxLength: 8 }), (all, calls) => {
      const engine = engineOf(cedarText(all));
      for (const call of calls) {
        const outcome = told(engine.evaluate(callOf(call)));
        seen.add(outcome.split(' ')[0] as string);
        expect(outcome, `${cedarText(all)}\n${JSON.stringify(call)}`).to.equal(plainReading(all, call));
      }
    });
    check(compare, 400);
    expect([...seen].sort()).to.deep.equal(['allow', 'approval_needed', 'deny', 'sanitize']);
  });

  it('are denied where nothing permits', () => {
    check(
      fc.property(policies, params, (all, call) => {
        const forbids = all.filter(({ effect }) => effect !== 'permit');
        fc.pre(forbids.length > 0);
        expect(decide(forbids, call).effect).to.equal('deny');
      }),
    );
  });

  it('do not depend on the order of policies, nor on one said twice', () => {
    check(
      fc.property(policies, params, fc.infiniteStream(fc.nat()), (all, call, dice) => {
        const texts = cedarText(all).split('\n');
        // the same pointer twice is refused
        const again = cedarText(all, 'action', 'q').split('\n').filter((_, i) => all[i]?.effect !== 'sanitize'); // prettier-ignore
        const shuffled = [...texts, ...again].map((text) => [dice.next().value, text] as const).sort(([a], [b]) => a - b); // prettier-ignore
        const other = engineOf(shuffled.map(([, text]) => text).join('\n')).evaluate(callOf(call));
        const outcome = decide(all, call);
        expect(other.effect).to.equal(outcome.effect);
        expect('params' in other ? other.params : undefined).to.deep.equal('params' in outcome ? outcome.params : undefined);
      }),
    );
  });

  it('of a tool do not depend on policies of other tools', () => {
    check(
      fc.property(policies, policies, params, (all, others, call) => {
        const apart = `${cedarText(all, 'action == Aegis::Action::"tool"')}\n${cedarText(others, 'action == Aegis::Action::"x"', 'x')}`;
        expect(engineOf(apart).evaluate(callOf(call))).to.deep.include(JSON.parse(JSON.stringify({ effect: decide(all, call).effect })));
      }),
    );
  });

  const RANK = { allow: 3, sanitize: 2, approval_needed: 1, deny: 0 } as const;

  it('are never milder for one more plain forbid', () => {
    check(
      fc.property(policies, writtenBy(sound), params, (all, one, call) => {
        const [before, after] = [decide(all, call), decide([...all, { ...one, effect: 'deny' }], call)];
        if (after.effect === 'deny') return;
        expect(told(after)).to.equal(told(before));
      }),
    );
  });

  it('are never milder for one more request for approval', () => {
    check(
      fc.property(policies, writtenBy(sound), params, (all, one, call) => {
        const [before, after] = [decide(all, call), decide([...all, { ...one, effect: 'approval_needed' }], call)];
        expect(RANK[after.effect]).to.be.at.most(RANK[before.effect]);
      }),
    );
  });

  it('are never stricter for one more permit that can be evaluated', () => {
    check(
      fc.property(policies, writtenBy(sound), params, (all, one, call) => {
        const [before, after] = [decide(all, call), decide([...all, { ...one, effect: 'permit' }], call)];
        if (before.effect !== 'deny') expect(told(after)).to.equal(told(before));
      }),
    );
  });

  it('let nothing run that a forbid means, neither as it came nor as it was changed', () => {
    check(
      fc.property(policies, params, (all, call) => {
        const outcome = decide(all, call);
        if (outcome.effect === 'deny') return;
        const run = 'params' in outcome && outcome.params !== undefined ? outcome.params : call;
        for (const { effect, condition } of all) {
          expect([condition.holds(call), condition.holds(run)]).not.to.include('error');
          if (effect === 'deny') expect([condition.holds(call), condition.holds(run)]).to.deep.equal([false, false]);
          if (effect === 'sanitize') expect(condition.holds(run)).to.equal(false);
          if (effect === 'approval_needed' && (condition.holds(call) === true || condition.holds(run) === true))
            expect(outcome.effect).to.equal('approval_needed');
        }
        expect(all.some(({ effect, condition }) => effect === 'permit' && condition.holds(run) === true)).to.equal(true);
      }),
      400,
    );
  });
});
