import { expect } from 'chai';
import { AegisAgent, GuardDefinitionError } from '../../lib/index.js';

describe('@AegisAgent', () => {
  for (const id of ['', 'x'.repeat(257), 5, undefined, null])
    it(`refuses ${typeof id === 'string' ? `an id of ${id.length} characters` : `${String(id)} for an id`}`, () => {
      expect(() => AegisAgent(id as string)).to.throw(GuardDefinitionError, 'an agent id');
    });

  it('takes an id of 256 characters', () => {
    expect(() => AegisAgent('x'.repeat(256))).to.not.throw();
  });

  const decorate = AegisAgent('a') as (...placed: unknown[]) => unknown;
  const method = async (): Promise<void> => {};
  const places: readonly (readonly [string, readonly unknown[]])[] = [
    ['a method (TC39)', [method, { kind: 'method', name: 'm' }]],
    ['a field (TC39)', [undefined, { kind: 'field', name: 'f' }]],
    ['a method (legacy)', [{}, 'm', { value: method }]],
    ['a static method (legacy)', [class {}, 'm', { value: method }]],
    ['a static field (legacy)', [class {}, 'f']],
    ['an object', [{}]],
  ];
  for (const [name, placed] of places)
    it(`is refused on ${name}`, () => {
      expect(() => decorate(...placed)).to.throw(GuardDefinitionError, 'decorates classes only');
    });

  it('never replaces the class', () => {
    expect(decorate(class {}, { kind: 'class', name: 'C' })).to.equal(undefined);
    expect(decorate(class {})).to.equal(undefined);
  });
});
