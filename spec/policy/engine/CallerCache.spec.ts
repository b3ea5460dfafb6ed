import { expect } from 'chai';
import { CallerCache } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import { callOf, engineOf } from '../../support/policyCalls.js';

describe('CallerCache', () => {
  it('knows a caller by agent, tool and groups', () => {
    const callers = new CallerCache();
    const groups = ['g'];
    const names = { agentId: 'a', toolName: 't', groups };
    callers.set(names, 'tool_is_group');
    expect(callers.get(names)).to.equal('tool_is_group');
    expect(callers.get({ ...names, groups: ['g'] })).to.equal('tool_is_group');
    for (const other of [{ agentId: 'b' }, { toolName: 'u' }, { groups: [] }, { groups: ['h'] }, { groups: ['g', 'h'] }])
      expect(callers.get({ ...names, ...other })).to.equal(undefined);
    groups[0] = 'h';
    expect(callers.get(names)).to.equal(undefined);
  });

  it('keeps a bounded number', () => {
    const callers = new CallerCache();
    for (let i = 0; i < 5_000; i++) callers.set({ agentId: `a${i}`, toolName: `t${i % 7}`, groups: [] }, 'tool_is_group');
    const kept = Array.from({ length: 5_000 }, (_, i) => callers.get({ agentId: `a${i}`, toolName: `t${i % 7}`, groups: [] })).filter(
      Boolean,
    );
    expect(kept.length).to.be.within(1, 1_024);
  });

  it('keeps 1,024, however often they are told, and forgets them for one more', () => {
    const callers = new CallerCache();
    const names = Array.from({ length: 1_025 }, (_, i) => ({ agentId: `a${i}`, toolName: `t${i % 7}`, groups: [] }));
    const kept = (): number => names.filter((one) => callers.get(one) !== undefined).length;
    for (let again = 0; again < 3; again++) for (const one of names.slice(0, 1_023)) callers.set(one, 'tool_is_group');
    callers.set(names[1_023] as (typeof names)[0], 'tool_is_group');
    expect(kept()).to.equal(1_024);
    callers.set(names[1_024] as (typeof names)[0], 'tool_is_group');
    expect(kept()).to.equal(1);
    for (const one of names.slice(0, 1_000)) callers.set(one, 'tool_is_group');
    expect(kept()).to.equal(1_001);
  });

  it('lets no caller have the answers of another', () => {
    const engine = engineOf(
      '@id("p") permit (principal == Aegis::Agent::"bot", action == Aegis::Action::"tool", resource) when { action in Aegis::Action::"read" };',
    );
    const ask = (more: object): string => engine.evaluate(callOf({}, more)).effect;
    for (let i = 0; i < 3; i++) {
      expect(ask({ groups: ['read'] })).to.equal('allow');
      expect([ask({}), ask({ agentId: 'other', groups: ['read'] }), ask({ toolName: 'x', groups: ['read'] })]).to.deep.equal(['deny', 'deny', 'deny']); // prettier-ignore
    }
  });

  it('decides alike for a tool of many policies, of which each agent has some', () => {
    const text = Array.from({ length: 600 }, (_, i) => `@id("p${i}") permit (principal == Aegis::Agent::"a${i % 300}", action, resource);`).join('\n'); // prettier-ignore
    const engine = engineOf(text);
    for (const agentId of ['a0', 'a299', 'a0']) {
      const { effect, policies } = engine.evaluate(callOf({}, { agentId }));
      expect([effect, policies.length]).to.deep.equal(['allow', 2]);
    }
    expect(engine.evaluate(callOf({}, { agentId: 'b' })).effect).to.equal('deny');
  });
});
