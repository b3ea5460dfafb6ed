import { expect } from 'chai';
import type { GrantHistory, GrantProposal } from '../../../lib/model/terms/GrantProposal.js';
import { grantFields } from '../../../lib/server/page/govern/grantFields.js';
import type { GrantFieldsView } from '../../../lib/server/page/govern/grantFields.js';
import { Paths } from '../../../lib/server/page/Paths.js';
import type { Html } from '../../../lib/server/page/html.js';
import { elements, pageTextOf } from '../../support/pageElements.js';
import { NOW_MS } from './inboxExamples.js';

const NONE: GrantHistory = { asked: 0, covered: 0, refused: [], unclear: 0, unclearRefused: [] };

describe('The form of a grant', () => {
  const made = (history: Partial<GrantHistory>, more: Partial<GrantFieldsView> = {}, values: GrantProposal['values'] = []): Html => {
    const ceiling = { uses: 10, forMs: 8 * 3_600_000 };
    const proposal: GrantProposal = { decisionId: 'dec_1', digest: 'd', ceiling, values, history: { ...NONE, ...history } };
    return grantFields({ proposal, nowMs: NOW_MS, paths: new Paths(), ...more }) as Html;
  };
  const textOf = (history: Partial<GrantHistory>, more: Partial<GrantFieldsView> = {}): string => pageTextOf(made(history, more));

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

  it('says with what it counted, and of what it has no history', () => {
    const amount = { place: 'params/amount', how: 'a number', what: '>= 0, <= 100' };
    const nothing = 'The figures are about this call with nothing loosened.';
    for (const counted of [undefined, { loosened: [], anyRequester: false }])
      expect(textOf({ asked: 5 }, { counted }))
        .to.contain('0 had the same params as this one, for the same requester.')
        .and.to.contain(nothing)
        .and.not.to.contain('Counted with');
    expect(textOf({ asked: 5, covered: 2, unclear: 1 }, { counted: { loosened: [amount], anyRequester: false } }))
      .to.contain('Counted with what you loosened: params/amount a number >= 0, <= 100.')
      .and.to.contain(
        'a grant with what you loosened would have covered 2, as far as their params and requester tell; of 1 it cannot be told',
      )
      .and.to.contain('The figures are about what you had loosened when you last counted.')
      .and.not.to.contain(nothing)
      .and.not.to.contain('no session');
    expect(textOf({ asked: 5 }, { counted: { loosened: [], anyRequester: true } }))
      .to.contain('Counted with what you loosened: calls of every user.')
      .and.to.contain('as far as their params tell.');
    const region = { place: 'session/region', how: 'any text', what: '' };
    expect(textOf({ asked: 5 }, { counted: { loosened: [amount, region], anyRequester: true } })).to.contain(
      'params/amount a number >= 0, <= 100; session/region any text; calls of every user. History keeps no session and no facts',
    );
  });

  it('shows what was typed again, by the name of each value, and is open where that matters', () => {
    const values = [
      { in: 'params', path: '/to', value: 'ann' },
      { in: 'params', path: '/amount', value: 40 },
      { in: 'session', path: '/user_id', value: 'u1' },
    ] as const;
    const typed = {
      grant_uses: '3',
      grant_hours: '0.5',
      grant_any_requester: 'on',
      grant_path_1: 'params/amount',
      grant_kind_1: 'range',
      grant_value_1: '0 to "9"',
    };
    const closed = elements(`<form>${made({}, { typed }, values).toString()}</form>`);
    expect(closed.one('details').attr('open')).to.equal(undefined);
    expect(closed.fields()).to.include({ grant_uses: '3', grant_hours: '0.5', grant_value_1: '', grant_value_2: '0 to "9"' });
    expect(closed.all('option[selected]').map((one) => one.attr('value'))).to.deep.equal(['range']);
    expect(closed.all('input[checked]').map((one) => one.attr('name'))).to.deep.equal(['grant_any_requester']);
    const button = closed.one('button[formaction]');
    expect([button.attr('formaction'), button.attr('formnovalidate')]).to.deep.equal(['/a/dec_1/grant-preview#grant', '']);
    for (const more of [
      { typed: { ...typed, grant: 'on' } },
      { counted: { loosened: [], anyRequester: false } },
      { error: 'params/\u202eto: <b>no</b>' },
    ])
      expect(
        elements(made({}, more, values))
          .one('details')
          .attr('open'),
        JSON.stringify(more),
      ).to.equal('');
    const wrong = elements(made({}, { error: 'params/\u202eto: <b>no</b>' }, values));
    expect(wrong.text('#grant-error')).to.contain('RLO').and.to.contain('<b>no</b>');
  });

  it('is not there where there can be none', () => {
    const view = { nowMs: NOW_MS, paths: new Paths() };
    expect(grantFields(view)).to.equal(false);
    const proposal = { decisionId: 'dec_1', digest: 'd', values: [], history: NONE, why: 'no @grantable' };
    expect(grantFields({ ...view, proposal })).to.equal(false);
  });
});
