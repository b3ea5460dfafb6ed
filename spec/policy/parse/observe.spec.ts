import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { engineOf, PERMIT_ALL, policiesOf, problemsOf } from '../../support/policyCalls.js';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const SOUND = '2026-12-06T00:00:00Z';
const ask = (annotations: string, effect = '@effect("approval_needed")'): string =>
  `@id("p") ${effect} ${annotations} forbid (principal, action, resource);`;
const observe = (until: string): string => ask(`@observe("true") @observe_until("${until}")`);
const needs = 'a date and time with its zone, such as "2027-01-31T12:00:00Z"';

describe('@observe', () => {
  let clock: ReturnType<typeof useFakeTimers>;
  beforeEach(() => (clock = useFakeTimers({ now: NOW })));
  afterEach(() => clock.restore());

  it('reads the end', () => {
    const ends: Record<string, number> = {
      [SOUND]: Date.UTC(2026, 11, 6),
      '2026-12-06T00:00Z': Date.UTC(2026, 11, 6),
      '2026-12-06T00:00:00.5Z': Date.UTC(2026, 11, 6) + 500,
      '2026-12-06T02:00:00+02:00': Date.UTC(2026, 11, 6),
      // exactly thirty days
      '2026-12-29T12:00:00Z': NOW + 30 * 86_400_000,
      // over: it loads, so that a restart works, and asks
      '2026-11-29T11:59:59Z': NOW - 1_000,
      '1999-01-01T00:00:00Z': Date.UTC(1999, 0, 1),
    };
    for (const [text, at] of Object.entries(ends)) expect(policiesOf(observe(text))[0]?.observeUntilMs, text).to.equal(at);
    for (const annotations of ['', '@observe("false")', `@observe("false") @observe_until("${SOUND}")`])
      expect(policiesOf(ask(annotations))[0], annotations).to.have.property('observeUntilMs', undefined);
  });

  const refused: readonly (readonly [annotations: string, problem: string, column: number])[] = [
    ['@observe("true")', '@observe("true") needs @observe_until', 37],
    [`@observe_until("${SOUND}")`, '@observe_until is only for a policy with @observe("true")', 37],
    ['@observe("yes")', '@observe must be "true" or "false"', 37],
    ['@observe', '@observe must be a value in quotes', 37],
    ['@observe("true") @observe_until', '@observe_until must be a value in quotes', 54],
    ...['', 'soon', '2026-12-06', '2026-12-06T00:00:00', '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2026-12-06T25:00:00Z', '2026-12-06 00:00:00Z', '1780000000000', ' 2026-12-06T00:00:00Z', '+002026-12-06T00:00:00Z', '2026-12-06t00:00:00z'].map((text) => [`@observe("true") @observe_until("${text}")`, `@observe_until must be ${needs}`, 54] as const), // prettier-ignore
    ['@observe("true") @observe_until("2026-12-29T12:00:00.001Z")', '@observe_until must be at most 30 days from now', 54],
    ['@observe("true") @observe_until("9999-12-31T23:59:59Z")', '@observe_until must be at most 30 days from now', 54],
    ['@observe("false") @observe_until("9999-12-31T23:59:59Z")', '@observe_until must be at most 30 days from now', 55],
    ['@observ("true")', 'Unknown annotation @observ', 37],
  ];
  for (const [annotations, problem, column] of refused)
    it(`refuses ${annotations}, and says where`, () => {
      const [first, ...others] = problemsOf(PERMIT_ALL + ask(annotations));
      expect(others).to.deep.equal([]);
      expect(first?.toLowerCase())
        .to.match(new RegExp(`^a\\.cedar:2:${column} `))
        .and.contain(`[p] ${problem}`.toLowerCase().slice(4));
    });

  it('is for approval policies only', () => {
    const both = `@observe("true") @observe_until("${SOUND}")`;
    const others = [ask(both, ''), ask(both, '@effect("deny")'), ask(both, '@effect("sanitize") @sanitize("remove /a")'), ask(both, '').replace('forbid', 'permit')]; // prettier-ignore
    for (const text of others) {
      const problems = problemsOf(PERMIT_ALL + text);
      expect(problems, text).to.have.length(2);
      expect(problems[0]).to.match(/^a\.cedar:2:\d+ \[p\] @observe is only for a forbid with @effect\("approval_needed"\)/);
      expect(problems[1]).to.match(/^a\.cedar:2:\d+ \[p\] @observe_until is only for/);
    }
  });

  it('is part of the hash: an approval under the watched text is none under another', () => {
    const hashes = [ask(''), observe(SOUND), observe('2026-12-07T00:00:00Z')].map((text) => engineOf(PERMIT_ALL + text).hash);
    expect(new Set(hashes).size).to.equal(3);
  });
});
