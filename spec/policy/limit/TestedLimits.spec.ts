import { expect } from 'chai';
import sinon from 'sinon';
import { runPolicyTests } from '../../../lib/policy/engine/runPolicyTests.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { EmbeddedDecisionService } from '../../../lib/decision/embedded/EmbeddedDecisionService.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { Params } from '../../../lib/model/Params.js';
import { TestedLimits } from '../../../lib/policy/limit/TestedLimits.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { expectDecision, policySnapshot } from '../../../lib/testing/index.js';
import { counted } from '../../support/assurance.js';
import { engineOf } from '../../support/policyCalls.js';
import { requestOf } from '../../support/callRequests.js';

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("budget") @effect("limit") @limit("1000/1d by agent,session/user_id") @cost("/cents") @over("approval_needed") @reason("The budget is used up.") @approvers("finance")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("few") @effect("limit") @limit("3/1h sliding by agent") @reason("Three an hour.") forbid (principal, action == Aegis::Action::"refund", resource);
@id("cut") @effect("sanitize") @sanitize("set /cents 100") @reason("a hundred at most")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has cut && context.input.cents > 100 };
@id("ask") @effect("approval_needed") @reason("a person") forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has ask };
@id("no") forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has no };
@id("seen") @effect("limit") @limit("0.5/1d by tenant,tool") @cost("/weight") @observe("true") @observe_until("${new Date(Date.now() + 86_400_000).toISOString()}")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has weight };
@id("zz") @effect("approval_needed") @reason("a second person") forbid (principal, action == Aegis::Action::"refund", resource) when { context.input has second };
@id("plain") @effect("limit") @limit("1/1d") forbid (principal, action == Aegis::Action::"read", resource);
`;
const DEFAULTS = { agent: 'bot', tool: 'refund', session: { user_id: 'ann' }, params: { cents: 100 }, now: '2027-01-01T12:00:00Z' };

describe('Tests of policies that are limits', () => {
  const results = (...tests: readonly object[]) =>
    runPolicyTests(engineOf(POLICIES), { defaults: DEFAULTS, tests: tests.map((test, i) => ({ name: `test ${i}`, ...test })) });
  const passes = (...tests: readonly object[]): void => {
    for (const { name, differences } of results(...tests)) expect(differences, name).to.deep.equal([]);
  };

  it('say which limits count a call, and expect what becomes of it where some of a limit is used', () => {
    passes(
      { expect: { effect: 'allow', limits: ['budget', 'few'], violations: [] } },
      { limits: { budget: { used: 900 } }, expect: { effect: 'allow', limits: ['few', 'budget'] } },
      {
        limits: { budget: { used: 900.0001 } },
        expect: { effect: 'approval_needed', reason: 'The budget is used up.', violations: ['budget'], limits: ['budget', 'few'] },
      },
      { limits: { few: { used: 3 } }, expect: { effect: 'deny', code: 'limit_reached', reason: 'Three an hour.', violations: ['few'], limits: [] } },
      // what denies comes before what asks
      { limits: { few: { used: 3 }, budget: { used: 1000 } }, expect: { effect: 'deny', code: 'limit_reached', violations: ['few'] } },
      { params: { cents: 1, no: 1 }, limits: { few: { used: 3 } }, expect: { effect: 'deny', code: 'forbidden', violations: ['no'] } },
      { params: { cents: 1, ask: 1 }, limits: { budget: { used: 1000 } }, expect: { effect: 'approval_needed', violations: ['ask', 'budget'], reason: 'The budget is used up.; a person' } },
      { params: { cents: 1001, second: 1 }, expect: { effect: 'approval_needed', violations: ['budget', 'zz'] } },
      { params: { cents: 1001 }, expect: { effect: 'approval_needed' } },
      { params: { cents: 5000, cut: 1 }, limits: { budget: { used: 900 } }, expect: { effect: 'sanitize', params: { cents: 100, cut: 1 } } },
      { tool: 'read', expect: { effect: 'allow', limits: ['plain'] } },
      { tool: 'read', limits: { plain: { used: 1 } }, expect: { effect: 'deny', reason: 'A limit is reached.' } },
      { tool: 'other', expect: { effect: 'allow', limits: [] } },
    ); // prettier-ignore
  });

  it('deny what cannot be counted, unless the limit is only watched', () => {
    const now = new Date().toISOString();
    passes(
      { params: {}, expect: { effect: 'deny', code: 'limit_cost', violations: ['budget'] } },
      { params: { cents: -1 }, expect: { effect: 'deny', code: 'limit_cost', reason: 'What this call counts for a limit is missing, or is not an amount.' } },
      { session: {}, expect: { effect: 'deny', code: 'limit_unavailable', violations: ['budget'] } },
      { now, params: { cents: 1, weight: 'x' }, expect: { effect: 'allow', observed: [], limits: ['budget', 'few', 'seen'] } },
      { now, params: { cents: 1, weight: 0.5 }, expect: { effect: 'allow', observed: [] } },
      { now, params: { cents: 1, weight: 0.6 }, expect: { effect: 'allow', observed: ['seen'] } },
    ); // prettier-ignore
  });

  it('run calls in order, which count by agent, user and time', () => {
    const two = [{ params: { cents: 500 } }, { params: { cents: 400 } }];
    passes(
      { before: two, expect: { effect: 'allow' } },
      { before: [...two, { params: { cents: 1 } }], expect: { effect: 'deny', code: 'limit_reached', violations: ['few'] } },
      { before: [{ params: { cents: 1000 } }], expect: { effect: 'approval_needed', violations: ['budget'] } },
      { before: [{ params: { cents: 1000 }, session: { user_id: 'bob' } }], expect: { effect: 'allow' } },
      { before: [{ params: { cents: 1000 }, agent: 'other' }], expect: { effect: 'allow' } },
      // a day in UTC
      { before: [{ params: { cents: 1000 }, now: '2026-12-31T23:59:59Z' }], expect: { effect: 'allow' } },
      { before: [{ params: { cents: 1000 }, now: '2027-01-01T00:00:00Z' }], expect: { effect: 'approval_needed' } },
      // the time of counters never goes back
      { before: [{ params: { cents: 1000 }, now: '2027-01-03T00:00:00Z' }], expect: { effect: 'approval_needed' } },
      { before: [{ params: { cents: 1000 }, now: '2027-01-03T00:00:00Z' }], now: '2027-01-04T00:00:00Z', expect: { effect: 'allow' } },
      // what people approve counts as well, and so does what was changed
      { before: [{ params: { cents: 900, ask: 1 } }], params: { cents: 101 }, expect: { effect: 'approval_needed' } },
      { before: [{ params: { cents: 5000, cut: 1 } }], params: { cents: 900 }, expect: { effect: 'allow' } },
      // what no limit counts, and what a watched one cannot count
      {
        before: [{ tool: 'other' }, { params: { cents: 900, weight: 'x' }, now: new Date().toISOString() }],
        expect: { effect: 'allow' },
      },
      { limits: { budget: { used: 800 } }, before: [{}], params: { cents: 101 }, expect: { effect: 'approval_needed' } },
    );
    const at = (minutes: number): object => ({ params: { cents: 1 }, now: new Date(Date.UTC(2027, 0, 1, 12, 3 - minutes)).toISOString() });
    passes(
      { ...at(0), before: [at(50), at(40), at(30)], expect: { effect: 'deny', violations: ['few'] } },
      // a sixteenth more of the time of a sliding window counts
      { ...at(0), before: [at(62), at(40), at(30)], expect: { effect: 'deny' } },
      { ...at(0), before: [at(65), at(40), at(30)], expect: { effect: 'allow' } },
    );
  });

  it('fail where a call before it would not run, and say which', () => {
    const [denied, cannot] = results(
      { before: [{}, { params: { cents: 1, no: 1 } }], expect: { effect: 'allow' } },
      { before: [{ params: {} }], expect: { effect: 'deny' } },
    );
    expect(denied?.differences).to.deep.equal(['before.1: expected a call that runs, got "deny" (forbidden)']);
    expect(cannot?.differences).to.deep.equal([
      'before.0: expected a call that runs, got "deny" (limit_cost)',
      'effect: expected "deny", got "allow"',
    ]);
  });

  it('say what differs in limits', () => {
    const [one] = results({ expect: { effect: 'deny', code: 'limit_reached', limits: ['budget'] } });
    expect(one?.differences).to.deep.equal([
      'effect: expected "deny", got "allow"',
      'code: expected "limit_reached", got nothing',
      'limits: expected ["budget"], got ["budget","few"]',
    ]);
  });

  it('are refused where they name no limit, or no amount', () => {
    const wrong: readonly (readonly [test: object, message: RegExp])[] = [
      [
        { limits: { bugdet: { used: 1 } } },
        /tests\.0\.limits\.bugdet: No policy with @effect\("limit"\) has this id; did you mean 'budget/,
      ],
      [{ limits: { ask: { used: 1 } } }, /tests\.0\.limits\.ask: No policy with @effect\("limit"\) has this id/],
      [{ limits: { __proto__x: { used: 1 } } }, /has this id/],
      [
        { limits: { budget: { used: -1 } } },
        /tests\.0\.limits\.budget\.used: Expected an amount of 0 or more with at most four decimals\./,
      ],
      [{ limits: { budget: { used: 0.00001 } } }, /Expected an amount/],
      [{ limits: { budget: { used: '1' } } }, /tests\.0\.limits\.budget\.used: Expected number/],
      [{ limits: { budget: {} } }, /This key is missing/],
      [{ limits: { budget: { usd: 1 } } }, /did you mean 'used/],
      [{ limits: { budget: 1 } }, /tests\.0\.limits\.budget/],
      [{ before: {} }, /tests\.0\.before/],
      [{ before: [{ parms: {} }] }, /did you mean 'params/],
      [{ before: [{ limits: {} }] }, /tests\.0\.before\.0\.limits: This key is not known/],
      [{ befor: [] }, /did you mean 'before/],
      [{ expect: { effect: 'allow', limit: [] } }, /did you mean 'limits/],
    ];
    for (const [test, message] of wrong)
      expect(() => results({ expect: { effect: 'allow' }, ...test }), JSON.stringify(test)).to.throw(ConfigError, message);
    expect(() => runPolicyTests(engineOf(POLICIES), { defaults: { limits: { none: { used: 1 } } }, tests: [] })).to.throw(
      ConfigError,
      /defaults\.limits\.none/,
    );
  });

  it('are the same in the test kit', () => {
    const call = { agentId: 'bot', toolName: 'refund', params: { cents: 100 }, session: { user_id: 'ann' } };
    const policies = { text: POLICIES };
    expectDecision(policies, call).toAllow();
    expectDecision(policies, { ...call, limits: { budget: { used: 901 } } }).toNeedApproval({ approvals: ['budget'] });
    expectDecision(policies, { ...call, limits: { few: { used: 3 } } }).toDeny({ code: 'limit_reached', violations: ['few'] });
    expect(() => expectDecision(policies, { ...call, limits: { bugdet: { used: 1 } } })).to.throw(ConfigError, "did you mean 'budget'");
    expect(() => expectDecision(policies, { ...call, limits: { budget: { used: -1 } } })).to.throw(ConfigError, /limits\.budget/);
    const text = policySnapshot(policies, [call, { ...call, limits: { few: { used: 3 } } }]);
    expect(text).to.contain('  limits: budget, few').and.to.contain('  deny (limit_reached)');
  });

  it('leave out of what a call counts each limit that it cannot be counted for', () => {
    const engine = engineOf(POLICIES);
    const costsOf = (params: Params): object => {
      const request = requestOf({ agentId: 'bot', toolName: 'refund', params, session: { user_id: 'ann' } });
      const call = { ...request, facts: {}, nowMs: Date.now(), groups: [], removable: [] };
      return Object.fromEntries(new TestedLimits().costsOf(engine.evaluate(call), call));
    };
    expect(costsOf({ cents: 2, weight: 0.5 })).to.deep.equal({ budget: 20_000, few: 10_000, seen: 5_000 });
    expect(costsOf({ cents: 2, weight: 'x' })).to.deep.equal({ budget: 20_000, few: 10_000 });
    expect(costsOf({ weight: 0.5 })).to.deep.equal({ few: 10_000, seen: 5_000 });
    expect(costsOf({ cents: 2, no: 1 })).to.deep.equal({});
  });

  it('say what the service says that counts, of any calls in any order', async () => {
    const clock = sinon.useFakeTimers({ now: Date.UTC(2027, 0, 1), toFake: ['Date'] });
    try {
      let seed = 7;
      const random = (n: number): number => (seed = (seed * 48_271) % 2_147_483_647) % n;
      let cases = 0;
      const effects = new Set<string>();
      for (let round = 0; round < 40; round++) {
        const engine = engineOf(POLICIES);
        const desk = new ApprovalDesk(new MemoryApprovalStore());
        const service = new EmbeddedDecisionService({ policies: { engine }, desk });
        await service.ready();
        const tested = new TestedLimits();
        for (let i = 0; i < 25; i++) {
          clock.tick(random(20) * 60_000);
          const params = { cents: random(12) * 50, ...(random(9) === 0 && { cents: -1 }), ...(random(4) === 0 && { cut: 1 }) };
          const session = random(8) === 0 ? {} : { user_id: ['ann', 'bob'][random(2)] as string };
          const request = requestOf({ agentId: ['bot', 'ops'][random(2)] as string, toolName: 'refund', params, session });
          const call = { ...request, facts: {}, nowMs: Date.now(), groups: [], removable: [] };
          const outcome = engine.evaluate(call);
          const said = tested.outcomeOf(outcome, call);
          const decision = await service.decide(request);
          expect(said.effect, `${round}.${i} ${JSON.stringify([params, session])}`).to.equal(decision.effect);
          if (said.effect === 'allow' || said.effect === 'sanitize') tested.run(outcome, call);
          effects.add(said.effect === 'deny' ? said.code : said.effect);
          cases += 1;
        }
      }
      expect([...effects]).to.include.members(['allow', 'sanitize', 'approval_needed', 'limit_reached', 'limit_cost', 'limit_unavailable']);
      counted({ what: 'calls of which a test of policies says what the service that counts says', cases, wrong: 0 });
    } finally {
      clock.restore();
    }
  });
});
