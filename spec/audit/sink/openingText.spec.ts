import { expect } from 'chai';
import { openingIn, openingText } from '../../../lib/audit/sink/openingText.js';
import type { Opening } from '../../../lib/audit/sink/AuditSink.js';

const OPENING: Opening = { seq: 3, decisionId: 'd', requester: 'u', at: 5, salt: 's', values: { effective: '{"a":1}', session: '{}' } };

describe('The text of an opening', () => {
  it('gives the opening back', () => {
    const { requester: _, ...anonymous } = OPENING;
    for (const opening of [OPENING, anonymous, { ...OPENING, values: {} }]) expect(openingIn(openingText(opening))).to.deep.equal(opening);
  });

  it('has no other fields', () => {
    expect(openingText({ ...OPENING, more: 1 } as Opening)).to.equal(openingText(OPENING));
  });

  const BROKEN: readonly unknown[] = [
    null,
    3,
    'text',
    [],
    {},
    { ...OPENING, seq: '3' },
    { ...OPENING, seq: 0.5 },
    { ...OPENING, at: null },
    { ...OPENING, decisionId: 7 },
    { ...OPENING, salt: undefined },
    { ...OPENING, values: null },
    { ...OPENING, values: { effective: 7 } },
    { ...OPENING, values: 'text' },
    { ...OPENING, requester: 7 },
    { ...OPENING, requester: null },
  ];
  for (const broken of BROKEN)
    it(`is not ${JSON.stringify(broken)}`, () => {
      expect(openingIn(JSON.stringify(broken))).to.equal(undefined);
    });

  for (const line of ['', '   ', '  :"d"}', '{"seq":3'])
    it(`is not ${JSON.stringify(line)}, as erasing or a crash leaves it`, () => {
      expect(openingIn(line)).to.equal(undefined);
    });
});
