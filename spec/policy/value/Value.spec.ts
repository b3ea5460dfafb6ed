import { expect } from 'chai';
import { EMPTY_RECORD, RecordValue } from '../../../lib/policy/value/Value.js';

describe('RecordValue', () => {
  for (const size of [0, 1, 12, 13, 200])
    it(`finds each of ${size} fields, and nothing else`, () => {
      const names = Array.from({ length: size }, (_, i) => `k${i}`);
      const record = new RecordValue(
        names,
        names.map((_, i) => i),
      );
      for (const [i, name] of names.entries()) expect(record.get(name)).to.equal(i);
      for (const name of ['', 'k', `k${size}`, 'constructor', '__proto__', 'undefined']) expect(record.get(name)).to.equal(undefined);
    });

  it('may be empty', () => expect([EMPTY_RECORD.names, EMPTY_RECORD.fields]).to.deep.equal([[], []]));
});
