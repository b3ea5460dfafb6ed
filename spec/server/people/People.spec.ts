import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import type { Identity } from '../../../lib/server/people/Identity.js';
import type { IssuerAccount, Person } from '../../../lib/server/people/Person.js';
import type { RecordChange, StoredRecord } from '../../../lib/store/RecordStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { firstPerson, invited } from './arrivals.js';
import { identityOf, ORIGIN } from './identitySetup.js';

const HOUR = 3_600_000;
const ISSUER = 'https://id.example.com';

describe('People', () => {
  let clock: SinonFakeTimers;
  let identity: Identity;
  beforeEach(() => {
    clock = useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance'] });
    identity = identityOf();
  });
  afterEach(() => clock.restore());

  it('are refused where a field cannot be one, naming it', async () => {
    const bad: readonly [string, object][] = [
      ...['', ' ', 'x'.repeat(129), 'a\nb', 'a\u202eb', 'a\u200bb'].map((name): [string, object] => ['name', { name }]),
      ...[['Admin'], ['root'], [''], ['approver', 'owner']].map((roles): [string, object] => ['roles', { name: 'Ann', roles }]),
      ...[[''], ['a,b'], ['x'.repeat(129)], ['a\u0000'], Array.from({ length: 101 }, (_, i) => `g${i}`)].map((groups): [string, object] => [
        'groups',
        { name: 'Ann', groups },
      ]),
      ...[[''], ['a b'], ['host:root'], ['HOST:x'], ['local-admin'], ['Local-Admin'], ['\uff21nn'], ['x'.repeat(257)]].map(
        (userIds): [string, object] => ['userIds', { name: 'Ann', userIds }],
      ),
    ];
    for (const [field, given] of bad) {
      const tried = identity.people.create({ name: 'Ann', ...given }, 'host:ops');
      expect(await rejection(tried), JSON.stringify(given)).to.include({ status: 422, code: 'invalid_person', field });
    }
    console.log(`      ${bad.length} fields: 0 taken`);
    expect((await identity.people.list()).people).to.deep.equal([]);
  });

  it('have ids of their own: no two have one, in any case, also where two admins give it at a time', async () => {
    const ann = await identity.people.create({ name: 'Ann', userIds: ['u-1', 'ann@acme.example'] }, 'x');
    const bob = await identity.people.create({ name: 'Bob' }, 'x');
    for (const id of ['u-1', 'U-1', 'ANN@acme.example', ann.id.toUpperCase(), 'ann\u200b@acme.example'.replace('\u200b', '')]) {
      expect(await rejection(identity.people.change(bob.id, { userIds: [id] }, 'x')), id).to.include({ status: 409, code: 'id_taken' });
      expect(await rejection(identity.people.create({ name: 'Carl', userIds: [id] }, 'x')), id).to.include({ code: 'id_taken' });
    }
    expect((await identity.people.change(ann.id, { userIds: ['u-2'] }, 'x')).userIds).to.deep.equal(['u-2']);
    expect((await identity.people.change(bob.id, { userIds: ['u-1'] }, 'x')).userIds).to.deep.equal(['u-1']);
    await Promise.allSettled([
      identity.people.change(ann.id, { userIds: ['u-9'] }, 'x'),
      identity.people.change(bob.id, { userIds: ['u-9'] }, 'x'),
    ]);
    const { people } = await identity.people.list();
    expect(people.filter(({ userIds }) => userIds.includes('u-9')).length).to.be.lessThan(2);
    await Promise.allSettled([1, 2].map((i) => identity.people.create({ name: `P${i}`, userIds: ['u-10'] }, 'x')));
    const active = (await identity.people.list()).people.filter(({ status }) => status === 'active');
    expect(active.filter(({ userIds }) => userIds.includes('u-10')).length).to.be.lessThan(2);
  });

  it('keep their id for ever: a person who was removed is no one, and changes no more', async () => {
    const ann = await identity.people.create({ name: 'Ann', roles: ['approver'], groups: ['finance'], userIds: ['u-1'] }, 'x');
    const removed = await identity.people.remove(ann.id, 'host:ops');
    expect(removed).to.include({ status: 'removed', removedBy: 'host:ops', removedAtMs: Date.now() });
    for (const change of [
      identity.people.change(ann.id, { name: 'A' }, 'x'),
      identity.people.change(ann.id, { roles: ['admin'] }, 'x'),
      identity.people.change(ann.id, { groups: ['g'] }, 'x'),
      identity.people.change(ann.id, { userIds: ['u-2'] }, 'x'),
      identity.people.remove(ann.id, 'x'),
      identity.people.revokeAll(ann.id, 'x'),
    ])
      expect(await rejection(change)).to.include({ status: 403, code: 'person_removed' });
    expect([await identity.directory.personOf(ann.id), await identity.directory.personOf('u-1')]).to.deep.equal([undefined, undefined]);
    expect(await identity.hasPeople()).to.equal(true);
    const next = await identity.people.create({ name: 'Ann', userIds: ['u-1'] }, 'x');
    expect(next.id).to.not.equal(ann.id);
    expect(await rejection(identity.people.change('person-none', { name: 'A' }, 'x'))).to.include({ code: 'resource_not_found' });
  });

  it('always have an admin among them', async () => {
    const ann = await identity.people.create({ name: 'Ann', roles: ['admin'] }, 'x');
    for (const change of [identity.people.remove(ann.id, 'x'), identity.people.change(ann.id, { roles: ['viewer'] }, 'x')])
      expect(await rejection(change)).to.include({ status: 409, code: 'last_admin' });
    const bob = await identity.people.create({ name: 'Bob', roles: ['admin'] }, 'x');
    expect((await identity.people.change(ann.id, { roles: ['viewer', 'admin', 'viewer'] }, 'x')).roles).to.deep.equal(['viewer', 'admin']);
    expect((await identity.people.remove(ann.id, 'x')).status).to.equal('removed');
    expect(await rejection(identity.people.remove(bob.id, 'x'))).to.include({ code: 'last_admin' });
  });

  it('keep an admin though a server stops, or goes on late, right after it announced that one leaves', async () => {
    const store = new MemoryRecordStore();
    const [ann, bob] = [await admin(identityOf(store), 'Ann'), await admin(identityOf(store), 'Bob')];
    let goOn: (() => void) | undefined;
    let isHeld = true;
    const held = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== 'commit' || typeof value !== 'function') return typeof value === 'function' ? value.bind(target) : value;
        return async (change: RecordChange, ...rest: unknown[]): Promise<unknown> => {
          if (isHeld && change.how === 'replace' && change.record.kind === 'person') await new Promise<void>((done) => (goOn = done));
          return Reflect.apply(value, target, [change, ...rest]);
        };
      },
    });
    const late = rejection(identityOf(held).people.remove(ann.id, 'x'));
    await until(() => store.ids('admin-departures').length > 0 && goOn !== undefined);
    const here = identityOf(store);
    clock.tick(29_000);
    expect(await rejection(here.people.remove(bob.id, 'x'))).to.include({ code: 'last_admin' });
    expect((await here.people.change(bob.id, { roles: ['admin', 'viewer'] }, 'x')).roles).to.deep.equal(['viewer', 'admin']);
    clock.tick(1_000);
    expect((await here.people.remove(bob.id, 'x')).status).to.equal('removed');
    isHeld = false;
    goOn?.();
    expect(await late).to.include({ status: 409, code: 'last_admin' });
    expect([(await here.people.get(ann.id))?.status, (await here.people.get(bob.id))?.status]).to.deep.equal(['active', 'removed']);
    expect(JSON.parse((await here.people.list()).tampered ? '' : (store.get('admin-departures', 'admins')?.body as string))).to.deep.equal({
      going: [],
    });
  });

  it('lose no admin while the record of those who leave is not genuine', async () => {
    const store = new MemoryRecordStore();
    const [ann] = [await admin(identityOf(store), 'Ann'), await admin(identityOf(store), 'Bob')];
    const cara = await admin(identityOf(store), 'Cara');
    await identityOf(store).people.remove(ann.id, 'x');
    const row = store.get('admin-departures', 'admins') as StoredRecord;
    store.delete(row.kind, row.id, row.version);
    expect(await rejection(identityOf(store).people.remove(cara.id, 'x'))).to.have.property('name', 'StoreError');
    expect((await identityOf(store).people.get(cara.id))?.status).to.equal('active');
  });

  it('are admins only once their ids are known to be free, so that no other admin goes because of them', async () => {
    const inserted: string[] = [];
    const store = new Proxy(new MemoryRecordStore(), {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...given: [RecordChange]): unknown => {
          const done: unknown = Reflect.apply(value, target, given);
          // another change may be first: then it is tried again
          if (name === 'commit' && done === true && given[0].how === 'insert' && given[0].record.kind === 'person')
            inserted.push(given[0].record.body);
          return done;
        };
      },
    });
    const here = identityOf(store);
    const tries = await Promise.allSettled(
      ['u-2', 'U-2', 'u-3'].map((id) => here.people.create({ name: id, roles: ['admin'], userIds: [id] }, 'x')),
    );
    const codes = tries.map((one) => (one.status === 'rejected' ? (one.reason as { readonly code: string }).code : one.value.roles.join()));
    expect(codes.at(-1)).to.equal('admin');
    expect(codes.slice(0, 2)).to.include('id_taken');
    expect(inserted).to.have.length(3);
    expect(inserted.join()).to.not.include('admin');
  });

  it('who come from an issuer are one by issuer and subject, never by mail or name', async () => {
    const account = (subject: string, more: Partial<IssuerAccount> = {}): IssuerAccount => ({
      issuer: ISSUER,
      subject,
      atMs: Date.now(),
      ...more,
    });
    const from = (one: IssuerAccount) => identity.people.fromIssuer(one, { name: 'Ann', roles: ['viewer'] });
    const ann = await from(account('1', { mail: 'ann@acme.example', groups: ['finance', 'eng'] }));
    expect(await from(account('1', { mail: 'ann@acme.example', groups: ['finance', 'eng'] }))).to.include({ id: ann.id, epoch: 1 });
    const { session, text } = await identity.sessions.create({ personId: ann.id, method: 'oidc' });
    expect(session.method).to.equal('oidc');
    // fewer groups than before: what was given out has ended
    expect(await from(account('1', { mail: 'ann@acme.example', groups: ['eng'] }))).to.include({ id: ann.id, epoch: 2 });
    expect(await identity.sessions.find(text.reveal())).to.equal(undefined);
    const twin = await from(account('2', { mail: 'ANN@acme.example' }));
    const elsewhere = await from({ issuer: 'https://other.example', subject: '1', atMs: Date.now() });
    expect(new Set([ann.id, twin.id, elsewhere.id]).size).to.equal(3);
    expect(twin.accounts[0]).to.not.have.property('mail');
    expect((await identity.directory.personOf('Ann@acme.example'))?.id).to.equal(ann.id);
    expect((await identity.directory.personOf(`${ISSUER}|2`))?.id).to.equal(twin.id);
    const both = await Promise.all([from(account('3')), from(account('3')), from(account('3'))]);
    expect(new Set(both.map(({ id }) => id)).size).to.equal(1);
    expect(await from(account('3'))).to.include({ id: both[0]?.id, status: 'active' });
    await identity.people.remove(ann.id, 'x');
    expect(await rejection(from(account('1')))).to.include({ status: 403, code: 'person_removed' });
  });

  it('get back no role that was taken from them while a change was undone because of an id', async () => {
    const store = new MemoryRecordStore();
    const other = identityOf(store);
    await admin(other, 'Ann');
    const bob = await other.people.create({ name: 'Bob', roles: ['approver', 'admin'], groups: ['finance'] }, 'x');
    let isFirst = true;
    const racing = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'commit') return value.bind(target) as unknown;
        return async (change: RecordChange, ...rest: unknown[]): Promise<unknown> => {
          const isBobs = change.how === 'replace' && change.record.id === bob.id && isFirst;
          if (!isBobs) return Reflect.apply(value, target, [change, ...rest]);
          isFirst = false;
          // someone else gets the id, and Bob loses a role and a group, while his change is on its way
          await other.people.create({ name: 'Cara', userIds: ['u-1'] }, 'x');
          const done: unknown = Reflect.apply(value, target, [change, ...rest]);
          await other.people.change(bob.id, { roles: ['approver'], groups: [] }, 'x');
          return done;
        };
      },
    });
    expect(await rejection(identityOf(racing).people.change(bob.id, { userIds: ['u-1'] }, 'x'))).to.include({ code: 'id_taken' });
    expect(await other.people.get(bob.id)).to.deep.include({ roles: ['approver'], groups: [], userIds: [] });
  });

  it('have ids of their own where two are confirmed at the same instant with the same one', async () => {
    const store = new MemoryRecordStore();
    const servers = [identityOf(store), identityOf(store)] as const;
    const came = [];
    for (const name of ['Bob', 'Cara']) {
      const { invitation, text } = await servers[0].invitations.create({ name, roles: ['approver'], userIds: ['u-7'] }, 'host:ops');
      const response = new SoftAuthenticator(ORIGIN).create(await servers[0].invitations.options(text.reveal(), name, ORIGIN));
      await servers[0].invitations.register(text.reveal(), { name, origin: ORIGIN, response });
      came.push(invitation.id);
    }
    const done = await Promise.allSettled(came.map((id, i) => (servers[i] as Identity).invitations.confirm(id, 'host:ops')));
    for (const one of done) if (one.status === 'rejected') expect(one.reason).to.include({ code: 'id_taken' });
    const { people } = await servers[0].people.list();
    expect(people.filter(({ userIds }) => userIds.includes('u-7')).length).to.be.at.most(1);
    await servers[1].directory.personOf('u-7');
  });

  it('have no mail address of an issuer that no one may have as an id', async () => {
    const bad = [
      'host:root',
      'HOST:ops@acme.example',
      'local-admin',
      'Local-Admin',
      'a b@acme.example',
      `${'x'.repeat(300)}@acme.example`,
      'a\u202e@x',
      ' ',
      '',
    ];
    let taken = 0;
    for (const [i, mail] of bad.entries()) {
      const one = await identity.people.fromIssuer({ issuer: ISSUER, subject: `s-${i}`, mail, atMs: Date.now() }, { name: 'Ann' });
      if (one.accounts[0]?.mail !== undefined) taken += 1;
      const again = await identity.people.fromIssuer({ issuer: ISSUER, subject: `s-${i}`, mail, atMs: Date.now() }, { name: 'Ann' });
      expect(again.id).to.equal(one.id);
      if (again.accounts[0]?.mail !== undefined) taken += 1;
    }
    console.log(`      ${bad.length} addresses: ${taken} taken`);
    expect(taken).to.equal(0);
    expect(await identity.directory.personOf('host:root')).to.equal(undefined);
  });

  it('who were removed do not come back from an issuer as someone new where their row was changed or deleted by others', async () => {
    for (const harm of ['delete', 'edit'] as const) {
      const store = new MemoryRecordStore();
      const one = identityOf(store);
      const account = { issuer: ISSUER, subject: '1', groups: ['finance'], atMs: Date.now() };
      const come = (): Promise<Person> => one.people.fromIssuer(account, { name: 'Ann', roles: ['approver'] });
      const ann = await come();
      await one.people.remove(ann.id, 'x');
      expect(await rejection(come())).to.include({ code: 'person_removed' });
      const row = store.get('person', ann.id) as StoredRecord;
      if (harm === 'delete') store.delete('person', ann.id, row.version);
      else store.replace({ ...row, body: row.body.replace('"subject":"1"', '"subject":"2"'), version: row.version + 1 }, row.version);
      expect(await rejection(come()), harm).to.have.property('name', 'StoreError');
      expect(
        (await one.people.list()).people.filter(({ status }) => status === 'active'),
        harm,
      ).to.deep.equal([]);
    }
  });

  describe('in the directory', () => {
    it('have their groups and where they come from; what an issuer said counts for an hour', async () => {
      const account = { issuer: ISSUER, subject: '1', groups: ['finance'], atMs: Date.now() };
      const ann = await identity.people.fromIssuer(account, { name: 'Ann', groups: ['ops'] });
      const bob = await identity.people.fromIssuer({ ...account, subject: '2' }, { name: 'Bob' });
      const shown = async (id: string): Promise<object> => {
        const { groups, groupsFrom, groupsIncomplete } = (await identity.directory.personOf(id)) as NonNullable<
          Awaited<ReturnType<typeof identity.directory.personOf>>
        >;
        return { groups, groupsFrom, groupsIncomplete };
      };
      expect(await shown(ann.id)).to.deep.equal({
        groups: ['ops', 'finance'],
        groupsFrom: `aegis, ${ISSUER}`,
        groupsIncomplete: undefined,
      });
      expect(await shown(bob.id)).to.deep.equal({ groups: ['finance'], groupsFrom: ISSUER, groupsIncomplete: undefined });
      clock.tick(HOUR);
      expect(await shown(bob.id)).to.deep.include({ groups: ['finance'] });
      clock.tick(1);
      expect(await shown(ann.id)).to.deep.equal({ groups: ['ops'], groupsFrom: 'aegis', groupsIncomplete: true });
      expect(await shown(bob.id)).to.deep.equal({ groups: [], groupsFrom: 'aegis', groupsIncomplete: true });
    });

    it('are found by each of their ids, in any case, and by no one else’s', async () => {
      const ann = await identity.people.create({ name: 'Ann', userIds: ['u-1', 'ann'] }, 'x');
      for (const id of [ann.id, 'u-1', 'U-1', 'ANN', ' ann']) expect((await identity.directory.personOf(id))?.id, id).to.equal(ann.id);
      for (const id of ['', 'an', 'ann2', 'Ann Lee', 'host:ops', 'local-admin', '__proto__'])
        expect(await identity.directory.personOf(id), id).to.equal(undefined);
    });

    it('are no one a second after they were removed on another server, and at once on this one', async () => {
      const store = new MemoryRecordStore();
      const [here, there] = [identityOf(store), identityOf(store)];
      const ann = await here.people.create({ name: 'Ann', groups: ['g'] }, 'x');
      for (const one of [here, there]) expect((await one.directory.personOf(ann.id))?.groups).to.deep.equal(['g']);
      await here.people.remove(ann.id, 'x');
      expect(await here.directory.personOf(ann.id)).to.equal(undefined);
      clock.tick(1_000);
      expect(await there.directory.personOf(ann.id)).to.equal(undefined);
    });

    it('cannot be told from one another where rows were written by others: then there is no answer', async () => {
      const store = new MemoryRecordStore();
      const one = identityOf(store);
      const ann = await one.people.create({ name: 'Ann', userIds: ['u-1'] }, 'x');
      const bob = await one.people.create({ name: 'Bob' }, 'x');
      const row = store.get('person', ann.id);
      store.delete('person', ann.id, row?.version as number);
      clock.tick(1_000);
      expect((await one.directory.personOf(bob.id))?.id).to.equal(bob.id);
      for (const id of ['u-1', ann.id, 'unknown'])
        expect(await rejection(asPromise(one.directory.personOf(id)))).to.have.property('name', 'StoreError');
      expect(await identityOf(store).hasPeople()).to.equal(true);
      store.delete('person', bob.id, 1);
      expect([await identityOf(store).hasPeople(), await identityOf(store).isDevelopment()]).to.deep.equal([true, false]);
    });
  });
});

