import { expect } from 'chai';
import { differenceLines, NO_DIFFERENCES } from '../../lib/cli/differenceLines.js';

describe('The table of differences', () => {
  it('says where no policy decides, and how many calls are in rows that are left out', () => {
    const row = { kind: 'newlyAllowed', toolName: 'drop', from: 'deny', to: 'allow', before: [], after: ['all'], calls: 2 } as const;
    const differences = { ...NO_DIFFERENCES.differences, newlyAllowed: 3 };
    const rows = [{ ...row, firstAtMs: 0, lastAtMs: 0 }];
    expect(differenceLines({ compared: 4, differences, rows, otherCalls: 1 })).to.deep.equal([
      'how            calls  tool  effect         policies',
      'newly allowed  2      drop  deny -> allow  none -> all',
      '1 call more in rows that are not shown',
      '4 calls compared: 3 newly allowed, 0 asks fewer, 0 milder, 0 changed, 0 stricter',
    ]);
  });
});
