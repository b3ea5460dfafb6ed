import { expect } from 'chai';
import { EMPTY_RECORD, FieldReader, RecordValue } from '../../../lib/policy/value/Value.js';

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

describe('FieldReader', () => {
  const recordOf = (size: number, from = 0): RecordValue =>
    new RecordValue(
      Array.from({ length: size }, (_, i) => `k${from + i}`),
      Array.from({ length: size }, (_, i) => from + i),
    );

  it('reads its field of one record after another, whatever their names and how many they have', () => {
    const reader = new FieldReader('k5');
    const records = [recordOf(12), recordOf(13), recordOf(200), recordOf(3, 4), recordOf(5), recordOf(13, 6), recordOf(0), recordOf(13)];
    expect(records.map((record) => reader.read(record))).to.deep.equal([5, 5, 5, 5, undefined, undefined, undefined, 5]);
  });

  it('finds nothing that a prototype has, in small and in large records', () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      for (const size of [1, 12, 13]) expect(new FieldReader(name).read(recordOf(size))).to.equal(undefined);
  });
});