describe('Invitations', () => {
  let clock: SinonFakeTimers;
  let identity: Identity;
  beforeEach(() => {
    clock = useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance'] });
    identity = identityOf();
  });
  afterEach(() => clock.restore());

  const come = async (text: string, name = 'Bob'): Promise<{ readonly id: string; readonly device: SoftAuthenticator }> => {
    const device = new SoftAuthenticator(ORIGIN);
    const response = device.create(await identity.invitations.options(text, name, ORIGIN));
    return { id: (await identity.invitations.register(text, { name, origin: ORIGIN, response })).person.id, device };
  };

  it('work for 72 hours, and give nothing until their maker has confirmed who came', async () => {
    const ann = await firstPerson(identity);
    const carl = await invited(identity, { name: 'Carl', roles: ['admin'] });
    const { invitation, text } = await identity.invitations.create(
      { name: 'Bob', roles: ['approver'], groups: ['finance'] },
      ann.person.id,
    );
    clock.tick(72 * HOUR - 1);
    expect((await identity.invitations.find(text.reveal()))?.status).to.equal('open');
    const bob = await come(text.reveal());
    expect(await identity.people.get(bob.id)).to.deep.include({ status: 'unconfirmed', roles: [], groups: [] });
    expect(await identity.directory.personOf(bob.id)).to.deep.include({ groups: [] });
    for (const by of [carl.person.id, bob.id, 'host:ops'])
      expect(await rejection(identity.invitations.confirm(invitation.id, by)), by).to.include({ status: 403, code: 'not_the_maker' });
    // nor does another admin give them rights past its maker
    for (const given of [
      { roles: ['approver'] },
      { roles: ['viewer'], groups: [] },
      { groups: ['finance'] },
      { userIds: ['bob'] },
    ] as const)
      expect(await rejection(identity.people.change(bob.id, given, carl.person.id))).to.include({ status: 409, code: 'not_confirmed' });
    expect(await identity.people.get(bob.id)).to.deep.include({ status: 'unconfirmed', roles: [], groups: [], userIds: [] });
    expect(await identity.people.change(bob.id, { name: 'Bob Ray', roles: [] }, carl.person.id)).to.include({ name: 'Bob Ray' });
    expect(await identity.invitations.confirm(invitation.id, ann.person.id)).to.deep.include({
      id: bob.id,
      status: 'active',
      roles: ['approver'],
      groups: ['finance'],
    });
    const late = await identity.invitations.create({ name: 'Dan' }, ann.person.id);
    clock.tick(72 * HOUR);
    expect(await identity.invitations.find(late.text.reveal())).to.equal(undefined);
    expect(await rejection(come(late.text.reveal()))).to.include({ status: 410, code: 'link_used' });
    expect((await identity.invitations.list()).map(({ status }) => status)).to.deep.equal(['confirmed', 'confirmed', 'expired']);
  });

  it('that are used, confirmed, revoked and whose person is removed at the same instant leave no one with rights who should have none', async () => {
    let wrong = 0;
    const ends = new Map<string, number>();
    for (let i = 0; i < 60; i++) {
      const store = new MemoryRecordStore();
      const [here, there] = [identityOf(store), identityOf(store)] as const;
      const { invitation, text } = await here.invitations.create(
        { name: 'Bob', roles: ['approver', 'admin'], groups: ['finance'] },
        'host:ops',
      );
      const device = new SoftAuthenticator(ORIGIN);
      const response = device.create(await here.invitations.options(text.reveal(), 'Bob', ORIGIN));
      const come = async (): Promise<string> =>
        (await here.invitations.register(text.reveal(), { name: 'Bob', origin: ORIGIN, response })).person.id;
      const isEarly = i % 3 === 0;
      const id = isEarly ? undefined : await come();
      const acts: (() => Promise<unknown>)[] = [
        () => there.invitations.revoke(invitation.id, 'host:ops'),
        isEarly ? come : () => here.invitations.confirm(invitation.id, 'host:ops'),
        ...(id !== undefined && i % 3 === 2 ? [() => there.people.remove(id, 'host:ops')] : []),
      ];
      await Promise.allSettled((i % 2 === 0 ? acts : acts.reverse()).map((act) => act()));
      const [person] = (await there.people.list()).people;
      const found = (await there.invitations.list()).find((one) => one.id === invitation.id);
      const end = `${person?.status ?? 'no one'}, ${found?.status}`;
      ends.set(end, (ends.get(end) ?? 0) + 1);
      // whose invitation was revoked has no right, in any order
      if (found?.status === 'revoked' && person !== undefined && person.status !== 'removed') wrong += 1;
      if (person?.status === 'unconfirmed' && person.roles.length > 0) wrong += 1;
      const signIn = there.passkeys.signIn({ origin: ORIGIN, response: device.get(await there.passkeys.signInOptions(ORIGIN)) });
      if (
        person?.status !== 'active' &&
        (await signIn.then(
          ({ person: who }) => who.roles.length > 0 || who.status === 'removed',
          () => false,
        ))
      )
        wrong += 1;
      else await signIn.catch(() => undefined);
    }
    console.log(`      60 races: ${[...ends].map(([end, n]) => `${end} ${n}`).join('; ')}`);
    expect(wrong).to.equal(0);
  });

  it('that are revoked let no one in, and remove who came by them and was not confirmed', async () => {
    const ann = await firstPerson(identity);
    const open = await identity.invitations.create({ name: 'Bob' }, ann.person.id);
    await identity.invitations.revoke(open.invitation.id, ann.person.id);
    expect(await rejection(come(open.text.reveal()))).to.include({ status: 410 });
    const used = await identity.invitations.create({ name: 'Bob', roles: ['admin'] }, ann.person.id);
    const { id, device } = await come(used.text.reveal());
    await identity.invitations.revoke(used.invitation.id, ann.person.id);
    await identity.invitations.revoke(used.invitation.id, ann.person.id);
    expect((await identity.people.get(id))?.status).to.equal('removed');
    const response = device.get(await identity.passkeys.signInOptions(ORIGIN));
    expect(await rejection(identity.passkeys.signIn({ origin: ORIGIN, response }))).to.include({ code: 'passkey_refused' });
    expect(await rejection(identity.invitations.confirm(used.invitation.id, ann.person.id))).to.include({ code: 'resource_not_found' });
    const { person } = await invited(identity, { name: 'Carl' });
    const confirmed = (await identity.invitations.list()).find(({ came }) => came?.personId === person.id);
    expect(await rejection(identity.invitations.revoke(confirmed?.id as string, ann.person.id))).to.include({ code: 'resource_not_found' });
    for (const text of ['', 'x', 'A'.repeat(43), open.invitation.id]) expect(await identity.invitations.find(text)).to.equal(undefined);
  });

  it('give no id that another person has', async () => {
    const ann = await firstPerson(identity);
    const { invitation, text } = await identity.invitations.create({ name: 'Bob', userIds: ['u-1'] }, ann.person.id);
    const bob = await come(text.reveal());
    await identity.people.change(ann.person.id, { userIds: ['u-1'] }, 'x');
    expect(await rejection(identity.invitations.confirm(invitation.id, ann.person.id))).to.include({ status: 409, code: 'id_taken' });
    await identity.people.change(ann.person.id, { userIds: [] }, 'x');
    expect(await identity.invitations.confirm(invitation.id, ann.person.id)).to.deep.include({ id: bob.id, userIds: ['u-1'] });
    // what is confirmed once more changes nothing that was changed since
    await identity.people.change(bob.id, { userIds: ['u-2'] }, 'x');
    expect(await identity.invitations.confirm(invitation.id, ann.person.id)).to.deep.include({ userIds: ['u-2'] });
  });
});

