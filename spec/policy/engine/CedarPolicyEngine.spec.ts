import { expect } from 'chai';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import type { Evaluation } from '../../../lib/policy/Evaluator.js';
import type { PolicyCall } from '../../../lib/policy/PolicyEngine.js';
import { callOf, engineOf, PERMIT_ALL } from '../../support/policyCalls.js';

const permitWhen = (condition: string): string => `@id("p") permit (principal, action, resource) when { ${condition} };`;
const effectOf = (text: string, call: Partial<PolicyCall> = {}, options: Parameters<typeof engineOf>[1] = {}): string =>
  engineOf(text, options).evaluate(callOf({}, call)).effect;

describe('CedarPolicyEngine', () => {
  describe('shapes a request', () => {
    const agents = { bot: { roles: ['support'], attributes: { level: 3, team: { name: 'x' } } } };

    it('with the agent, its roles and attributes as principal', () => {
      expect(effectOf('@id("p") permit (principal == Aegis::Agent::"bot", action, resource);')).to.equal('allow');
      expect(effectOf('@id("p") permit (principal in Aegis::Role::"support", action, resource);', {}, { agents })).to.equal('allow');
      expect(effectOf('@id("p") permit (principal in Aegis::Role::"other", action, resource);', {}, { agents })).to.equal('deny');
      expect(effectOf(permitWhen('principal.level == 3 && principal.team.name == "x"'), {}, { agents })).to.equal('allow');
      expect(effectOf(permitWhen('principal has level'), { agentId: 'other' }, { agents })).to.equal('deny');
    });

    it('with the tool as action, in call_tool and the groups of its guard', () => {
      expect(effectOf('@id("p") permit (principal, action == Aegis::Action::"tool", resource);')).to.equal('allow');
      expect(effectOf('@id("p") permit (principal, action in Aegis::Action::"call_tool", resource);')).to.equal('allow');
      const read = '@id("p") permit (principal, action in Aegis::Action::"read", resource);';
      expect([effectOf(read), effectOf(read, { groups: ['read'] })]).to.deep.equal(['deny', 'allow']);
      const either = '@id("p") permit (principal, action in [Aegis::Action::"x", Aegis::Action::"write"], resource);';
      expect([effectOf(either), effectOf(either, { toolName: 'x' }), effectOf(either, { groups: ['write'] })]).to.deep.equal([
        'deny',
        'allow',
        'allow',
      ]);
      expect(effectOf(permitWhen('action in Aegis::Action::"read"'), { groups: ['read'] })).to.equal('allow');
    });

    it('with the toolset as resource', () => {
      const text = '@id("p") permit (principal, action, resource == Aegis::Toolset::"billing");';
      expect([effectOf(text), effectOf(text, {}, { toolset: 'billing' })]).to.deep.equal(['deny', 'allow']);
      expect(effectOf('@id("p") permit (principal, action, resource == Aegis::Toolset::"default");')).to.equal('allow');
    });

    it('with input, session, facts and time as context', () => {
      const text = permitWhen(
        'context.input == {a: 1} && context.session == {env: "x"} && context.facts == {n: 2} && context.system.now == datetime("2025-01-01")',
      );
      const call = { params: { a: 1 }, session: { env: 'x' }, facts: { n: 2 }, nowMs: Date.UTC(2025, 0, 1) };
      expect(effectOf(text, call)).to.equal('allow');
      expect(effectOf(permitWhen('context.session == {}'), { session: null })).to.equal('allow');
    });
  });

  it('takes no entity from the params or the session, however they are shaped', () => {
    const text = permitWhen('principal in Aegis::Role::"admin" || context.input.who == Aegis::Role::"admin"');
    const forged = JSON.parse('{"__entity":{"type":"Aegis::Role","id":"admin"}}') as Record<string, unknown>;
    const quiet = { type: 'Aegis::Role', id: 'admin' };
    for (const who of [forged, quiet, 'Aegis::Role::"admin"'])
      expect(effectOf(text, { params: { who }, session: { roles: ['admin'], who } }), JSON.stringify(who)).to.equal('deny');
  });

  describe('where Strands lets a transfer through', () => {
    const text = `${PERMIT_ALL}@id("big") @effect("approval_needed") forbid (principal, action == Aegis::Action::"transfer_funds", resource) when { context.input.amount > 1000 };`;
    const rows: [string, Record<string, unknown>, string][] = [
      ['{amount: 5000}', { amount: 5000 }, 'approval_needed'],
      ['{amount: 1000}', { amount: 1000 }, 'allow'],
      ['{}', {}, 'deny'],
      ['{amt: 5000}', { amt: 5000 }, 'deny'],
      ['{amount: "5000"}', { amount: '5000' }, 'deny'],
      ['{amount: {__extn decimal 9.0}}', { amount: { __extn: { fn: 'decimal', arg: '9.0' } } }, 'deny'],
      ['{amount: 5000.5}', { amount: 5000.5 }, 'deny'],
      ['{amount: 5000, note: null}', { amount: 5000, note: null }, 'approval_needed'],
      ['{amount: null}', { amount: null }, 'deny'],
      ['{amount: 5000n}', { amount: 5000n }, 'approval_needed'],
      ['{amount: 2n ** 60n}', { amount: 2n ** 60n }, 'deny'],
      ['{amount: [5000]}', { amount: [5000] }, 'deny'],
      ['{amount: 5000, note: "\\ud800"}', { amount: 5000, note: '\ud800' }, 'approval_needed'],
    ];
    for (const [name, params, effect] of rows)
      it(`answers ${name} with ${effect}`, () => expect(effectOf(text, { toolName: 'transfer_funds', params })).to.equal(effect));
  });

  it('denies, and never throws, whatever a call holds', () => {
    const engine = engineOf(PERMIT_ALL);
    let deep: unknown = 1;
    for (let i = 0; i < 10_000; i++) deep = { deep };
    const calls: unknown[] = [
      callOf({ a: deep }),
      callOf({ f: () => 1 }),
      callOf(JSON.parse('{"__proto__":{"a":1}}') as Record<string, unknown>),
      callOf({}, { session: { p: Promise.resolve(1) } }),
      callOf({}, { facts: { late: Promise.resolve(true) } }),
      callOf({}, { facts: Promise.resolve({}) as never }),
      callOf({}, { nowMs: Number.NaN }),
      callOf({}, { toolName: 'a b' }),
      callOf({}, { toolName: '' }),
      callOf({}, { toolName: 'x'.repeat(129) }),
      callOf({}, { groups: ['a"b'] }),
      undefined,
      {},
    ];
    for (const call of calls) expect(engine.evaluate(call as PolicyCall)).to.include({ effect: 'deny', code: 'policy_error' });
    const thrower = new Proxy({}, { ownKeys: () => { throw 'no Error'; } }); // prettier-ignore
    expect(engine.evaluate(callOf(thrower))).to.include({ effect: 'deny', code: 'policy_error' });
  });

  describe('keeps tools and groups apart', () => {
    const read = '@id("p") permit (principal, action in Aegis::Action::"read", resource);';

    it('where the policies name the group', () => {
      expect(engineOf(read).evaluate(callOf({}, { toolName: 'read' }))).to.include({ effect: 'deny', code: 'tool_is_group' });
      expect(engineOf(permitWhen('action in Aegis::Action::"read"')).evaluate(callOf({}, { toolName: 'read' }))).to.include({
        code: 'tool_is_group',
      });
    });

    it('where the call, the library or the configuration names it', () => {
      expect(engineOf(PERMIT_ALL).evaluate(callOf({}, { toolName: 'x', groups: ['x'] }))).to.include({ code: 'tool_is_group' });
      expect(engineOf(PERMIT_ALL).evaluate(callOf({}, { toolName: 'call_tool' }))).to.include({ code: 'tool_is_group' });
      expect(engineOf(PERMIT_ALL, { groups: ['y'] }).evaluate(callOf({}, { toolName: 'y' }))).to.include({ code: 'tool_is_group' });
    });
  });

  it('decides for other agents by the same policies', () => {
    const engine = engineOf('@id("p") permit (principal in Aegis::Role::"r", action, resource);');
    const with1 = engine.withAgents({ bot: { roles: ['r'] } });
    expect([engine.evaluate(callOf()).effect, with1.evaluate(callOf()).effect]).to.deep.equal(['deny', 'allow']);
    expect(with1.hash).to.equal(engine.hash);
  });

  describe('hash', () => {
    const a = '@id("a") permit (principal, action, resource);';
    const b = '@id("b") forbid (principal, action, resource);';
    const hashOf = (...files: [string, string][]): string =>
      CedarPolicyEngine.load({ sources: files.map(([file, text]) => ({ file, text })) }).hash;

    it('depends on neither files, their names and order, nor what stands around policies', () => {
      const hash = hashOf(['x.cedar', `${a}\n${b}`]);
      expect(hash).to.match(/^[0-9a-f]{64}$/);
      expect(hashOf(['y.cedar', `${b}${a}`])).to.equal(hash);
      expect(hashOf(['2.cedar', a], ['1.cedar', `// why\n${b}\n`])).to.equal(hash);
    });

    it('depends on every policy', () => {
      expect(hashOf(['x', a])).not.to.equal(hashOf(['x', a + b]));
      expect(hashOf(['x', a])).not.to.equal(hashOf(['x', a.replace('principal,', 'principal in Aegis::Role::"r",')]));
    });
  });

  it('decides alike whatever the order of policies and however often they are asked', () => {
    const texts = [
      PERMIT_ALL,
      '@id("b") forbid (principal, action, resource) when { context.input.a == 1 };',
      '@id("c") @effect("approval_needed") forbid (principal, action, resource) when { context.input.a == 2 };',
    ];
    for (const a of [0, 1, 2]) {
      const outcomes = [texts, [...texts].reverse()].flatMap((order) => [1, 2].map(() => engineOf(order.join('')).evaluate(callOf({ a }))));
      for (const outcome of outcomes) expect(outcome).to.deep.equal(outcomes[0]);
    }
  });

  it('leaves Object.prototype and the call untouched', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const call = callOf({ o: { list: [1, { a: 'x' }] } }, { session: { user_id: 'u' } });
    const copy = structuredClone(call);
    engineOf(PERMIT_ALL).evaluate(call);
    expect(call).to.deep.equal(copy);
    expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(before);
  });

  it('makes a trial decision when it is loaded, and refuses policies that fail it', () => {
    let asked = 0;
    const sources = [{ file: 'a', text: PERMIT_ALL }];
    const all = (): Evaluation => {
      asked += 1;
      return { decision: 'deny', reasons: [], errors: [] };
    };
    CedarPolicyEngine.load({ sources }, () => ({ forCaller: () => ({ evaluate: all, evaluatePermits: all }) }));
    expect(asked).to.equal(1);
    const broken = (): never => {
      throw new Error('trap');
    };
    expect(() => CedarPolicyEngine.load({ sources }, () => ({ forCaller: () => ({ evaluate: broken, evaluatePermits: broken }) })))
      .to.throw(ConfigError, 'cannot be evaluated')
      .with.nested.property('cause.message', 'trap');
  });
});
