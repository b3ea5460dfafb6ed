import { expect } from 'chai';
import { compilePolicy } from '../../../lib/policy/compile/compilePolicy.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { policyOf } from '../fuzz/cases.js';

const value = { Value: 1 };
const context = { Var: 'context' };

function compiles(body: unknown): boolean {
  const policy = policyOf('p', 'permit (principal, action, resource) when { true };') as Policy;
  const json = { ...(policy.json as object), conditions: [{ kind: 'when', body }] };
  return compilePolicy({ ...policy, json } as Policy) !== undefined;
}

describe('A condition is compiled only where its shape is known exactly:', () => {
  const known: readonly (readonly [string, unknown])[] = [
    ['a literal', value],
    ['an entity', { Value: { __entity: { type: 'T', id: 'x' } } }],
    ['a variable', context],
    ['an operator', { '&&': { left: value, right: value } }],
    ['a negation', { '!': { arg: value } }],
    ['a choice', { 'if-then-else': { if: value, then: value, else: value } }],
    ...['||', '==', '!=', '<', '<=', '>', '>=', '+', '-', '*', 'containsAll', 'containsAny', 'getTag'].map(
      (kind) => [`the operator ${kind}`, { [kind]: { left: value, right: value } }] as const,
    ),
    ['a negative', { neg: { arg: value } }],
    ...['principal', 'action', 'resource'].map((name) => [`the variable ${name}`, { Var: name }] as const),
    ['an attribute', { '.': { left: context, attr: 'a' } }],
    ['has', { has: { left: context, attr: 'a' } }],
    ['has with a path', { has: { left: context, attr: ['a', 'b'] } }],
    ['is', { is: { left: context, entity_type: 'T' } }],
    ['is in', { is: { left: context, entity_type: 'T', in: value } }],
    ['in', { in: { left: context, right: value } }],
    ['like', { like: { left: context, pattern: ['Wildcard', { Literal: 'a' }] } }],
    ['a tag', { hasTag: { left: context, right: value } }],
    ['a set', { Set: [value] }],
    ['a record', { Record: { a: value } }],
    ['contains', { contains: { left: context, right: value } }],
    ['isEmpty', { isEmpty: { arg: context } }],
    ['a function', { decimal: [context] }],
    ['a function of two', { lessThan: [context, context] }],
  ];
  for (const [name, body] of known) it(`${name} is`, () => expect(compiles(body)).to.equal(true));

  for (const [name, body] of known.filter(([, node]) => !('Set' in (node as object)) && !('Record' in (node as object)))) {
    const [[kind, content]] = Object.entries(body as object) as [[string, unknown]];
    if (typeof content !== 'object' || Array.isArray(content)) continue;
    it(`${name} with something more is not`, () => expect(compiles({ [kind]: { ...content, more: 1 } })).to.equal(false));
    for (const field of Object.keys(content as object).filter((field) => !(kind === 'is' && field === 'in')))
      it(`${name} without its ${field} is not`, () => {
        expect(compiles({ [kind]: Object.fromEntries(Object.entries(content as object).filter(([key]) => key !== field)) })).to.equal(
          false,
        );
      });
  }

  const unknown: readonly (readonly [string, unknown])[] = [
    ['no node', null],
    ['a node of no kind', {}],
    ['a node of two kinds', { ...value, ...context }],
    ['another kind', { Slot: '?principal' }],
    ['another variable', { Var: 'input' }],
    ['a literal that is no whole number', { Value: 1.5 }],
    ['a literal that the text of the policy does not have', { Value: 2 ** 60 }],
    ['a literal of nothing', { Value: null }],
    ['an attribute that is no text', { '.': { left: context, attr: 5 } }],
    ['has of nothing', { has: { left: context, attr: [] } }],
    ['has of what is no text', { has: { left: context, attr: [5] } }],
    ['a type that is no text', { is: { left: context, entity_type: 5 } }],
    ['a pattern that is no list', { like: { left: context, pattern: 'a*' } }],
    ['a pattern of something else', { like: { left: context, pattern: ['Star'] } }],
    ['a pattern of two things at once', { like: { left: context, pattern: [{ Literal: 'a', more: 1 }] } }],
    ['a set that is no list', { Set: { 0: value } }],
    ['a record that is a list', { Record: [value] }],
    ['a function without arguments', { decimal: [] }],
    ['a function with one too many', { decimal: [context, context] }],
    ['a function with one too few', { lessThan: [context] }],
    ['a function whose arguments are no list', { decimal: { arg: context } }],
  ];
  for (const [name, body] of unknown) it(`${name} is not`, () => expect(compiles(body)).to.equal(false));
});
