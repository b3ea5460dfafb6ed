import { inspect } from 'node:util';
import { expect } from 'chai';
import { Masked } from '../../../lib/common/data/Masked.js';
import type { Params } from '../../../lib/model/Params.js';
import { AUDIENCES, readSensitive, VIEWS } from '../../../lib/model/view/readSensitive.js';
import type { Sensitive, View } from '../../../lib/model/sensitive/Sensitive.js';
import { hiddenFromApprover, maskedIn, viewOf, withNotes } from '../../../lib/model/view/viewOf.js';
import { notesIn, viewText } from '../../../lib/model/view/viewText.js';
import { withoutValues } from '../../../lib/model/view/withoutValues.js';
import { counted } from '../../support/assurance.js';

const CARD = '4242424242424242';

function sensitive(given: object): Sensitive {
  const read = readSensitive(given);
  if (typeof read === 'string') throw new Error(read);
  return read;
}

const shownAs = (value: unknown, view: View, pointer = '/v'): string =>
  viewText(viewOf({ v: value }, sensitive({ [pointer]: { approver: view } }), 'approver')['v']);

describe('viewOf', () => {
  it('shows as much of a value as its view says', () => {
    const rows: readonly (readonly [value: unknown, view: View, shown: string])[] = [
      [CARD, 'full', `"${CARD}"`],
      [CARD, 'last4', '(hidden, but for the end: …4242)'],
      ['12345678', 'last4', '(hidden, but for the end: …5678)'],
      ['1234567', 'last4', '(hidden)'],
      [4242424242424242, 'last4', '(hidden, but for the end: …4242)'],
      [4242424242424242n, 'last4', '(hidden, but for the end: …4242)'],
      [42, 'last4', '(hidden)'],
      [true, 'last4', '(hidden)'],
      [null, 'length', '(hidden)'],
      ['ann@example.com', 'domain', '(hidden, but for the domain: example.com)'],
      ['https://ann:pw@pay.example.com:8443/x?y=1', 'domain', '(hidden, but for the domain: pay.example.com)'],
      ['a@b@c', 'domain', '(hidden)'],
      ['Ann', 'domain', '(hidden)'],
      [7, 'domain', '(hidden)'],
      ['a', 'length', '(hidden: 1 character)'],
      ['secret', 'length', '(hidden: 6 characters)'],
      [new Date(0), 'length', '(hidden: 24 characters)'],
      ['secret', 'hidden', '(hidden)'],
      [
        ['ann@example.com', 'bob@other.example'],
        'domain',
        '[(hidden, but for the domain: example.com),(hidden, but for the domain: other.example)]',
      ],
      [['a', ['b']], 'length', '[(hidden: 1 character),[(hidden: 1 character)]]'],
      [['a', 'b'], 'hidden', '(hidden)'],
      [[], 'length', '(hidden)'],
      [{ number: CARD }, 'last4', '(hidden)'],
      [{ number: CARD }, 'full', `{"number":"${CARD}"}`],
    ];
    for (const [value, view, shown] of rows) expect(shownAs(value, view), `${inspect(value)} ${view}`).to.equal(shown);
    counted({ what: 'views of values', cases: rows.length, wrong: 0 });
  });

  it('finds what a pointer names by own keys only, and leaves the params as they are', () => {
    const params: Params = { card: { number: CARD, 'a/b~c': 'x'.repeat(9) }, to: ['first@a.example', 'second@b.example'], free: 'free' };
    const before = JSON.stringify(params);
    const shown = viewOf(
      params,
      sensitive({ '/card/number': 'secret', '/card/a~1b~0c': 'secret', '/to/1': { approver: 'domain' } }),
      'approver',
    );
    expect(viewText(shown)).to.equal(
      '{"card":{"a/b~c":(hidden, but for the end: …xxxx),"number":(hidden, but for the end: …4242)},"free":"free","to":["first@a.example",(hidden, but for the domain: b.example)]}',
    );
    expect(maskedIn(shown)).to.deep.equal(['/card/a~1b~0c', '/card/number', '/to/1']);
    expect(JSON.stringify(params)).to.equal(before);
    const misses = ['/to/2', '/card/toString', '/none'];
    for (const pointer of misses)
      expect(viewText(viewOf(params, sensitive({ [pointer]: 'secret' }), 'log')), pointer).to.equal(viewText(params));
    expect(viewOf(params, undefined, 'log')).to.equal(params);
  });

  it('hides all of what a call has in place of the object that holds the value: the agent chooses its shape', () => {
    const params = { card: CARD, to: [{ number: CARD }], free: CARD, big: BigInt(CARD), none: null, empty: [] };
    const names = ['/card/number', '/to/number', '/to/01', '/to/-', '/to/length', '/to/0/number/raw', '/free/0', '/big/number/deep'];
    for (const pointer of names) {
      const masked = sensitive({ [pointer]: 'secret' });
      const [, name = ''] = pointer.split('/');
      const place = pointer.startsWith('/to/0/') ? '/to/0/number' : `/${name}`;
      for (const audience of AUDIENCES) expect(maskedIn(viewOf(params, masked, audience)), pointer).to.deep.equal([place]);
      expect(viewText(viewOf(params, masked, 'approver')), pointer).to.include('(hidden)');
      expect(hiddenFromApprover({ params: {}, originalParams: params, sensitive: masked })).to.deep.equal([place]);
      expect(withoutValues(`is ${CARD} yours?`, params, masked, 'model'), pointer).to.equal('is (hidden) yours?');
    }
    for (const pointer of ['/none/x', '/empty/x', '/gone/x', '/to/1/x']) {
      expect(maskedIn(viewOf(params, sensitive({ [pointer]: 'secret' }), 'log')), pointer).to.deep.equal([]);
      expect(withoutValues(`is ${CARD} yours?`, params, sensitive({ [pointer]: 'secret' }), 'model')).to.equal(`is ${CARD} yours?`);
    }
    // hidden once, it is hidden
    expect(maskedIn(viewOf(params, sensitive({ '/card/a': 'secret', '/card/b/c': 'secret' }), 'log'))).to.deep.equal(['/card']);
  });

  it('gives nothing away of what it hides, however it is looked at', () => {
    let looks = 0;
    for (const audience of AUDIENCES) {
      for (const view of VIEWS.filter((one) => one !== 'full')) {
        const canary = `canary-${audience}-${view}@domain.example`;
        const shown = viewOf({ a: { b: canary } }, sensitive({ '/a/b': { [audience]: view } }), audience);
        const masked = (shown['a'] as Record<string, unknown>)['b'];
        const texts = [
          JSON.stringify(shown),
          inspect(shown, { depth: 9, showHidden: true }),
          viewText(shown),
          String(masked),
          JSON.stringify(notesIn(shown)),
        ];
        for (const text of texts) expect(text).to.not.contain('canary');
        looks += texts.length;
      }
    }
    counted({ what: 'looks at what is hidden', cases: looks, wrong: 0 });
  });

  it('says of two hidden values whether they are equal, though both are written alike', () => {
    const [one, same, other] = [{ v: CARD }, { v: CARD }, { v: 'x'.repeat(12) + '4242' }].map(
      (params) => viewOf(params, sensitive({ '/v': 'secret' }), 'approver')['v'],
    );
    expect([String(one), String(other)]).to.deep.equal(['(hidden, but for the end: …4242)', '(hidden, but for the end: …4242)']);
    expect([Masked.areSame(one, same), Masked.areSame(one, other), Masked.areSame(one, 'x'), Masked.areSame('x', 'x')]).to.deep.equal([
      true,
      false,
      false,
      true,
    ]);
  });

  it('counts what the person who decides is not shown, in what runs and in what was called, each once', () => {
    const of = sensitive({ '/card': 'secret', '/mail': 'personal', '/gone': { approver: 'hidden' } });
    expect(hiddenFromApprover({ params: { card: CARD, mail: 'x' }, originalParams: { card: CARD, gone: 1 }, sensitive: of })).to.deep.equal(
      ['/card', '/gone'],
    );
    expect(hiddenFromApprover({ params: { card: CARD }, originalParams: { card: CARD } })).to.deep.equal([]);
  });

  it('is read again from the notes that a server sends', () => {
    const params = { card: '(hidden)', to: ['a', '(hidden: 1 character)'], n: 1 };
    expect(maskedIn(withNotes(params, ['/card', '/to/1', '/n', '/none', 'bad']))).to.deep.equal(['/card', '/n', '/to/1']);
    expect(viewText(withNotes(params, ['/card', '/n']))).to.equal('{"card":(hidden),"n":(hidden),"to":["a","(hidden: 1 character)"]}');
  });
});
