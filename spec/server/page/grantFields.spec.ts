import { expect } from 'chai';
import type { GrantHistory, GrantProposal } from '../../../lib/model/terms/GrantProposal.js';
import { grantFields } from '../../../lib/server/page/govern/grantFields.js';
import type { Html } from '../../../lib/server/page/html.js';
import { pageTextOf } from '../../support/pageElements.js';
import { NOW_MS } from './inboxExamples.js';

const NONE: GrantHistory = { asked: 0, covered: 0, refused: [], unclear: 0, unclearRefused: [] };

describe('The form of a grant', () => {
  const textOf = (history: Partial<GrantHistory>, more: Partial<GrantProposal> = {}): string => {
    const ceiling = { uses: 10, forMs: 8 * 3_600_000 };
    const proposal: GrantProposal = { decisionId: 'dec_1', digest: 'd', ceiling, values: [], history: { ...NONE, ...history }, ...more };
    return pageTextOf(grantFields(proposal, NOW_MS) as Html);
  };

  it('says what people were asked of this agent and tool, and who refused what it would have covered', () => {
    expect(textOf({})).to.contain('People were asked about no other call of this agent and tool in the last 30 days.');
    expect(textOf({ asked: 1, covered: 1 })).to.contain(
      'Of 1 call of this agent and tool in the last 30 days, 1 had the same params as this one, for the same requester.',
    );
    expect(textOf({ asked: 3, covered: 1, unclear: 2 }))
      .to.contain('Of 3 calls of this agent')
      .and.to.contain('; of 2 it cannot be told, because not all of their params are kept.');
    expect(textOf({ asked: 2_000, covered: 7, more: true })).to.contain('Of the newest 2000 calls of this agent');
    const refused = [
      { decisionId: 'dec_2', by: 'Bob', atMs: NOW_MS - 60_000 },
      { decisionId: 'dec_3', by: undefined, atMs: NOW_MS - 120_000 },
    ];
    expect(textOf({ asked: 5, covered: 3, refused })).to.match(/People refused 2 of them: Bob \S+ UTC, someone \S+ UTC\./);
    expect(textOf({ asked: 5, unclear: 3, unclearRefused: refused })).to.match(/People refused 2 of those of which it cannot be told: Bob/);
  });

  it('is not there where there can be none', () => {
    expect(grantFields(undefined, NOW_MS)).to.equal(false);
    expect(grantFields({ decisionId: 'dec_1', digest: 'd', values: [], history: NONE, why: 'no @grantable' }, NOW_MS)).to.equal(false);
  });
});
