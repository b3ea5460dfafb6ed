import { expect } from 'chai';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { callOf, engineOf, PERMIT_ALL } from '../../support/policyCalls.js';

type Options = NonNullable<Parameters<typeof engineOf>[1]>;
const effectOf = (text: string, agentId: string, options: Options = {}): string =>
  engineOf(text, options).evaluate(callOf({}, { agentId })).effect;

describe('AgentDirectory', () => {
  it('refuses agents that are badly described', () => {
    const bad = [
      { a: { attributes: { f: () => 1 } } },
      { a: { attributes: JSON.parse('{"__entity":1}') } },
      { a: { roles: [5] } },
      { 'a\ud800': {}, 'a\ufffd': {} },
    ];
    for (const agents of bad) expect(() => engineOf(PERMIT_ALL, { agents: agents as never })).to.throw(ConfigError, 'agents.');
  });

  it('takes any id', () => {
    const agents = JSON.parse('{"__proto__":{"roles":["r"]},"toString":{"roles":["r"]}}') as Record<string, object>;
    const text = '@id("p") permit (principal in Aegis::Role::"r", action, resource);';
    expect(effectOf(text, '__proto__', { agents })).to.equal('allow');
    expect(effectOf(text, 'toString', { agents })).to.equal('allow');
    expect(effectOf(text, 'valueOf', { agents })).to.equal('deny');
  });

  it('never mixes up agents whose type and id read alike', () => {
    const text = '@id("p") permit (principal == Aegis::Agent::"x", action, resource);';
    for (const agentId of ['Aegis::Agent::"x"', 'x"', 'X', ' x', 'x\u0000']) expect(effectOf(text, agentId)).to.equal('deny');
  });
});
