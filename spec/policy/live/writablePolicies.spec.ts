import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import sinon from 'sinon';
import { writablePolicies } from '../../../lib/policy/live/writablePolicies.js';
import { withFolder } from '../../support/policyCalls.js';

describe('writablePolicies', () => {
  afterEach(() => {
    sinon.restore();
    syncBuiltinESMExports();
  });

  it('tells the folder and the files that may be written', () =>
    withFolder({ 'a.cedar': '', 'b.cedar': '' }, (path) => {
      expect(writablePolicies(path)).to.deep.equal([path, join(path, 'a.cedar'), join(path, 'b.cedar')]);
      expect(writablePolicies(join(path, 'a.cedar'))).to.deep.equal([join(path, 'a.cedar')]);
    }));

  it('leaves out what may not', () =>
    withFolder({ 'a.cedar': '' }, (path) => {
      sinon.stub(fs, 'accessSync').throws(new Error('EACCES'));
      syncBuiltinESMExports();
      expect(writablePolicies(path)).to.deep.equal([]);
    }));

  it('has nothing to say of text and of what is not there', () => {
    expect(writablePolicies({ text: '' })).to.deep.equal([]);
    expect(writablePolicies('/nowhere/at/all')).to.deep.equal([]);
  });
});
