import { expect } from 'chai';
import type { Identity } from '../../../lib/server/people/Identity.js';
import type { RecordStore, SignableRecordStore, StoredRecord } from '../../../lib/store/RecordStore.js';
import { rejection } from '../../support/rejection.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import { firstPerson, invited, signedIn } from './arrivals.js';
import type { Arrived } from './arrivals.js';
import { until } from '../../support/until.js';
import { identityOf, ORIGIN } from './identitySetup.js';

/** An empty database of records, as servers and those who can write it see it. */
export interface IdentityWorld {
  /** A handle on the records of a tenant; each call gives another one where there can be several. */
  records(tenantId?: string): SignableRecordStore;
  /** The rows as they are stored, of the tenant `default`. */
  raw(kind: string): Promise<readonly StoredRecord[]>;
  /** Writes a row over what is there, without any check. */
  put(row: StoredRecord): Promise<void>;
  drop(kind: string, id: string): Promise<void>;
  /** How many rows of a kind are attacked one by one. */
  readonly attackedRows: number;
}

/** The kinds of rows that grant anything. */
const KINDS = ['person', 'passkey', 'session', 'token', 'invitation', 'setup', 'challenge', 'admin-departures'];

/** Who may use a tenant, the same on every store, whoever else writes in it. */
export function behavesLikeIdentity(name: string, make: () => Promise<IdentityWorld>): void {
  describe(`Identity on ${name}`, () => {
    let world: IdentityWorld;
    let here: Identity;
    let there: Identity;
    beforeEach(async () => {
      world = await make();
      here = identityOf(world.records());
      there = identityOf(world.records());
    });

    it('lets the first person in by the setup link, others by invitations, and everyone on each server', async () => {
      expect([await here.hasPeople(), await there.isDevelopment()]).to.deep.equal([false, true]);
      const ann = await firstPerson(here);
      expect(ann.person).to.deep.include({ name: 'Ann', roles: ['approver', 'admin'], status: 'active' });
      expect([await there.hasPeople(), await there.isDevelopment(), await here.setup.begin('serve')]).to.deep.equal([
        true,
        false,
        undefined,
      ]);
      const bob = await invited(there, { name: 'Bob', roles: ['approver'], groups: ['finance'], userIds: ['u-1'] });
      expect(bob.person).to.deep.include({ roles: ['approver'], groups: ['finance'], userIds: ['u-1'] });
      for (const [identity, { device, person }] of [
        [there, ann],
        [here, bob],
      ] as const) {
        const { text } = await signedIn(identity, device);
        for (const server of [here, there]) expect((await server.sessions.find(text))?.person.id).to.equal(person.id);
      }
      expect((await here.people.list()).people.map((person) => person.name).sort()).to.deep.equal(['Ann', 'Bob']);
      expect(await there.directory.personOf('U-1')).to.deep.include({ id: bob.person.id, groups: ['finance'], groupsFrom: 'aegis' });
    });

    it('lets one of 64 use a link, on several servers at a time', async () => {
      const text = (await here.setup.begin('serve'))?.text.reveal() as string;
      const register = async (identity: Identity, i: number): Promise<unknown> => {
        const response = new SoftAuthenticator(ORIGIN).create(await identity.setup.options(text, `P${i}`, ORIGIN));
        return identity.setup.register(text, { name: `P${i}`, origin: ORIGIN, response });
      };
      const tries = await Promise.allSettled(Array.from({ length: 64 }, (_, i) => register(i % 2 === 0 ? here : there, i)));
      expect(tries.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
      const { people } = await here.people.list();
      expect([people.length, (await world.raw('passkey')).length]).to.deep.equal([1, 1]);

      const { text: link, invitation } = await here.invitations.create({ name: 'Bob', roles: ['viewer'] }, 'host:ops');
      const come = async (identity: Identity, i: number): Promise<unknown> => {
        const response = new SoftAuthenticator(ORIGIN).create(await identity.invitations.options(link.reveal(), `B${i}`, ORIGIN));
        return identity.invitations.register(link.reveal(), { name: `B${i}`, origin: ORIGIN, response });
      };
      const comers = await Promise.allSettled(Array.from({ length: 64 }, (_, i) => come(i % 2 === 0 ? here : there, i)));
      expect(comers.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
      for (const tried of [...tries, ...comers])
        if (tried.status === 'rejected') expect(tried.reason).to.include({ status: 410, code: 'link_used' });
      const confirmed = await Promise.all(
        Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? here : there).invitations.confirm(invitation.id, 'host:ops')),
      );
      expect(new Set(confirmed.map(({ id }) => id)).size).to.equal(1);
      expect((await here.people.list()).people).to.have.length(2);
      console.log(`      ${name}: 2 links used 64 times at once: 2 people`);
    });

    it('knows someone who came by a link though the server stopped right after the link was used', async () => {
      const text = (await here.setup.begin('serve'))?.text.reveal() as string;
      const device = new SoftAuthenticator(ORIGIN);
      const response = device.create(await here.setup.options(text, 'Ann', ORIGIN));
      const stopping = identityOf(stoppedAt(world.records(), 'passkey'));
      expect(await rejection(stopping.setup.register(text, { name: 'Ann', origin: ORIGIN, response }))).to.have.property(
        'message',
        'stopped',
      );
      expect(await here.setup.isGood(text)).to.equal(false);
      expect(await there.hasPeople()).to.equal(true);
      expect((await signedIn(there, device)).text).to.be.a('string');

      const { text: link, invitation } = await here.invitations.create({ name: 'Bob', roles: ['viewer'] }, 'host:ops');
      const bobs = new SoftAuthenticator(ORIGIN);
      const made = bobs.create(await here.invitations.options(link.reveal(), 'Bob', ORIGIN));
      expect(
        await rejection(
          identityOf(stoppedAt(world.records(), 'person')).invitations.register(link.reveal(), {
            name: 'Bob',
            origin: ORIGIN,
            response: made,
          }),
        ),
      ).to.have.property('message', 'stopped');
      const bob = await there.invitations.confirm(invitation.id, 'host:ops');
      expect(bob).to.deep.include({ name: 'Bob', roles: ['viewer'], status: 'active' });
      expect((await signedIn(here, bobs)).text).to.be.a('string');
    });

    it('keeps tenants apart: nothing of one opens anything at another', async () => {
      const other = identityOf(world.records('acme'), { tenantId: 'acme' });
      const { person, device } = await firstPerson(here);
      const { text } = await signedIn(here, device);
      const session = (await here.sessions.find(text))?.session;
      const token = (await here.tokens.create(session as NonNullable<typeof session>, 'cli')).text.reveal();
      const invitation = (await here.invitations.create({ name: 'Bob' }, person.id)).text.reveal();
      const link = (await here.setup.reopen('host:ops')).text.reveal();
      expect([
        await other.sessions.find(text),
        await other.tokens.find(token),
        await other.invitations.find(invitation),
        await other.setup.isGood(link),
        await other.people.get(person.id),
        await other.directory.personOf(person.id),
        await other.hasPeople(),
      ]).to.deep.equal([undefined, undefined, undefined, false, undefined, undefined, false]);
      await other.setup.begin('serve');
      for (const challenged of [here, other]) {
        const response = device.get(await challenged.passkeys.signInOptions(ORIGIN));
        expect(await rejection(other.passkeys.signIn({ origin: ORIGIN, response }))).to.include({ code: 'passkey_refused' });
      }
    });

    it('gives no right to anyone who inserts, edits, deletes or restores rows of one table without the state key', async () => {
      const history: StoredRecord[] = [];
      const remember = async (): Promise<void> => {
        for (const kind of KINDS) history.push(...(await world.raw(kind)));
      };
      const secrets = await worldOfSecrets(here, remember);
      await remember();
      let asked = 0;
      // by turns a server that has seen everything, and one that has just started
      const rights = (): Promise<ReadonlySet<string>> => rightsOf((asked += 1) % 2 === 0 ? there : identityOf(world.records()), secrets);
      const before = await rights();
      expect(before.size).to.be.greaterThan(8);
      const now: StoredRecord[] = [];
      for (const kind of KINDS) now.push(...(await world.raw(kind)));
      const counts = { insert: 0, edit: 0, delete: 0, restore: 0 };
      const gained: string[] = [];
      const attack = async (how: keyof typeof counts, { kind, id }: StoredRecord, act: () => Promise<void>): Promise<void> => {
        // what is asked signs in, so that rows of passkeys change all the time
        const isThere = (await world.raw(kind)).find((row) => row.id === id);
        await act();
        counts[how] += 1;
        for (const right of await rights()) if (!before.has(right)) gained.push(`${how} ${kind}: ${right}`);
        await (isThere === undefined ? world.drop(kind, id) : world.put(isThere));
      };
      const isAll = world.attackedRows === Infinity;
      const seen = new Map<string, number>();
      const isAttacked = ({ kind }: StoredRecord): boolean => {
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        return (seen.get(kind) as number) <= world.attackedRows;
      };
      for (const row of now.filter(isAttacked)) {
        await attack('delete', row, () => world.drop(row.kind, row.id));
        for (const body of betterBodies(row)) {
          await attack('edit', row, () => world.put({ ...row, body }));
          if (isAll) await attack('edit', row, () => world.put({ ...row, body, version: row.version + 1 }));
          const id = row.kind === 'person' ? `person-${'f'.repeat(32)}` : secrets.unusedId;
          await attack('insert', { ...row, id }, () => world.put({ ...row, id, body, version: 1 }));
        }
        if (isAll) await attack('insert', { ...row, id: secrets.unusedId }, () => world.put({ ...row, id: secrets.unusedId }));
      }
      seen.clear();
      const isOld = (row: StoredRecord): boolean =>
        now.every(({ kind, id, version }) => kind !== row.kind || id !== row.id || version !== row.version);
      for (const row of history.filter(isOld).filter(isAttacked)) await attack('restore', row, () => world.put(row));
      // all rows of a table at a time
      for (const kind of isAll ? KINDS : []) {
        const rows = await world.raw(kind);
        for (const row of rows) await world.drop(row.kind, row.id);
        counts.delete += 1;
        for (const right of await rights()) if (!before.has(right)) gained.push(`delete all ${kind}: ${right}`);
        for (const row of rows) await world.put(row);
      }
      console.log(`      ${name}: ${JSON.stringify(counts)}: ${gained.length} rights gained`);
      expect(gained).to.deep.equal([]);
      // what was put back last is perhaps not looked at again yet
      const isBack = async (): Promise<boolean> => [...(await rights())].sort().join() === [...before].sort().join();
      await until(async () => (await isBack()) && isBack());
      for (let server = 0; server < 2; server++) expect([...(await rights())].sort()).to.deep.equal([...before].sort());
      for (const count of Object.values(counts)) expect(count).to.be.greaterThan(2);
    });
  });
}

