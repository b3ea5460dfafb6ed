import { expect } from 'chai';
import sinon from 'sinon';
import { cedarGeneration, useCedar } from '../../../lib/policy/wasm/CedarWasm.js';
import { PreparsedSets } from '../../../lib/policy/wasm/PreparsedSets.js';

const texts = (n: number): Map<string, string> =>
  new Map(Array.from({ length: n }, (_, i) => [`p${i}`, 'permit (principal, action, resource);']));

/** How many policies a slot answers with. */
function policiesIn(slot: string): number {
  const uid = { type: 'T', id: 'x' };
  const answer = useCedar((cedar) =>
    cedar.statefulIsAuthorized({ principal: uid, action: uid, resource: uid, context: {}, entities: [], preparsedPolicySetId: slot }),
  );
  return answer.type === 'success' ? answer.response.diagnostics.reason.length : -1;
}

describe('PreparsedSets', () => {
  afterEach(() => sinon.restore());

  it('keeps one slot for each owner', () => {
    const sets = new PreparsedSets();
    const [a, b] = [{}, {}];
    const slot = sets.slotFor(a, texts(1));
    expect(sets.slotFor(b, texts(2))).not.to.equal(slot);
    expect(sets.slotFor(a, texts(1))).to.equal(slot);
    expect(policiesIn(slot)).to.equal(1);
  });

  it('takes slots back from the least recently used, and never from the one that asks', () => {
    const sets = new PreparsedSets({ maxSets: 2, maxPolicies: 10 });
    const [a, b, c] = [{}, {}, {}];
    const slotA = sets.slotFor(a, texts(1));
    const slotB = sets.slotFor(b, texts(2));
    sets.slotFor(a, texts(1));
    expect(sets.slotFor(c, texts(3))).to.equal(slotB);
    expect(sets.slotFor(a, texts(1))).to.equal(slotA);
    expect(policiesIn(sets.slotFor(b, texts(2)))).to.equal(2);
    expect(policiesIn(sets.slotFor({}, texts(50)))).to.equal(50);
    expect(sets.size).to.equal(1);
  });

  it('overwrites what is given back by an empty set', () => {
    const sets = new PreparsedSets();
    const owner = {};
    const slot = sets.slotFor(owner, texts(3));
    sets.release(owner);
    sets.release(owner);
    expect(policiesIn(slot)).to.equal(0);
    expect(sets.size).to.equal(0);
  });

  it('forgets everything when the instance was dropped', () => {
    const sets = new PreparsedSets();
    const owner = {};
    sets.slotFor(owner, texts(1));
    expect(() => useCedar(() => { throw new Error('x'); })).to.throw(); // prettier-ignore
    expect(sets.size).to.equal(0);
    sets.release(owner);
    expect(policiesIn(sets.slotFor(owner, texts(4)))).to.equal(4);
  });

  it('tells when Cedar refuses, and keeps nothing', () => {
    const sets = new PreparsedSets();
    expect(() => sets.slotFor({}, new Map([['a', 'nonsense']]))).to.throw('refused');
    expect(sets.size).to.equal(0);
  });

  it('keeps nothing either where Cedar refuses without a reason', () => {
    const sets = new PreparsedSets();
    useCedar((cedar) => sinon.stub(cedar, 'preparsePolicySet').returns({ type: 'failure', errors: [] }));
    expect(() => sets.slotFor({}, texts(1))).to.throw('no reason');
    expect(sets.size).to.equal(0);
  });

  it('takes a slot back although Cedar fails: its instance is gone, and the set is parsed anew where it is asked for', () => {
    const sets = new PreparsedSets();
    const [a, b] = [{}, {}];
    sets.slotFor(a, texts(1));
    sets.slotFor(b, texts(2));
    const before = cedarGeneration();
    useCedar((cedar) => sinon.stub(cedar, 'preparsePolicySet').throws(new Error('unreachable')));
    sets.release(a);
    expect([cedarGeneration(), sets.size]).to.deep.equal([before + 1, 0]);
    expect(policiesIn(sets.slotFor(b, texts(2)))).to.equal(2);
  });
});