describe('Personal tokens', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance'] });
  });
  afterEach(() => clock.restore());

  it('live for at most 8 hours, are ended one by one, and end with their person', async () => {
    const identity = identityOf();
    const ann = await identity.people.create({ name: 'Ann' }, 'x');
    const { session } = await identity.sessions.create({ personId: ann.id, method: 'oidc' });
    for (const lifeMs of [0, -1, 8 * HOUR + 1, NaN, Infinity])
      expect(await rejection(identity.tokens.create(session, 'cli', lifeMs)), String(lifeMs)).to.include({ status: 422, field: 'lifeMs' });
    expect(await rejection(identity.tokens.create(session, ''))).to.include({ status: 422, field: 'name' });
    const [one, two] = [await identity.tokens.create(session, 'one'), await identity.tokens.create(session, 'two', HOUR)];
    expect(one.text.reveal()).to.match(/^aegp_[\w-]{43}$/);
    expect((await identity.tokens.find(one.text.reveal()))?.person.id).to.equal(ann.id);
    for (const odd of ['', one.text.reveal().slice(5), `aegp_${'A'.repeat(43)}`, `aegp_${one.token.id}`])
      expect(await identity.tokens.find(odd)).to.equal(undefined);
    clock.tick(HOUR);
    expect(await identity.tokens.find(two.text.reveal())).to.equal(undefined);
    expect((await identity.tokens.list(ann.id)).map(({ name }) => name)).to.deep.equal(['one']);
    expect(await rejection(identity.tokens.end('person-other', one.token.id, 'x'))).to.include({ code: 'resource_not_found' });
    await identity.tokens.end(ann.id, one.token.id, ann.id);
    expect(await identity.tokens.find(one.text.reveal())).to.equal(undefined);
    const three = await identity.tokens.create(session, 'three');
    await identity.people.remove(ann.id, 'x');
    expect(await identity.tokens.find(three.text.reveal())).to.equal(undefined);
    expect(await rejection(identity.tokens.create(session, 'four'))).to.include({ code: 'resource_not_found' });
  });
});

