import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { inOneGo } from '../../../lib/common/time/inSlices.js';
import { findLoosened } from '../../../lib/policy/live/findLoosened.js';
import { policiesOf } from '../../support/policyCalls.js';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const WEEK = '2026-12-06T00:00:00Z';
const FORTNIGHT = '2026-12-13T00:00:00Z';
const PAST = '2026-11-22T00:00:00Z';
const ask = (until?: string, id = 'p'): string =>
  `@id("${id}") @effect("approval_needed") ${until === undefined ? '' : `@observe("true") @observe_until("${until}")`} forbid (principal, action, resource);`;
const deny = '@id("p") forbid (principal, action, resource);';
const mask = '@id("p") @effect("sanitize") @sanitize("remove /a") forbid (principal, action, resource);';

const ROWS: readonly (readonly [what: string, before: string, after: string, held: readonly string[]])[] = [
  ['a new policy that is watched', '', ask(WEEK), []],
  ['a policy that asked is watched', ask(), ask(WEEK), ['p observe']],
  ['it is watched for longer', ask(WEEK), ask(FORTNIGHT), ['p observe']],
  ['it is watched for less long', ask(FORTNIGHT), ask(WEEK), []],
  ['it asks now', ask(WEEK), ask(), []],
  ['it is to be watched until a time that is over', ask(), ask(PAST), []],
  ['its end was over, and is not now', ask(PAST), ask(WEEK), ['p observe']],
  ['a forbid asks, and is watched', deny, ask(WEEK), ['p effect', 'p observe']],
  ['a sanitize asks, and is watched', mask, ask(WEEK), ['p sanitize', 'p observe']],
  ['one that is watched takes the place of another', ask(), ask(WEEK, 'q'), ['p removed']],
  ['@observe("false")', ask(), ask(WEEK).replace('"true"', '"false"'), []],
  ['@observe("false") becomes "true"', ask(WEEK).replace('"true"', '"false"'), ask(WEEK), ['p observe']],
];

describe('findLoosened of watched policies', () => {
  let clock: ReturnType<typeof useFakeTimers>;
  beforeEach(() => (clock = useFakeTimers({ now: NOW })));
  afterEach(() => clock.restore());

  for (const [what, before, after, held] of ROWS)
    it(`${held.length === 0 ? 'passes' : 'holds'}: ${what}`, () => {
      const found = inOneGo(findLoosened(policiesOf(before), policiesOf(after)));
      expect(found.map(({ id, how }) => `${id} ${how}`)).to.deep.equal(held);
    });

  it('says until when', () => {
    const [found] = inOneGo(findLoosened(policiesOf(ask()), policiesOf(ask(WEEK))));
    expect(found?.message).to.contain('2026-12-06T00:00:00.000Z');
  });
});
