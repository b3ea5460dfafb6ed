import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { rejection } from '../../support/rejection.js';
import { identityOf } from './identitySetup.js';

const HOUR = 3_600_000;

describe('Sessions', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance'] });
  });
  afterEach(() => clock.restore());

  it('let a person in by their secret, of which only a hash is kept', async () => {
    const store = new MemoryRecordStore();
    const identity = identityOf(store);
    const ann = await identity.people.create({ name: 'Ann', roles: ['viewer'] }, 'host:ops');
    const { session, text } = await identity.sessions.create({ personId: ann.id, method: 'passkey', client: 'Firefox' });
    expect(text.reveal()).to.match(/^[\w-]{43}$/);
    const found = await identity.sessions.find(text.reveal());
    expect([found?.person, found?.session]).to.deep.equal([ann, session]);
    expect(found?.formToken).to.match(/^[\w-]{43}$/);
    const rows = JSON.stringify([store.getAll('session', store.ids('session')), store.heads('session')]);
    expect(rows).to.include(session.id);
    for (const secret of [text.reveal(), found?.formToken as string]) expect(rows).to.not.include(secret);
  });

  it('are new ones each time, so that no one can hand theirs to someone else before they sign in', async () => {
    const identity = identityOf();
    const ann = await identity.people.create({ name: 'Ann' }, 'host:ops');
    const texts = new Set<string>();
    for (let i = 0; i < 100; i++) texts.add((await identity.sessions.create({ personId: ann.id, method: 'passkey' })).text.reveal());
    expect(texts.size).to.equal(100);
  });

  it('end after 8 hours without use, and after 24 hours in any case', async () => {
    const identity = identityOf();
    const ann = await identity.people.create({ name: 'Ann' }, 'host:ops');
    const idle = await identity.sessions.create({ personId: ann.id, method: 'passkey' });
    const used = await identity.sessions.create({ personId: ann.id, method: 'passkey' });
    const isIn = async (text: string): Promise<boolean> => (await identity.sessions.find(text)) !== undefined;
    for (let hours = 0; hours < 24; hours += 4) {
      expect(await isIn(used.text.reveal()), `${hours} h`).to.equal(true);
      clock.tick(4 * HOUR);
    }
    expect(await isIn(used.text.reveal())).to.equal(false);
    expect(await isIn(idle.text.reveal())).to.equal(false);
    const short = await identity.sessions.create({ personId: ann.id, method: 'passkey' });
    clock.tick(8 * HOUR - 1);
    expect(await identity.sessions.list(ann.id)).to.have.length(1);
    clock.tick(1);
    expect(await isIn(short.text.reveal())).to.equal(false);
    expect(await identity.sessions.list(ann.id)).to.have.length(0);
  });

  it('are ended one by one, by their person only', async () => {
    const identity = identityOf();
    const ann = await identity.people.create({ name: 'Ann' }, 'host:ops');
    const bob = await identity.people.create({ name: 'Bob' }, 'host:ops');
    const [one, two] = [
      await identity.sessions.create({ personId: ann.id, method: 'passkey' }),
      await identity.sessions.create({ personId: ann.id, method: 'passkey' }),
    ];
    expect(await rejection(identity.sessions.end(bob.id, one.session.id, bob.id))).to.have.property('code', 'resource_not_found');
    await identity.sessions.end(ann.id, one.session.id, ann.id);
    await identity.sessions.end(ann.id, one.session.id, ann.id);
    expect(await identity.sessions.find(one.text.reveal())).to.equal(undefined);
    expect((await identity.sessions.list(ann.id)).map(({ id }) => id)).to.deep.equal([two.session.id]);
  });

  it('end at once on every server when their person is removed, or loses a role or a group, and not when the person gains one', async () => {
    const changes: readonly [string, boolean, (identity: ReturnType<typeof identityOf>, id: string) => Promise<unknown>][] = [
      ['removed', false, ({ people }, id) => people.remove(id, 'host:ops')],
      ['a role less', false, ({ people }, id) => people.change(id, { roles: [] }, 'host:ops')],
      ['a group less', false, ({ people }, id) => people.change(id, { groups: ['b'] }, 'host:ops')],
      ['a role more', true, ({ people }, id) => people.change(id, { roles: ['viewer', 'approver'] }, 'host:ops')],
      ['a group more', true, ({ people }, id) => people.change(id, { groups: ['a', 'b', 'c'] }, 'host:ops')],
      ['renamed', true, ({ people }, id) => people.change(id, { name: 'Anna' }, 'host:ops')],
    ];
    for (const [what, isIn, change] of changes) {
      const store = new MemoryRecordStore();
      const [here, there] = [identityOf(store), identityOf(store)];
      const ann = await here.people.create({ name: 'Ann', roles: ['viewer'], groups: ['a', 'b'] }, 'host:ops');
      const { text } = await here.sessions.create({ personId: ann.id, method: 'passkey' });
      expect(await there.sessions.find(text.reveal()), what).to.not.equal(undefined);
      await change(here, ann.id);
      for (const identity of [here, there]) expect((await identity.sessions.find(text.reveal())) !== undefined, what).to.equal(isIn);
    }
  });

  it('let no one in by a text that is not one, and are written at most every five minutes', async () => {
    const store = new MemoryRecordStore();
    const identity = identityOf(store);
    const ann = await identity.people.create({ name: 'Ann' }, 'host:ops');
    const { text, session } = await identity.sessions.create({ personId: ann.id, method: 'passkey' });
    const secret = text.reveal();
    for (const odd of ['', ' ', secret.slice(1), `${secret}A`, ` ${secret}`, session.id, 'a'.repeat(5_000), '\0'])
      expect(await identity.sessions.find(odd)).to.equal(undefined);
    const versions: number[] = [];
    for (let minutes = 0; minutes < 15; minutes++) {
      await identity.sessions.find(secret);
      versions.push(store.get('session', session.id)?.version as number);
      clock.tick(60_000);
    }
    expect(versions).to.deep.equal([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
    expect(await rejection(identity.sessions.create({ personId: 'person-none', method: 'oidc' }))).to.have.property(
      'code',
      'resource_not_found',
    );
  });
});