interface Secrets {
  readonly sessions: readonly string[];
  readonly tokens: readonly string[];
  readonly invitations: readonly string[];
  readonly links: readonly string[];
  readonly devices: readonly Arrived[];
  readonly usedSignIn: object;
  readonly unusedId: string;
}

/** People with every kind of right, of which about half were taken from them again. */
async function worldOfSecrets(identity: Identity, remember: () => Promise<void>): Promise<Secrets> {
  const firstLink = (await identity.setup.begin('serve'))?.text.reveal() as string;
  await remember();
  const ann = await firstPerson(identity);
  const bob = await invited(identity, { name: 'Bob', roles: ['approver', 'admin'], groups: ['finance'] });
  const eve = await invited(identity, { name: 'Eve', roles: ['approver'], groups: ['finance'] });
  const usedSignIn = ann.device.get(await identity.passkeys.signInOptions(ORIGIN));
  await identity.passkeys.signIn({ origin: ORIGIN, response: usedSignIn });
  const sessions: string[] = [];
  const tokens: string[] = [];
  for (const { device } of [ann, bob, eve])
    for (let i = 0; i < 2; i++) {
      const { text } = await signedIn(identity, device);
      sessions.push(text);
      const session = (await identity.sessions.find(text))?.session;
      tokens.push((await identity.tokens.create(session as NonNullable<typeof session>, 'cli')).text.reveal());
    }
  const open = await identity.invitations.create({ name: 'Carl', roles: ['viewer'] }, ann.person.id);
  const revoked = await identity.invitations.create({ name: 'Dan', roles: ['admin'] }, ann.person.id);
  const waiting = await identity.invitations.create({ name: 'Fay', roles: ['admin'], groups: ['finance'] }, ann.person.id);
  const fay = new SoftAuthenticator(ORIGIN);
  const made = fay.create(await identity.invitations.options(waiting.text.reveal(), 'Fay', ORIGIN));
  const came = await identity.invitations.register(waiting.text.reveal(), { name: 'Fay', origin: ORIGIN, response: made });
  await remember();
  // Bob loses a role and the group, Eve is removed, and so on
  await identity.people.change(bob.person.id, { roles: ['viewer'] }, 'x');
  await identity.people.change(bob.person.id, { groups: [] }, 'x');
  await identity.people.remove(eve.person.id, 'x');
  await identity.invitations.revoke(revoked.invitation.id, 'x');
  const annsSessions = await identity.sessions.list(ann.person.id);
  await identity.sessions.end(ann.person.id, (annsSessions[0] as { id: string }).id, 'x');
  const annsTokens = await identity.tokens.list(ann.person.id);
  await identity.tokens.end(ann.person.id, (annsTokens[0] as { id: string }).id, 'x');
  return {
    sessions,
    tokens,
    invitations: [open, revoked, waiting].map(({ text }) => text.reveal()),
    links: [firstLink],
    devices: [ann, bob, eve, { ...came, device: fay }],
    usedSignIn,
    unusedId: 'A'.repeat(43),
  };
}

