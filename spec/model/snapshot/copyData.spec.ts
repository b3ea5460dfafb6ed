import { expect } from 'chai';
import { copyData, frozenCopy } from '../../../lib/model/snapshot/copyValue.js';

const data = (): Record<string, any> => ({ a: [1, { b: 2n }], at: new Date(3), n: null, t: 'x' });

describe('copyData', () => {
  it('copies all that a snapshot holds; nothing is shared', () => {
    const from = data();
    const copy = copyData(from);
    expect(copy).to.deep.equal(from);
    copy['a'][1].b = 9n;
    copy['at'].setTime(9);
    expect(from).to.deep.equal(data());
  });
});

describe('frozenCopy', () => {
  it('copies, and freezes throughout', () => {
    const from = data();
    const copy = frozenCopy(from);
    expect(copy).to.deep.equal(from).and.to.be.frozen;
    expect(copy['a']).to.be.frozen;
    expect(copy['a'][1]).to.be.frozen;
    expect(() => (copy['a'][1].b = 9n)).to.throw(TypeError);
    from['at'].setTime(9);
    expect(copy['at'].getTime()).to.equal(3);
    expect(from).to.not.be.frozen;
  });
});
