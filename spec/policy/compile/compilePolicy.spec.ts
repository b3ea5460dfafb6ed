import { expect } from 'chai';
import { compilePolicy, type CompiledPolicy } from '../../../lib/policy/compile/compilePolicy.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { policyOf } from '../fuzz/cases.js';
import { outcomeOf } from './bothOutcomes.js';

const sound = (): Policy => policyOf('p', 'permit (principal, action, resource) when { context.input.a == 1 };') as Policy;
const withJson = (more: object): Policy => {
  const policy = sound();
  return { ...policy, json: { ...policy.json, ...more } } as Policy;
};

describe('compilePolicy', () => {
  describe('takes several conditions', () => {
    for (const [conditions, expected] of [
      ['', 'true'],
      ['when { true } unless { false } when { context.input.a == 1 }', 'true'],
      ['when { true } unless { context.input.a == 1 } when { true }', 'false'],
      ['when { false } when { context.input.zz }', 'false'],
      ['when { context.input.zz } when { false }', 'error'],
      ['unless { context.input.zz }', 'error'],
      ['unless { 1 }', 'error'],
    ] as const)
      it(`${conditions || 'none'}: ${expected}`, () => {
        expect(compilePolicy(policyOf('p', `permit (principal, action, resource) ${conditions};`) as Policy)).to.not.equal(undefined);
        expect(outcomeOf(conditions)).to.equal(expected);
      });
  });

  describe('does not compile', () => {
    it('an effect that is none, or another than the policy has', () => {
      expect(compilePolicy(withJson({ effect: 'forbid' }))).to.equal(undefined);
      expect(compilePolicy(withJson({ effect: 'allow' }))).to.equal(undefined);
      expect(compilePolicy({ ...sound(), effect: 'deny' })).to.equal(undefined);
    });

    it('a condition that is neither when nor unless', () => {
      expect(compilePolicy(withJson({ conditions: [{ kind: 'if', body: { Value: true } }] }))).to.equal(undefined);
    });

    it('conditions that are no list', () => {
      expect(compilePolicy(withJson({ conditions: {} }))).to.equal(undefined);
    });
  });

  it('throws where the stack is used up, and remembers nothing of it', () => {
    const policy = sound();
    let compiled: CompiledPolicy | undefined;
    const errors: unknown[] = [];
    // from the very end of the stack upwards, until it compiles
    const dive = (): void => {
      try {
        dive();
      } catch {}
      if (compiled !== undefined) return;
      try {
        compiled = compilePolicy(policy);
      } catch (error) {
        errors.push(error);
      }
    };
    dive();
    expect(compiled?.nodes).to.be.greaterThan(0);
    expect(errors).to.have.length.greaterThan(0);
    for (const error of errors) expect(error).to.be.instanceOf(RangeError);
  });
});
