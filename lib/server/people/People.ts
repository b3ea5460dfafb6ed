import { randomBytes } from 'node:crypto';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { NotFoundError, StoreError } from '../../model/errors/ServiceErrors.js';
import { maybeSamePerson } from '../../model/personId.js';
import { RequestError } from '../front/RequestError.js';
import { AdminDepartures, isAdmin } from './row/AdminDepartures.js';
import type { IdentityNews } from './row/IdentityNews.js';
import type { IdentityRows, PersonBody } from './row/identityRows.js';
import { checkedGroups, checkedName, checkedRoles, checkedUserIds, isUserId, personFields } from './personFields.js';
import type { PersonFields } from './personFields.js';
import type { IssuerAccount, Person } from './Person.js';
import type { Row, RowList } from './row/Rows.js';

/** What a new person shall be. */
export interface NewPerson {
  /** 1 to 128 characters. */
  readonly name: string;
  readonly roles?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly userIds?: readonly string[] | undefined;
}

/** Everyone whom a server knows. */
export interface PeopleList {
  /** Oldest first; those who were removed too. */
  readonly people: readonly Person[];
  /** Whether someone without the state key changed the rows: who is missing may be who matters. */
  readonly tampered: boolean;
}

/** The people of one tenant: who they are and what they may do. */
export class People {
  /** Raised by each change here. */
  changes = 0;
  readonly #rows: Pick<IdentityRows, 'people'>;
  readonly #clock: SteadyClock;
  readonly #departures: AdminDepartures;

  readonly #news: IdentityNews;

  constructor(rows: Pick<IdentityRows, 'people' | 'departures'>, clock: SteadyClock, news: IdentityNews) {
    this.#rows = rows;
    this.#clock = clock;
    this.#news = news;
    this.#departures = new AdminDepartures(rows, clock);
  }

  async list(): Promise<PeopleList> {
    const { rows, tampered }: RowList<PersonBody> = await this.#rows.people.list();
    return { people: rows.map(personIn), tampered };
  }

  /** A person by the person's own id; also one who was removed. */
  async get(id: string): Promise<Person | undefined> {
    const row = await this.#rows.people.get(id);
    return row && personIn(row);
  }

  /**
   * Makes a person. Only an issuer of identities or a passkey lets someone sign in: see `invitations` and `setup` for people who come by a link.
   *
   * @throws RequestError 422 `invalid_person` naming the field, 409 `id_taken` where another person has one of the ids
   */
  async create(given: NewPerson, by: string): Promise<Person> {
    const body = newPersonBody(given, by);
    await this.#checkIds(undefined, body);
    // no admin before the ids are known to be free: others could rely on that one, and go
    const row = await this.insert(newPersonId(), { ...body, roles: body.roles.filter((role) => role !== 'admin') });
    if (await this.#hasOthersIds(row.id, body)) {
      await this.#end(row.id, by);
      throw idTaken();
    }
    const made = isAdmin(body) ? await this.#change(row.id, by, (found) => ({ ...found.body, roles: body.roles })) : row;
    await this.#news.tell({ what: 'person.came', by, person: named(made), added: rightsOf(made.body) });
    return personIn(made);
  }