describe('Challenges', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance'] });
  });
  afterEach(() => clock.restore());

  it('are used once, for what they were given out for, in time, and cost no row until then', async () => {
    const store = new MemoryRecordStore();
    const [here, there] = [identityOf(store), identityOf(store)];
    const use = { purpose: 'verdict', binding: '["ann","s1","dec_1"]' };
    const given = Array.from({ length: 1_000 }, () => here.challenges.issue(use));
    expect([new Set(given).size, store.ids('challenge').length]).to.deep.equal([1_000, 0]);
    const [text = ''] = given;
    for (const other of [
      { ...use, purpose: 'sign-in' },
      { ...use, binding: '["bob","s1","dec_1"]' },
    ])
      expect(await there.challenges.use(text, other)).to.equal(false);
    const tries = await Promise.all(Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? here : there).challenges.use(text, use)));
    expect(tries.filter(Boolean)).to.have.length(1);
    expect(await identityOf(new MemoryRecordStore(), { tenantId: 'acme' }).challenges.use(given[1] as string, use)).to.equal(false);
    let passed = 0;
    for (let i = 0; i < 1_000; i++) {
      const bytes = Buffer.from(given[i % 100] as string, 'base64url');
      bytes[i % bytes.length] = (bytes[i % bytes.length] as number) ^ (1 << (i % 8));
      if (here.challenges.isGood(bytes.toString('base64url'), use)) passed += 1;
    }
    for (const odd of ['', 'x', `${given[2]}=`, ` ${given[2]}`, (given[2] as string).slice(2)])
      if (here.challenges.isGood(odd, use)) passed += 1;
    console.log(`      1,000 altered challenges: ${passed} taken`);
    expect(passed).to.equal(0);
    clock.tick(5 * 60_000 - 1);
    expect(await there.challenges.use(given[3] as string, use)).to.equal(true);
    clock.tick(1);
    expect(await there.challenges.use(given[4] as string, use)).to.equal(false);
    expect(store.ids('challenge')).to.have.length(2);
    await there.prune();
    clock.tick(5 * 60_000);
    await there.prune();
    expect(store.ids('challenge'), 'every ten minutes').to.have.length(2);
    await here.prune();
    expect(store.ids('challenge')).to.have.length(0);
    expect(await there.challenges.use(text, use)).to.equal(false);
  });
});

function admin(identity: Identity, name: string): Promise<Person> {
  return identity.people.create({ name, roles: ['admin'] }, 'spec');
}

async function asPromise<T>(value: T | PromiseLike<T>): Promise<T> {
  return value;
}
