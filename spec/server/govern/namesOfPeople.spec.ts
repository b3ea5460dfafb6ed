import { expect } from 'chai';
import { namesOfPeople } from '../../../lib/server/govern/namesOfPeople.js';
import { servedInbox } from '../../support/servedInbox.js';

describe('The names of people on pages', () => {
  it('are theirs also once they are removed, and any other id is its own name', async () => {
    const inbox = await servedInbox();
    const { id } = await inbox.person('Ann Lee');
    await inbox.identity.people.remove(id, 'spec');
    const nameOf = await namesOfPeople(inbox.identity);
    expect([id, 'host:ann', 'person-unknown', 'auto-halt'].map(nameOf)).to.deep.equal([
      'Ann Lee',
      'host:ann',
      'person-unknown',
      'auto-halt',
    ]);
    await inbox.close();
  });
});
