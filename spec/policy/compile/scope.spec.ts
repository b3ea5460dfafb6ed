import { expect } from 'chai';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import { compilePolicy } from '../../../lib/policy/compile/compilePolicy.js';
import { compileScope } from '../../../lib/policy/compile/scope.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { Uncompilable } from '../../../lib/policy/compile/exactFields.js';
import { wasmEvaluator } from '../../../lib/policy/wasm/wasmEvaluator.js';
import { policyOf } from '../fuzz/cases.js';
import { evaluate } from './bothOutcomes.js';

describe('A compiled scope', () => {
  describe('takes a caller in as cedar-wasm does', () => {
    const rows: readonly (readonly [string, boolean])[] = [
      ['principal, action, resource', true],
      ['principal == Aegis::Agent::"Admin::x", action, resource', true],
      ['principal == Aegis::Agent::"y", action, resource', false],
      ['principal == Aegis::Role::"Admin::x", action, resource', false],
      // being in a role is not being it
      ['principal == Aegis::Role::"r", action, resource', false],
      ['principal in Aegis::Role::"r", action, resource', true],
      ['principal in Aegis::Role::"zz", action, resource', false],
      ['principal in Aegis::Agent::"Admin::x", action, resource', true],
      ['principal is Aegis::Agent, action, resource', true],
      ['principal is Aegis::Role, action, resource', false],
      ['principal is Aegis::Agent in Aegis::Role::"r", action, resource', true],
      ['principal is Aegis::Agent in Aegis::Role::"zz", action, resource', false],
      ['principal is Aegis::Role in Aegis::Role::"r", action, resource', false],
      ['principal, action == Aegis::Action::"tool", resource', true],
      ['principal, action == Aegis::Action::"other", resource', false],
      ['principal, action in Aegis::Action::"tool", resource', true],
      ['principal, action in [Aegis::Action::"other", Aegis::Action::"tool"], resource', true],
      ['principal, action in [Aegis::Action::"other"], resource', false],
      ['principal, action in [], resource', false],
      ['principal, action, resource == Aegis::Toolset::"default"', true],
      ['principal, action, resource == Aegis::Toolset::"other"', false],
      ['principal, action, resource is Aegis::Toolset', true],
      ['principal, action, resource in Aegis::Toolset::"other"', false],
    ];
    for (const [scope, expected] of rows)
      it(`${scope}: ${expected}`, () => {
        const policy = policyOf('p', `permit (${scope});`) as Policy;
        expect(compilePolicy(policy)).to.not.equal(undefined);
        for (const make of [compiledEvaluator, wasmEvaluator])
          expect(evaluate(make, [policy])).to.deep.include({ decision: expected ? 'allow' : 'deny', errors: [] });
      });
  });

  const all = { op: 'All' };
  const entity = { type: 'T', id: 'x' };
  describe('is made of nothing whose meaning is not known', () => {
    const unknown: readonly (readonly [string, unknown])[] = [
      ['nothing', undefined],
      ['another operator', { op: 'like' }],
      ['all, and something else', { op: 'All', entity }],
      ['an entity that is not there', { op: '==' }],
      ['an entity and a slot', { op: '==', entity, slot: '?principal' }],
      ['an entity with more than type and id', { op: '==', entity: { ...entity, more: 1 } }],
      ['an entity whose id is no text', { op: '==', entity: { type: 'T', id: 5 } }],
      ['an escape with something beside it', { op: '==', entity: { __entity: entity, more: 1 } }],
      ['in nothing', { op: 'in' }],
      ['in an entity and a list', { op: 'in', entity, entities: [] }],
      ['in what is no list', { op: 'in', entities: entity }],
      ['in an entity and something else', { op: 'in', entity, more: 1 }],
      ['is without a type', { op: 'is' }],
      ['is a type that is no text', { op: 'is', entity_type: 5 }],
      ['is, and something else', { op: 'is', entity_type: 'T', more: 1 }],
      ['is in, and something else', { op: 'is', entity_type: 'T', in: { entity, more: 1 } }],
      ['is in a slot', { op: 'is', entity_type: 'T', in: { slot: '?principal' } }],
    ];
    for (const [name, part] of unknown)
      it(name, () => {
        for (const where of ['principal', 'action', 'resource'])
          expect(() => compileScope({ principal: all, action: all, resource: all, [where]: part })).to.throw(Uncompilable);
      });
  });

  it('may name entities with or without the escape', () => {
    for (const named of [entity, { __entity: entity }])
      expect(() => compileScope({ principal: { op: '==', entity: named }, action: all, resource: all })).to.not.throw();
  });
});
