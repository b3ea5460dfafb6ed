import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { expect } from 'chai';
import { actionScope, checkScope, groupsAsked } from '../../../lib/policy/parse/scope.js';

const ALL: PolicyJson = { effect: 'forbid', principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'All' }, conditions: [] };

function problems(part: Partial<PolicyJson>): string[] {
  const found: string[] = [];
  checkScope({ ...ALL, ...part }, (message) => found.push(message));
  return found;
}

describe('checkScope', () => {
  it('takes both forms in which Cedar writes an entity', () => {
    const role = { type: 'Aegis::Role', id: 'r' };
    const user = { type: 'User', id: 'u' };
    for (const [good, bad] of [
      [role, user],
      [{ __entity: role }, { __entity: user }],
    ] as const) {
      // prettier-ignore
      expect(problems({ principal: { op: 'in', entity: good } })).to.deep.equal([]);
      expect(problems({ principal: { op: '==', entity: bad } })).to.deep.equal([
        'The principal must be an Aegis::Agent, or be in an Aegis::Role; User never matches.',
      ]);
      expect(problems({ principal: { op: 'is', entity_type: 'Aegis::Agent', in: { entity: bad } } })).to.have.length(1);
      expect(problems({ resource: { op: '==', entity: bad } })).to.have.length(1);
      expect(problems({ action: { op: 'in', entities: [bad, bad] } })).to.have.length(2);
    }
  });

  it('names the type that was probably meant: one that is misspelt, or has lost its namespace', () => {
    const place = { id: 'x' };
    expect(problems({ principal: { op: '==', entity: { ...place, type: 'Aegis::Agnet' } } })).to.deep.equal([
      "The principal must be an Aegis::Agent, or be in an Aegis::Role; Aegis::Agnet never matches; did you mean 'Aegis::Agent'?",
    ]);
    expect(problems({ action: { op: '==', entity: { ...place, type: 'Action' } } })).to.deep.equal([
      "The action must be an Aegis::Action; Action never matches; did you mean 'Aegis::Action'?",
    ]);
    // another namespace was not misspelt
    expect(problems({ resource: { op: '==', entity: { ...place, type: 'My::Toolset' } } })).to.deep.equal([
      'The resource must be an Aegis::Toolset; My::Toolset never matches.',
    ]);
  });

  it('has nothing against a place that a template leaves open', () => {
    expect(problems({ principal: { op: '==', slot: '?principal' }, resource: { op: 'in', slot: '?resource' } })).to.deep.equal([]);
    expect(problems({ principal: { op: 'is', entity_type: 'Aegis::Agent', in: { slot: '?principal' } } })).to.deep.equal([]);
    expect(problems({ action: { op: '==', slot: '?action' } })).to.deep.equal([]);
  });
});

describe('actionScope', () => {
  const [a, b] = ['a', 'b'].map((id) => ({ type: 'Aegis::Action', id }));

  it('tells one action, a group, a list and any, in both forms', () => {
    for (const [one, other] of [
      [a, b],
      [{ __entity: a }, { __entity: b }],
    ] as [typeof a, typeof b][]) {
      // prettier-ignore
      expect(actionScope({ op: '==', entity: one! })).to.deep.equal({ kind: 'equals', id: 'a' });
      expect(actionScope({ op: 'in', entity: one! })).to.deep.equal({ kind: 'in', ids: ['a'], list: false });
      expect(actionScope({ op: 'in', entities: [one!, other!] })).to.deep.equal({ kind: 'in', ids: ['a', 'b'], list: true });
    }
    expect(actionScope({ op: 'All' })).to.deep.equal({ kind: 'any' });
  });
});

describe('groupsAsked', () => {
  it('finds the groups that conditions name, however deep', () => {
    const asks = (id: string): object => ({
      in: { left: { Var: 'action' }, right: { Value: { __entity: { type: 'Aegis::Action', id } } } },
    });
    const body = { '||': { left: { '!': { arg: asks('read') } }, right: asks('write') } };
    expect(groupsAsked([{ kind: 'when', body }] as unknown as PolicyJson['conditions'])).to.deep.equal(['read', 'write']);
    const other = { in: { left: { Var: 'principal' }, right: { Value: { __entity: { type: 'Aegis::Role', id: 'r' } } } } };
    expect(groupsAsked([{ kind: 'unless', body: other }] as unknown as PolicyJson['conditions'])).to.deep.equal([]);
  });
});