  /**
   * Finds the person with an account at an issuer, and keeps what the issuer says of them now. Identities are one by issuer and subject only: never by mail.
   *
   * @param given what the person shall be where no one has the account
   * @throws RequestError 403 `person_removed`
   * @throws StoreError where no one has the account but rows were changed by someone without the state key: it may be that of a person who was removed
   */
  async fromIssuer(account: IssuerAccount, given: NewPerson): Promise<Person> {
    const by = account.issuer;
    const found = await this.#withAccount(account);
    if (found === undefined) {
      const body = { ...newPersonBody(given, by), accounts: [await this.#withOwnMail(undefined, account)] };
      const made = await this.insert(newPersonId(), body);
      // of two sign-ins at a time one makes the person
      const first = (await this.#withAccount(account)) ?? made;
      if (first.id !== made.id) await this.#end(made.id, by);
      else await this.#news.tell({ what: 'person.came', by, person: named(made), added: rightsOf(body) });
      return personIn(first);
    }
    const own = await this.#withOwnMail(found.id, account);
    const row = await this.#change(found.id, by, ({ body }) => {
      const before = body.accounts.find((one) => isSameAccount(one, account));
      const accounts = body.accounts.map((one) => (one === before ? own : one));
      return { ...body, accounts, epoch: body.epoch + (lacksSome(before?.groups, own.groups) ? 1 : 0) };
    });
    return personIn(row);
  }

  /**
   * Changes what a person is, all of it or nothing, in one write. Where the person loses a role or leaves a group, what was given out to them before has ended.
   *
   * @throws NotFoundError
   * @throws RequestError 422 `invalid_person`, 409 `id_taken` where another person has one of the ids, 409 `last_admin` where no other admin would be left,
   *   409 `not_confirmed` for any right of someone who came by an invitation and was not confirmed: its maker knows whom they meant
   */
  async change(id: string, given: Partial<NewPerson>, by: string): Promise<Person> {
    const fields = givenFields(given);
    const { userIds } = fields;
    if (userIds !== undefined) await this.#checkIds(id, { userIds, accounts: [] });
    let before: PersonBody | undefined;
    const row = await this.#change(id, by, ({ body }) => {
      before = body;
      const { roles = body.roles, groups = body.groups } = fields;
      if (body.invitation !== undefined && rightsOf({ ...body, ...fields }).length > 0) throw notConfirmed();
      const losesSome = lacksSome(body.roles, roles) || lacksSome(body.groups, groups);
      return { ...body, ...fields, epoch: body.epoch + (losesSome ? 1 : 0) };
    });
    await this.#undoIfTaken(row, before as unknown as PersonBody, by);
    await this.#tellChange(before as unknown as PersonBody, row, by);
    return personIn(row);
  }

  /**
   * Removes a person: sessions, tokens and passkeys open nothing from now on. The record stays, so that the id is never another person's.
   *
   * @throws NotFoundError, RequestError 409 `last_admin` where no other admin would be left
   */
  async remove(id: string, by: string): Promise<Person> {
    const row = await this.#end(id, by);
    await this.#news.tell({ what: 'person.removed', by, person: named(row) });
    return personIn(row);
  }

  /** Ends everything that was given out to a person, in one write. */
  async revokeAll(id: string, by: string): Promise<void> {
    await this.#change(id, by, ({ body }) => ({ ...body, epoch: body.epoch + 1 }));
  }

  /** @internal */
  async insert(id: string, body: PersonBody): Promise<Row<PersonBody>> {
    const createdAtMs = this.#clock.now();
    await this.#rows.people.insert(id, body, { createdAtMs });
    this.changes += 1;
    return { id, version: 1, createdAtMs, body };
  }

  /** Gives a person who came by an invitation what it says. @internal */
  async confirm(id: string, { roles, groups, userIds }: Pick<PersonBody, 'roles' | 'groups' | 'userIds'>, by: string): Promise<Person> {
    await this.#checkIds(id, { userIds, accounts: [] });
    let before: PersonBody | undefined;
    const row = await this.#change(id, by, ({ body: came }) => {
      const { invitation, ...body } = came;
      before = invitation === undefined ? undefined : came;
      return invitation === undefined ? body : { ...body, roles, groups, userIds };
    });
    if (before !== undefined) await this.#undoIfTaken(row, before, by);
    if (before !== undefined) await this.#news.tell({ what: 'person.confirmed', by, person: named(row), added: rightsOf(row.body) });
    return personIn(row);
  }

  /**
   * Undoes a change of a person where someone else got one of the ids at the same time. Of what others changed since, only the ids are taken: nothing that was taken from
   * the person comes back.
   *
   * @throws RequestError 409 `id_taken`
   */
  async #undoIfTaken({ id, version, body: { userIds } }: Row<PersonBody>, before: PersonBody, by: string): Promise<void> {
    const added = userIds.filter((one) => !before.userIds.includes(one));
    if (added.length === 0 || !(await this.#hasOthersIds(id, { userIds: added, accounts: [] }))) return;
    await this.#change(id, by, (row) => {
      const { epoch, userIds: has } = row.body;
      if (row.version === version) return { ...before, epoch };
      return { ...row.body, userIds: has.filter((one) => !added.includes(one)) };
    });
    throw idTaken();
  }

  async #tellChange(before: PersonBody, row: Row<PersonBody>, by: string): Promise<void> {
    const [had, has] = [rightsOf(before), rightsOf(row.body)];
    const added = has.filter((one) => !had.includes(one));
    const removed = had.filter((one) => !has.includes(one));
    const name = before.name === row.body.name ? undefined : before.name;
    if (added.length + removed.length === 0 && name === undefined) return;
    await this.#news.tell({ what: 'person.changed', by, person: named(row), added, removed, name });
  }

  async #end(id: string, by: string): Promise<Row<PersonBody>> {
    const removedAtMs = this.#clock.now();
    return this.#change(id, by, ({ body }) => ({ ...body, removedAtMs, removedBy: by, epoch: body.epoch + 1 }));
  }

  async #change(id: string, by: string, next: (row: Row<PersonBody>) => PersonBody): Promise<Row<PersonBody>> {
    for (;;) {
      const row = await this.#rows.people.get(id);
      if (row === undefined) throw new NotFoundError('There is no such person. List the people to find them.');
      if (row.body.removedAtMs !== undefined) throw removed();
      const body: PersonBody = { ...next(row), changedBy: by };
      const write = (): Promise<Row<PersonBody> | undefined> => this.#rows.people.replace(row, body);
      const changed = isAdmin(row.body) && !isAdmin(body) ? await this.#departures.leave(row, write) : await write();
      this.changes += 1;
      if (changed !== undefined) return changed;
    }
  }

  async #checkIds(id: string | undefined, wanted: Pick<PersonBody, 'userIds' | 'accounts'>): Promise<void> {
    if (await this.#hasOthersIds(id, wanted)) throw idTaken();
  }

  /** Whether another person has one of these ids. */
  async #hasOthersIds(id: string | undefined, wanted: Pick<PersonBody, 'userIds' | 'accounts'>): Promise<boolean> {
    const own = idsOf({ ...wanted, id: undefined });
    const { people } = await this.list();
    const others = people.filter((person) => person.id !== id && person.status !== 'removed');
    return others.some((person) => idsOf(person).some((other) => own.some((one) => maybeSamePerson(one, other))));
  }

  /** The first person who came with an account. */
  async #withAccount(account: IssuerAccount): Promise<Row<PersonBody> | undefined> {
    const { rows, tampered } = await this.#rows.people.list();
    const found = rows.find(({ body }) => body.accounts.some((one) => isSameAccount(one, account)));
    if (found !== undefined || !tampered) return found;
    throw new StoreError(
      'Rows of people were changed by someone without the state key, so it is not known whether this person was removed. Check who can write the store.',
    );
  }

  /** A mail address that another person has is left out: it would make two people one. So is one that no one may have as an id. */
  async #withOwnMail(id: string | undefined, { mail, ...account }: IssuerAccount): Promise<IssuerAccount> {
    const isFree = mail !== undefined && isUserId(mail) && !(await this.#hasOthersIds(id, { userIds: [mail], accounts: [] }));
    return isFree ? { ...account, mail } : account;
  }
}

