import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { UnsupportedParamError } from '../../../lib/model/errors/CallErrors.js';
import { AegisError } from '../../../lib/model/AegisError.js';
import { type ArgumentList, recordOf } from '../../../lib/model/snapshot/ArgumentList.js';
import { takeArguments, takeParams } from '../../../lib/model/snapshot/takeSnapshot.js';

const LIMITS = { maxBytes: 200, maxDepth: 3, maxKeys: 12 };
const NAMES = ['a', 'b', 'c'];

function outcomeOf(take: () => { value: unknown; firstNull: string | undefined }): unknown {
  try {
    const { value, firstNull } = take();
    const record = recordOf(value as ArgumentList);
    return { digest: canonicalDigest(record), keys: Object.keys(record), firstNull };
  } catch (error) {
    if (!AegisError.is(error)) throw error;
    return { code: error.code, message: error.message };
  }
}

describe('Positional arguments', () => {
  it('are taken as the record of their names would be: the same values, limits and refusals', () => {
    const value = fc.anything({ withDate: true, withBigInt: true, withMap: true, withNullPrototype: true, withSparseArray: true });
    const refused = { yes: 0, no: 0 };
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), (args) => {
        const named = Object.fromEntries(args.map((arg, i) => [NAMES[i], arg]));
        const expected = outcomeOf(() => takeParams(named, LIMITS));
        expect(outcomeOf(() => takeArguments(NAMES, args, LIMITS))).to.deep.equal(expected);
        refused[Object.hasOwn(expected as object, 'code') ? 'yes' : 'no'] += 1;
      }),
      { numRuns: 2_000, seed: 20_261_122 },
    );
    expect(refused.yes).to.be.above(100);
    expect(refused.no).to.be.above(100);
  });

  it('leave an undefined one out of the record, and keep its place', () => {
    const { value } = takeArguments(NAMES, [1, undefined, 3]);
    expect(recordOf(value)).to.deep.equal({ a: 1, c: 3 });
    expect((value as ArgumentList).values).to.deep.equal([1, undefined, 3]);
  });

  it('are copied deeply, and once more for the method', () => {
    const given = { deep: [1] };
    const list = takeArguments(NAMES, [given]).value as ArgumentList;
    given.deep.push(2);
    const own = list.copy();
    (own.values[0] as typeof given).deep.push(3);
    expect(list.values).to.deep.equal([{ deep: [1] }]);
    expect(own.values).to.deep.equal([{ deep: [1, 3] }]);
  });

  it('are shared where nobody can change them', () => {
    for (const args of [
      ['x', 1, true],
      ['x', null, undefined],
    ]) {
      const list = takeArguments(NAMES, args).value as ArgumentList;
      expect(list.copy()).to.equal(list);
    }
  });

  it('are copied however often they were copied before', () => {
    const copy = (takeArguments(NAMES, [{ deep: [1] }]).value as ArgumentList).copy();
    (copy.copy().values[0] as { deep: number[] }).deep.push(2);
    expect(copy.values).to.deep.equal([{ deep: [1] }]);
  });

  it('are refused where a callback of the guard has added to the list since they were named', () => {
    expect(() => takeArguments(['a'], [1, 2])).to.throw(
      UnsupportedParamError,
      'There are more arguments (2) than parameter names (1); name every parameter in the guard.',
    );
  });

  it('are as large as their names too', () => {
    const sized = (maxBytes: number): unknown => takeArguments(['n'.repeat(100), 'other'], [1, undefined], { ...LIMITS, maxBytes }).value;
    // 2 for the place, 100 for the name, 8 for the number; an undefined one is not there
    expect(recordOf(sized(110) as ArgumentList)).to.deep.equal({ ['n'.repeat(100)]: 1 });
    expect(() => sized(109)).to.throw(UnsupportedParamError, 'larger than 109 bytes');
  });
});
