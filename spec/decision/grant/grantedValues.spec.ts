import { expect } from 'chai';
import { grantedValues } from '../../../lib/decision/grant/grantedValues.js';

describe('What each value of a granted call has to be', () => {
  it('is said value by value, in words, for every kind of term', () => {
    const values = grantedValues({
      params: {
        amount: 250,
        share: 0.5,
        currency: 'EUR',
        path: '/srv/a/x',
        note: 'n',
        urgent: true,
        'a/b': { '~': [1, 2], none: {} },
        to: { mail: 'a@acme.com', name: 'Ann' },
      },
      session: { user_id: 'ann' },
      facts: { paid: true },
      loosened: {
        params: {
          '/amount': { '>=': 0, '<=': 300 },
          '/share': { '>': 0.25, '<': 1 },
          '/currency': { in: ['EUR', 'USD'] },
          '/path': { startsWith: '/srv/a/' },
          '/note': 'any',
          '/urgent': 'any',
          '/to/mail': { endsWith: '@acme.com' },
        },
        session: {},
        facts: { '/paid': { in: [true] } },
      },
    });
    expect(values.map(({ place, how, what, isLoosened }) => `${isLoosened ? '~' : '='} ${place}: ${how} ${what}`.trim())).to.deep.equal([
      '~ params/amount: a number >= 0, <= 300',
      '~ params/share: a number > 0.25, < 1',
      '~ params/currency: one of "EUR", "USD"',
      '~ params/path: a text that begins with "/srv/a/"',
      '~ params/note: any text',
      '~ params/urgent: true or false',
      '= params/a~1b/~0: exactly [1,2]',
      '= params/a~1b/none: exactly {}',
      '~ params/to/mail: a text that ends with "@acme.com"',
      '= params/to/name: exactly "Ann"',
      '= session/user_id: exactly "ann"',
      '~ facts/paid: one of true',
    ]);
  });

  it('is nothing where there is nothing', () => {
    const loosened = { params: {}, session: {}, facts: {} };
    expect(grantedValues({ params: {}, session: null, facts: {}, loosened })).to.deep.equal([]);
  });
});
