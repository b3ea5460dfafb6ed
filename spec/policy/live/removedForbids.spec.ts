import { expect } from 'chai';
import { removedForbids } from '../../../lib/policy/live/removedForbids.js';
import { policiesOf } from '../../support/policyCalls.js';

const rule = (id: string, effect: string, annotations = ''): string =>
  `@id("${id}") ${annotations} ${effect} (principal, action, resource);`;
const dropped = (before: string, after: string): string[] =>
  removedForbids(policiesOf(before), policiesOf(after)).map(({ id, how, file }) => `${id} ${how} ${file}`);

describe('removedForbids', () => {
  const ask = '@effect("approval_needed")';

  it('tells forbids that are gone, or became permits', () => {
    expect(dropped(rule('a', 'forbid') + rule('b', 'forbid', ask), rule('c', 'permit'))).to.deep.equal([
      'a removed a.cedar',
      'b removed a.cedar',
    ]);
    expect(dropped(rule('a', 'forbid'), rule('a', 'permit'))).to.deep.equal(['a removed a.cedar']);
  });

  it('tells forbids that no longer deny', () =>
    expect(dropped(rule('a', 'forbid'), rule('a', 'forbid', ask))).to.deep.equal(['a weakened a.cedar']));

  it('says nothing of permits that go and of forbids that stay, grow stricter or change', () => {
    expect(dropped(rule('a', 'permit'), rule('b', 'permit'))).to.deep.equal([]);
    expect(dropped(rule('a', 'forbid', ask), rule('a', 'forbid'))).to.deep.equal([]);
    expect(dropped(rule('a', 'forbid'), `${rule('a', 'forbid', '@severity("low")')}${rule('b', 'forbid')}`)).to.deep.equal([]);
  });
});
