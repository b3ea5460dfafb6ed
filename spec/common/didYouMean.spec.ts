import { expect } from 'chai';
import { didYouMean } from '../../lib/common/didYouMean.js';

describe('didYouMean', () => {
  const known = ['retries', 'timeoutMs', 'policies', 'agentId'];

  it('names the nearest name, whatever its case', () => {
    expect(didYouMean('retrys', known)).to.equal("; did you mean 'retries'?");
    expect(didYouMean('timeoutms', known)).to.equal("; did you mean 'timeoutMs'?");
    expect(didYouMean('agentid', known)).to.equal("; did you mean 'agentId'?");
  });

  it('says nothing where no name is near', () => {
    expect(didYouMean('logger', known)).to.equal('');
    expect(didYouMean('ab', known)).to.equal('');
    expect(didYouMean('retries', [])).to.equal('');
    expect(didYouMean(undefined, known)).to.equal('');
  });

  it('does not compare what is too long to be a typing error', () => {
    expect(didYouMean('a'.repeat(100_000), ['a'.repeat(100_001)])).to.equal('');
    expect(didYouMean('retrys', ['x'.repeat(100_000), 'retries'])).to.equal("; did you mean 'retries'?");
  });
});
