import { expect } from 'chai';
import { GRANT_FORM, grantOfForm, isGrantField, looseningOfForm, typedGrantForm } from '../../../../lib/decision/wire/grant/grantForm.js';
import { thrown } from '../../../support/standInDecisions.js';

describe('The form that makes a grant', () => {
  const FORM = { grant: 'on', grant_uses: '10', grant_hours: '0.5' };
  const termOf = (kind: string, value: string): unknown =>
    grantOfForm({ ...FORM, grant_path_1: 'params/to', grant_kind_1: kind, grant_value_1: value })?.loosen;

  it('asks for none unless it says so', () => {
    expect(grantOfForm({ ...FORM, grant: '' })).to.equal(undefined);
    expect(grantOfForm({})).to.equal(undefined);
  });

  it('says how often, how long, for whom, and which values', () => {
    const value = {
      grant_path_2: 'session/user',
      grant_kind_2: 'any',
      grant_path_3: 'facts/x',
      grant_kind_3: 'startsWith',
      grant_value_3: 'a/',
    };
    expect(grantOfForm({ ...FORM, ...value, grant_any_requester: 'on' })).to.deep.equal({
      uses: 10,
      for_ms: 1_800_000,
      loosen: {},
      loosen_session: { '/user': 'any' },
      loosen_facts: { '/x': { startsWith: 'a/' } },
      any_requester: true,
    });
  });

  const TERMS: readonly (readonly [kind: string, value: string, term: unknown])[] = [
    ['same', '', undefined],
    ['any', '', 'any'],
    ['range', '0 to 100', { '>=': 0, '<=': 100 }],
    ['range', '-1.5..2', { '>=': -1.5, '<=': 2 }],
    ['range', '0–9', { '>=': 0, '<=': 9 }],
    ['range', '0...5', { '>=': 0, '<=': 0.5 }],
    ['range', '-.5...5', { '>=': -0.5, '<=': 0.5 }],
    ['range', '0.5..1.25', { '>=': 0.5, '<=': 1.25 }],
    ['in', 'EUR, 5, "5", true', { in: ['EUR', 5, '5', true] }],
    ['startsWith', ' /srv/ ', { startsWith: '/srv/' }],
    ['endsWith', '@acme.com', { endsWith: '@acme.com' }],
  ];
  for (const [kind, value, term] of TERMS)
    it(`reads ${kind} ${value}`, () => expect(termOf(kind, value)).to.deep.equal(term === undefined ? {} : { '/to': term }));

  for (const [kind, value] of [
    ['range', '5'],
    ['range', 'a to b'],
    ['range', '0. to 5'],
    ['range', '0....5'],
    ['range', '0..5.'],
    ['range', '0..1.2.3'],
    ['range', '.. to ..'],
    ['like', '*'],
  ] as const)
    it(`refuses ${kind} ${value}`, () => expect(thrown(() => termOf(kind, value))).to.include({ code: 'invalid_grant' }));

  it('says what it loosens also where it asks for no grant, and which value is wrong', () => {
    const value = { grant_path_1: 'params/amount', grant_kind_1: 'range', grant_value_1: '0 to 9' };
    const nothing = { loosen: {}, loosen_session: {}, loosen_facts: {} };
    expect(looseningOfForm({})).to.deep.equal(nothing);
    expect(looseningOfForm({ ...value, grant_any_requester: 'on' })).to.deep.equal({
      ...nothing,
      loosen: { '/amount': { '>=': 0, '<=': 9 } },
      any_requester: true,
    });
    for (const [place, named] of [
      ['params/amount', 'params/amount: a range is two numbers'],
      ['other/amount', 'grant_value_1: a range is two numbers'],
    ] as const)
      expect((thrown(() => looseningOfForm({ ...value, grant_path_1: place, grant_value_1: 'few' })) as Error).message).to.contain(named);
  });

  it('is shown again as it was typed, by the place of each value', () => {
    const { termAt, ...nothing } = typedGrantForm({});
    expect(nothing).to.deep.equal({ isAsked: false, uses: undefined, hours: undefined, anyRequester: false });
    expect(termAt('params/to')).to.deep.equal({ kind: undefined, text: undefined });
    const value = { grant_path_12: 'params/to', grant_kind_12: 'like', grant_value_12: ' 0..' };
    const typed = typedGrantForm({ ...FORM, grant_hours: 'x', grant_any_requester: 'on', ...value });
    expect(typed).to.include({ isAsked: true, uses: '10', hours: 'x', anyRequester: true });
    expect(typed.termAt('params/to')).to.deep.equal({ kind: 'like', text: ' 0..' });
    expect(typed.termAt('params/amount')).to.deep.equal({ kind: undefined, text: undefined });
  });

  it('leaves out what names no value of the call', () => {
    expect(grantOfForm({ ...FORM, grant_path_1: 'other/x', grant_kind_1: 'any' })?.loosen).to.deep.equal({});
    expect(Object.keys(GRANT_FORM).every(isGrantField)).to.equal(true);
    expect(isGrantField('toString')).to.equal(false);
  });
});
