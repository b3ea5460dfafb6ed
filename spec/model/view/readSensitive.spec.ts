import { expect } from 'chai';
import { isWithin, readSensitive } from '../../../lib/model/view/readSensitive.js';

describe('The option `sensitive`', () => {
  it('says how each audience is shown a value, with the views of `personal` where it says nothing', () => {
    expect(
      readSensitive({ '/card': 'secret', '/mail': 'personal', '/to': { approver: 'domain', log: 'length' }, '/x': { model: undefined } }),
    ).to.deep.equal({
      '/card': { approver: 'last4', log: 'hidden', model: 'hidden', audit: 'hidden' },
      '/mail': { approver: 'full', log: 'hidden', model: 'hidden', audit: 'hidden' },
      '/to': { approver: 'domain', log: 'length', model: 'hidden', audit: 'hidden' },
      '/x': { approver: 'full', log: 'hidden', model: 'hidden', audit: 'hidden' },
    });
    const read = readSensitive({ '/card': 'secret' });
    expect(readSensitive(read)).to.deep.equal(read);
    expect(Object.isFrozen(read)).to.equal(true);
  });

  const faults: Record<string, readonly [unknown, string]> = {
    'no object': ['secret', 'must be an object'],
    'a list': [['/card'], 'must be an object'],
    'a name instead of a pointer': [{ card: 'secret' }, 'has the key "card", which must be a JSON pointer'],
    'the whole': [{ '': 'secret' }, 'must be a JSON pointer'],
    'a bad escape': [{ '/a~2': 'secret' }, 'must be a JSON pointer'],
    'a prototype': [{ '/__proto__/x': 'secret' }, 'must be a JSON pointer'],
    'a parameter that is not there': [{ '/cards': 'secret' }, "names /cards, but the guard has no parameter 'cards'; did you mean 'card'?"],
    'a parameter that nothing is near to': [{ '/zzzzzz': 'secret' }, "no parameter 'zzzzzz'."],
    'one value in another': [{ '/card': 'secret', '/card-x': 'secret', '/card/number': 'secret' }, 'names both /card and /card/number'],
    'an unknown word': [{ '/card': 'secrets' }, "at /card must have 'secret', 'personal' or an object"],
    'no view': [{ '/card': { approver: 'none' } }, 'at /card must have one of full, last4, domain, length, hidden as the view of approver'],
    'an unknown audience': [
      { '/card': { models: 'hidden' } },
      "at /card must name the audiences approver, log, model and audit, and no other; did you mean 'model'?",
    ],
    null: [{ '/card': null }, 'at /card must have'],
    'too many': [Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`/card/${i}`, 'secret'])), 'more than 64 values'],
  };
  for (const [name, [given, message]] of Object.entries(faults)) {
    it(`is refused where it has ${name}`, () => {
      expect(readSensitive(given, ['card', 'card-x', 'mail']))
        .to.be.a('string')
        .and.to.contain(message);
    });
  }

  it('is within what holds it, and not within what only begins alike', () => {
    expect([isWithin('/a', '/a'), isWithin('/a/b', '/a'), isWithin('/ab', '/a'), isWithin('/a', '/a/b')]).to.deep.equal([
      true,
      true,
      false,
      false,
    ]);
  });
});