/** What is given, checked. @throws RequestError 422 `invalid_person` */
function givenFields({ name, roles, groups, userIds }: Partial<NewPerson>): Partial<PersonFields> {
  return {
    ...(name !== undefined && { name: checkedName(name) }),
    ...(roles !== undefined && { roles: checkedRoles(roles) }),
    ...(groups !== undefined && { groups: checkedGroups(groups) }),
    ...(userIds !== undefined && { userIds: checkedUserIds(userIds) }),
  };
}

/** What a person has, in words: for those who are told of it. */
export function rightsOf({ roles, groups, userIds }: Pick<PersonBody, 'roles' | 'groups' | 'userIds'>): readonly string[] {
  return [...roles.map((role) => `role ${role}`), ...groups.map((group) => `group ${group}`), ...userIds.map((id) => `id ${id}`)];
}

function named({ id, body: { name } }: Row<PersonBody>): { readonly id: string; readonly name: string } {
  return { id, name };
}

/** Every id of a person. */
export function idsOf({ id, userIds, accounts }: Pick<Person, 'userIds' | 'accounts'> & { readonly id: string | undefined }): string[] {
  const theirs = accounts.flatMap(({ issuer, subject, mail }) => [`${issuer}|${subject}`, ...(mail === undefined ? [] : [mail])]);
  return [...new Set([...(id === undefined ? [] : [id]), ...userIds, ...theirs])];
}

/** A person as a record says. */
export function personIn({ id, createdAtMs, body }: Row<PersonBody>): Person {
  const { invitation, changedBy: _, ...rest } = body;
  const status = body.removedAtMs !== undefined ? 'removed' : invitation === undefined ? 'active' : 'unconfirmed';
  return { id, createdAtMs, status, ...rest };
}

/** The body of the record of a new person. @throws RequestError 422 `invalid_person` */
export function newPersonBody({ name, roles = [], groups = [], userIds = [] }: NewPerson, createdBy: string): PersonBody {
  return { ...personFields({ name, roles, groups, userIds }), accounts: [], epoch: 1, createdBy };
}

/** The id of a new person: 128 random bits, so that no one else ever has it. */
export function newPersonId(bits: Buffer = randomBytes(16)): string {
  return `person-${bits.toString('hex').slice(0, 32)}`;
}

function isSameAccount(one: IssuerAccount, other: IssuerAccount): boolean {
  return one.issuer === other.issuer && one.subject === other.subject;
}

function lacksSome(before: readonly string[] = [], after: readonly string[] = []): boolean {
  return before.some((one) => !after.includes(one));
}

function idTaken(): RequestError {
  return new RequestError(
    409,
    'id_taken',
    'Another person has one of these ids. An id belongs to one person: take it from the other one first.',
    {
      field: 'userIds',
    },
  );
}

function notConfirmed(): RequestError {
  return new RequestError(
    409,
    'not_confirmed',
    'This person came by an invitation, and who made it has not confirmed yet that it is the right one. Confirm it, or have its maker do so, and change their rights then.',
  );
}

function removed(): RequestError {
  return new RequestError(403, 'person_removed', 'This person was removed. Invite them again, as a new person.');
}
