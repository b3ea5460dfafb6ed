import { expect } from 'chai';
import { prototypeChanges, prototypeState } from './support/prototypes.js';

// Taken when this file is loaded, which is before any spec runs; compared when all have run (T7).
const before = prototypeState();
after('nothing that every object inherits from has changed', () => expect(prototypeChanges(before)).to.deep.equal([]));

describe('The watch over prototypes', () => {
  it('would see a key added, and one replaced', () => {
    const state = prototypeState();
    const polluted = Object.prototype as { admin?: boolean; toString: () => string };
    const { toString } = polluted;
    try {
      polluted.admin = true; // oxlint-disable-line no-extend-native
      polluted.toString = () => ''; // oxlint-disable-line no-extend-native
      expect(prototypeChanges(state)).to.have.members(['Object.prototype.admin', 'Object.prototype.toString']);
    } finally {
      delete polluted.admin;
      polluted.toString = toString; // oxlint-disable-line no-extend-native
    }
    expect(prototypeChanges(state)).to.deep.equal([]);
  });
});
