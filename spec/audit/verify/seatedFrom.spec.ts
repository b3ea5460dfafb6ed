import { expect } from 'chai';
import { seatedFrom } from '../../../lib/audit/verify/law/seatedFrom.js';
import type { SeatedPolicy } from '../../../lib/model/terms/fillSeats.js';

const yes = (person: string, ...policies: readonly string[]): { person: string; policies: readonly string[] } => ({ person, policies });
const APART: readonly SeatedPolicy[] = [{ id: 'a', distinct: true }, { id: 'b' }];

describe('The yes with which all policies of a call have their people', () => {
  const cases: readonly (readonly [what: string, yes: Parameters<typeof seatedFrom>[0], index: number])[] = [
    ['is none where no one said yes', [], -1],
    ['is none where one person said yes for both, which are kept apart', [yes('ann', 'a', 'b')], -1],
    ['is none where one person said yes to each in turn', [yes('ann', 'a'), yes('ann', 'b')], -1],
    ['is that of the second person', [yes('ann', 'a', 'b'), yes('bob', 'b')], 1],
    ['is that of the second person, after the first one said yes twice', [yes('ann', 'a'), yes('ann', 'b'), yes('bob', 'a')], 2],
    ['is not the last one where more came', [yes('ann', 'b'), yes('bob', 'a'), yes('cat', 'a'), yes('dan', 'b')], 1],
  ];
  for (const [what, given, index] of cases)
    it(what, () => {
      expect(seatedFrom(given, APART)).to.equal(index);
    });
});
