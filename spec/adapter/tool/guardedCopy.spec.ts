import { expect } from 'chai';
import { guardedCopy, guardedDerivative, guardedRecord } from '../../../lib/adapter/tool/guardedCopy.js';
import { isGuardedTool } from '../../../lib/guard/guardedTools.js';

class Tool {
  readonly name = 'send';
  readonly execute: unknown = () => 'unguarded';
  describe(): string {
    return `sends as ${this.name}`;
  }
}
const guarding = (): string => 'guarded';

describe('A guarded copy of a tool', () => {
  it('has the prototype and all properties of the tool but those replaced, and is marked', () => {
    const mark = Symbol('mark');
    const tool = Object.defineProperty(new Tool(), mark, { value: 'hidden' });
    const copy = guardedCopy(tool, 'execute', { execute: guarding, needsApproval: true });
    expect(copy).to.be.instanceOf(Tool);
    expect(copy.describe()).to.equal('sends as send');
    expect(copy).to.include({ name: 'send', execute: guarding, needsApproval: true, [mark]: 'hidden' });
    expect(isGuardedTool(copy)).to.equal(true);
    expect([isGuardedTool(tool), tool.execute === guarding]).to.deep.equal([false, false]);
  });

  it('is made of a frozen tool too, and is no longer guarded once its function is replaced', () => {
    const copy = guardedCopy(Object.freeze(new Tool()), 'execute', { execute: guarding }) as { execute: unknown };
    expect(copy.execute).to.equal(guarding);
    copy.execute = () => 'another';
    expect(isGuardedTool(copy)).to.equal(false);
  });

  it('can inherit from the tool instead, so that it stays an instance with its private fields', () => {
    const derived = guardedDerivative(new Tool(), 'execute', { execute: { value: guarding } });
    expect(derived).to.be.instanceOf(Tool).and.to.include({ name: 'send', execute: guarding });
    expect(isGuardedTool(derived)).to.equal(true);
  });

  it('guards in the copies that a framework makes of it, to change a description', () => {
    const derived = guardedDerivative(new Tool(), 'execute', { execute: { value: guarding } });
    const copy = Object.assign(Object.create(Object.getPrototypeOf(derived) as object) as Tool, derived, { description: 'other' });
    expect(copy).to.include({ name: 'send', execute: guarding, description: 'other' });
  });
});

describe('A guarded record of tools', () => {
  it('has each tool under its own name, also under __proto__', () => {
    const tools = JSON.parse('{"a": {"n": 1}, "__proto__": {"n": 2}}') as Record<string, { n: number }>;
    const record = guardedRecord(tools, (name, { n }) => ({ n: n * 10, name }) as never);
    expect(Object.entries(record)).to.deep.equal([
      ['a', { n: 10, name: 'a' }],
      ['__proto__', { n: 20, name: '__proto__' }],
    ]);
    expect(Object.getPrototypeOf(record)).to.equal(Object.prototype);
  });
});
