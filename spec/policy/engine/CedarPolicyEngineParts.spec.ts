import { expect } from 'chai';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { preparsedSets } from '../../../lib/policy/wasm/PreparsedSets.js';
import { callOf, engineOf, PERMIT_ALL, wasmEngineOf } from '../../support/policyCalls.js';

describe('The parts of a CedarPolicyEngine', () => {
  it('refuses policies with a problem, by name', () => {
    expect(() => engineOf('permit (principal, action, resource)')).to.throw(ConfigError);
    expect(() => engineOf(PERMIT_ALL + PERMIT_ALL)).to.throw(ConfigError, 'permit-all');
  });

  it('gives its policies in the order of their files', () => {
    const text = '@id("b") permit (principal, action, resource); @id("a") permit (principal, action, resource);';
    expect(engineOf(text).policies.map(({ id }) => id)).to.deep.equal(['b', 'a']);
  });

  it('speaks of no policy where none had a part in a deny', () => {
    expect(engineOf(PERMIT_ALL).evaluate(callOf({}, { toolName: 'x', groups: ['x'] })).policies).to.deep.equal([]);
    expect(engineOf(PERMIT_ALL).evaluate(callOf({ f: () => 1 })).policies).to.deep.equal([]);
  });

  it('calls no policy uncompiled where it was told how to evaluate', () => {
    const odd = '@id("odd") permit (principal, action, resource) when { 9007199254740993 == 9007199254740992 };';
    expect(engineOf(odd).uncompiledPolicies).to.deep.equal(['odd']);
    expect(wasmEngineOf(odd).uncompiledPolicies).to.deep.equal([]);
  });

  it('holds nothing in cedar-wasm after it is loaded, nor after it is released', () => {
    const before = preparsedSets.size;
    // its trial decision asks cedar-wasm, for it has a literal that is not known exactly
    engineOf('@id("odd") permit (principal, action, resource) when { 9007199254740993 == 9007199254740992 };');
    expect(preparsedSets.size).to.equal(before);
    const engine = engineOf(PERMIT_ALL, { verify: 1 });
    expect(preparsedSets.size).to.equal(before);
    for (let i = 0; i < 2; i++) {
      expect(engine.evaluate(callOf()).effect).to.equal('allow');
      expect(preparsedSets.size).to.equal(before + 1);
      engine.release();
      expect(preparsedSets.size).to.equal(before);
    }
  });
});
