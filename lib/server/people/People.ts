import { randomBytes } from 'node:crypto';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { NotFoundError, StoreError } from '../../model/errors/ServiceErrors.js';
import { maybeSamePerson } from '../../model/personId.js';
import { RequestError } from '../front/RequestError.js';
import type { IdentityRows, PersonBody } from './row/identityRows.js';
import { checkedGroups, checkedName, checkedRoles, checkedUserIds, personFields } from './personFields.js';
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

  constructor(rows: Pick<IdentityRows, 'people'>, clock: SteadyClock) {
    this.#rows = rows;
    this.#clock = clock;
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
    const row = await this.insert(newPersonId(), body);
    if (await this.#hasOthersIds(row.id, body)) {
      await this.#end(row.id, by);
      throw idTaken();
    }
    return personIn(row);
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

  /** @throws NotFoundError, RequestError 422 `invalid_person` */
  async rename(id: string, name: string, by: string): Promise<Person> {
    const checked = checkedName(name);
    return personIn(await this.#change(id, by, ({ body }) => ({ ...body, name: checked })));
  }

  /**
   * Sets what a person may do. Where the person loses a role, what was given out to them before has ended.
   *
   * @throws NotFoundError
   * @throws RequestError 422 `invalid_person`, 409 `last_admin` where no other admin would be left
   */
  async setRoles(id: string, roles: readonly string[], by: string): Promise<Person> {
    const checked = checkedRoles(roles);
    if (!checked.includes('admin')) await this.#checkNotLastAdmin(id);
    const row = await this.#change(id, by, ({ body }) => ({
      ...body,
      roles: checked,
      epoch: body.epoch + (lacksSome(body.roles, checked) ? 1 : 0),
    }));
    return personIn(row);
  }

  /**
   * Sets the groups that a person is in here. Where the person leaves one, what was given out to them before has ended.
   *
   * @throws NotFoundError, RequestError 422 `invalid_person`
   */
  async setGroups(id: string, groups: readonly string[], by: string): Promise<Person> {
    const checked = checkedGroups(groups);
    const row = await this.#change(id, by, ({ body }) => ({
      ...body,
      groups: checked,
      epoch: body.epoch + (lacksSome(body.groups, checked) ? 1 : 0),
    }));
    return personIn(row);
  }

  /**
   * Sets what sessions of agents call a person.
   *
   * @throws NotFoundError, RequestError 422 `invalid_person`, 409 `id_taken` where another person has one of them
   */
  async setUserIds(id: string, userIds: readonly string[], by: string): Promise<Person> {
    const checked = checkedUserIds(userIds);
    await this.#checkIds(id, { userIds: checked, accounts: [] });
    let before: readonly string[] = [];
    const row = await this.#change(id, by, ({ body }) => {
      before = body.userIds;
      return { ...body, userIds: checked };
    });
    if (await this.#hasOthersIds(id, { userIds: checked, accounts: [] })) {
      await this.#change(id, by, ({ body }) => ({ ...body, userIds: before }));
      throw idTaken();
    }
    return personIn(row);
  }

  /**
   * Removes a person: sessions, tokens and passkeys open nothing from now on. The record stays, so that the id is never another person's.
   *
   * @throws NotFoundError, RequestError 409 `last_admin` where no other admin would be left
   */
  async remove(id: string, by: string): Promise<Person> {
    await this.#checkNotLastAdmin(id);
    return personIn(await this.#end(id, by));
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
    const row = await this.#change(id, by, ({ body: { invitation, ...body } }) =>
      invitation === undefined ? body : { ...body, roles, groups, userIds },
    );
    return personIn(row);
  }

  async #end(id: string, by: string): Promise<Row<PersonBody>> {
    const removedAtMs = this.#clock.now();
    return this.#change(id, by, ({ body }) => ({ ...body, removedAtMs, removedBy: by, epoch: body.epoch + 1 }));
  }

  async #change(id: string, by: string, next: (row: Row<PersonBody>) => PersonBody): Promise<Row<PersonBody>> {
    const row = await this.#rows.people.change(id, (found) => {
      if (found.body.removedAtMs !== undefined) throw removed();
      return { ...next(found), changedBy: by };
    });
    this.changes += 1;
    if (row === undefined) throw new NotFoundError('There is no such person. List the people to find them.');
    return row;
  }

  async #checkNotLastAdmin(id: string): Promise<void> {
    const { people } = await this.list();
    const admins = people.filter(({ status, roles }) => status === 'active' && roles.includes('admin'));
    if (admins.length === 1 && admins[0]?.id === id)
      throw new RequestError(409, 'last_admin', 'This is the only admin. Make someone else an admin first.');
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

  /** A mail address that another person has is left out: it would make two people one. */
  async #withOwnMail(id: string | undefined, { mail, ...account }: IssuerAccount): Promise<IssuerAccount> {
    const isFree = mail !== undefined && !(await this.#hasOthersIds(id, { userIds: [mail], accounts: [] }));
    return isFree ? { ...account, mail } : account;
  }
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

function removed(): RequestError {
  return new RequestError(403, 'person_removed', 'This person was removed. Invite them again, as a new person.');
}