/** Everything that any of the secrets opens, by what servers say. A server that cannot answer gives no right. */
async function rightsOf(identity: Identity, secrets: Secrets): Promise<ReadonlySet<string>> {
  const rights = new Set<string>();
  const note = async (what: string, ask: () => Promise<string | undefined>): Promise<void> => {
    const said = await ask().catch(() => undefined);
    if (said !== undefined) rights.add(`${what} ${said}`);
  };
  const shown = (person: { readonly id: string; readonly roles: readonly string[]; readonly groups: readonly string[] }): string =>
    `${person.id} ${person.roles.join()} ${person.groups.join()}`;
  for (const [i, text] of secrets.sessions.entries())
    await note(`session ${i}`, async () => identity.sessions.find(text).then((found) => found && shown(found.person)));
  for (const [i, text] of secrets.tokens.entries())
    await note(`token ${i}`, async () => identity.tokens.find(text).then((found) => found && shown(found.person)));
  for (const [i, text] of secrets.invitations.entries())
    await note(`invitation ${i}`, async () =>
      identity.invitations.find(text).then((found) => found && `${found.roles.join()} ${found.groups.join()}`),
    );
  for (const [i, text] of secrets.links.entries())
    await note(`link ${i}`, async () => ((await identity.setup.isGood(text)) ? 'good' : undefined));
  for (const [i, { person, device }] of secrets.devices.entries()) {
    await note(`passkey ${i}`, async () => {
      const response = device.get(await identity.passkeys.signInOptions(ORIGIN));
      return shown((await identity.passkeys.signIn({ origin: ORIGIN, response })).person);
    });
    await note(`directory ${i}`, async () => {
      const found = await identity.directory.personOf(person.id);
      return found && shown({ ...found, roles: [] });
    });
  }
  await note('used sign-in', async () => shown((await identity.passkeys.signIn({ origin: ORIGIN, response: secrets.usedSignIn })).person));
  await note('anyone', async () => ((await identity.hasPeople()) ? undefined : 'nobody is known'));
  await note('development', async () => ((await identity.isDevelopment()) ? 'mode' : undefined));
  await note('setup', async () => ((await identity.setup.begin('serve')) === undefined ? undefined : 'a new link'));
  for (const person of (await identity.people.list()).people) if (person.status === 'active') rights.add(`listed ${shown(person)}`);
  return rights;
}

/** The body of a row as someone would write it who wants more rights. */
function betterBodies({ kind, body }: StoredRecord): readonly string[] {
  const fields = JSON.parse(body) as Record<string, unknown>;
  const without = (...names: readonly string[]): object =>
    Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
  const later = Date.now() + 10 * 86_400_000;
  const better: Readonly<Record<string, readonly object[]>> = {
    person: [
      { ...without('removedAtMs', 'removedBy', 'invitation'), roles: ['approver', 'admin'], groups: ['finance'] },
      { ...fields, epoch: 1 },
    ],
    passkey: [{ ...without('removedAtMs'), counter: 0 }],
    session: [{ ...without('endedAtMs', 'endedBy'), endsAtMs: later, seenAtMs: Date.now() }],
    token: [{ ...without('endedAtMs', 'endedBy'), endsAtMs: later }],
    invitation: [{ ...without('revoked', 'came', 'confirmed'), roles: ['admin'], groups: ['finance'], expiresAtMs: later }],
    setup: [{ madeBy: 'x', hash: 'A'.repeat(43), expiresAtMs: later }],
    challenge: [{ usedAtMs: 0 }],
    'admin-departures': [{ going: [] }, { going: [{ key: 'k', personId: 'p', version: 1, atMs: 0 }] }],
  };
  return (better[kind] ?? []).map((one) => JSON.stringify(one));
}

/** A store whose process stops before it inserts a row of that kind. */
function stoppedAt(store: SignableRecordStore, stop: string): SignableRecordStore {
  const get = (target: SignableRecordStore, name: keyof RecordStore | 'commit'): unknown => {
    if (name !== 'commit') return (target[name] as (...args: unknown[]) => unknown).bind(target);
    return (change: { readonly how: string; readonly record?: StoredRecord }, ...rest: [never, never]): unknown => {
      if (change.how === 'insert' && change.record?.kind === stop) throw new Error('stopped');
      return target.commit(change as never, ...rest);
    };
  };
  return new Proxy(store, { get: get as never });
}
