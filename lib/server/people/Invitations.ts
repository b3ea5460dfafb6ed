import type { SecretString } from '../../common/SecretString.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { RequestError } from '../front/RequestError.js';
import type { ChallengeUse } from './Challenges.js';
import type { IdentityNews } from './row/IdentityNews.js';
import type { IdentityRows, InvitationBody } from './row/identityRows.js';
import type { Arrival, Newcomers } from './Newcomers.js';
import type { PasskeySignIn } from './Passkeys.js';
import { newPersonBody, personIn, rightsOf } from './People.js';
import type { NewPerson, People } from './People.js';
import type { Person, Role } from './Person.js';
import type { Row } from './row/Rows.js';
import { hashOfSecret, secretLink } from './secretLink.js';
import { linkUsed } from './Setup.js';

/** An invitation, without its secret. */
export interface Invitation {
  readonly id: string;
  /** Whom it is for, in the words of its maker. */
  readonly name: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  readonly userIds: readonly string[];
  /** Who made it, and has to confirm who came. */
  readonly madeBy: string;
  /** In epoch milliseconds. */
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** `came`: someone used it, and waits for its maker's confirmation. */
  readonly status: 'open' | 'came' | 'confirmed' | 'revoked' | 'expired';
  /** Who came, and when. */
  readonly came?: { readonly personId: string; readonly name: string; readonly atMs: number } | undefined;
}

/** An invitation that was made. This is the only time that its secret is known. */
export interface NewInvitation {
  readonly invitation: Invitation;
  /** For the fragment of the URL, or to be typed. */
  readonly text: SecretString;
}

/** How long an invitation works, in milliseconds. */
export const INVITATION_MS: number = 3 * DAY_MS;
/** How long it can be looked up after that. */
const KEPT_MS = 30 * DAY_MS;

/** What invitations ask of the rest. */
export interface InvitationParts {
  readonly newcomers: Newcomers;
  readonly people: People;
  readonly news: IdentityNews;
}

/** The invitations of one tenant: how everyone but the first person comes, where no issuer of identities signs them in. */
export class Invitations {
  readonly #rows: Pick<IdentityRows, 'invitations'>;
  readonly #clock: SteadyClock;
  readonly #newcomers: Newcomers;
  readonly #people: People;
  readonly #news: IdentityNews;

  constructor(rows: Pick<IdentityRows, 'invitations'>, clock: SteadyClock, { newcomers, people, news }: InvitationParts) {
    this.#rows = rows;
    this.#clock = clock;
    this.#newcomers = newcomers;
    this.#people = people;
    this.#news = news;
  }

  /**
   * Makes an invitation: a link that works once, for 72 hours.
   *
   * @param given what the person shall be once `by` has confirmed that the right one came
   * @throws RequestError 422 `invalid_person` naming the field
   */
  async create(given: NewPerson, by: string): Promise<NewInvitation> {
    const { name, roles, groups, userIds } = newPersonBody(given, by);
    const text = secretLink();
    const id = hashOfSecret(text.reveal()) as string;
    const createdAtMs = this.#clock.now();
    const body: InvitationBody = { name, roles, groups, userIds, madeBy: by, expiresAtMs: createdAtMs + INVITATION_MS };
    await this.#rows.invitations.insert(id, body, { createdAtMs, deleteAfterMs: body.expiresAtMs + KEPT_MS });
    await this.#news.tell({ what: 'invitation.made', by, person: { name }, added: rightsOf(body) });
    return { invitation: this.#invitationIn({ id, version: 1, createdAtMs, body }), text };
  }

  /** Oldest first. */
  async list(): Promise<readonly Invitation[]> {
    return (await this.#rows.invitations.list()).rows.map((row) => this.#invitationIn(row));
  }

  /** The invitation of a link that works now. Asking uses nothing. */
  async find(text: string): Promise<Invitation | undefined> {
    const id = hashOfSecret(text);
    const row = id === undefined ? undefined : await this.#rows.invitations.get(id);
    return row !== undefined && this.#statusOf(row) === 'open' ? this.#invitationIn(row) : undefined;
  }

  /** What the browser needs to make the passkey. @throws RequestError 410 `link_used` */
  async options(text: string, name: string, origin: string): Promise<object> {
    return this.#newcomers.options(await this.#useOf(text), name, origin);
  }

  /**
   * Makes the person, with a passkey and without any role or group: those come when the maker of the invitation confirms. The link is used if, and only if, the
   * passkey is kept.
   *
   * @throws RequestError 410 `link_used`, 403 `passkey_refused`, 422 `invalid_person`
   */
  async register(text: string, arrival: Arrival): Promise<PasskeySignIn> {
    const use = await this.#useOf(text);
    const invitation = use.binding;
    const verified = await this.#newcomers.verify(use, arrival, {}, 'invitation');
    const newcomer = { ...verified, person: { ...verified.person, invitation } };
    let isTaken = false;
    const used = await this.#rows.invitations.change(invitation, (row) => {
      isTaken = this.#statusOf(row) === 'open';
      return isTaken ? { ...row.body, came: newcomer } : undefined;
    });
    if (!isTaken || used === undefined) throw linkUsed();
    const { passkeyId } = await this.#newcomers.settle(newcomer);
    const { personId: id, person: made } = newcomer;
    await this.#news.tell({ what: 'person.came', by: used.body.madeBy, person: { id, name: made.name } });
    return { person: personIn({ id: newcomer.personId, version: 1, createdAtMs: newcomer.atMs, body: newcomer.person }), passkeyId };
  }

  /** Whether `by` may confirm who came: the maker may. What the operator of the host made, every operator of the host confirms. */
  mayConfirm({ madeBy }: Pick<Invitation, 'madeBy'>, by: string): boolean {
    return madeBy === by || (madeBy.startsWith('host:') && by.startsWith('host:'));
  }

  /**
   * Confirms that the right person came, who then has the roles and groups of the invitation.
   *
   * @throws NotFoundError where no one came by it
   * @throws RequestError 403 `not_the_maker`, 409 `id_taken`
   */
  async confirm(id: string, by: string): Promise<Person> {
    const atMs = this.#clock.now();
    const row = await this.#rows.invitations.change(id, (found) => {
      this.#checkMaker(found, by);
      return this.#statusOf(found) === 'came' ? { ...found.body, confirmed: { by, atMs } } : undefined;
    });
    if (row?.body.came === undefined || row.body.confirmed === undefined)
      throw new NotFoundError('No one waits by this invitation. List the invitations to see how they stand.');
    await this.#newcomers.settle(row.body.came);
    return this.#people.confirm(row.body.came.personId, row.body, by);
  }

  /**
   * Ends an invitation. A person who came by it and was not confirmed is removed.
   *
   * @throws NotFoundError where there is none, or it was confirmed: remove the person then
   */
  async revoke(id: string, by: string): Promise<void> {
    const atMs = this.#clock.now();
    let isNew = false;
    const row = await this.#rows.invitations.change(id, ({ body }) => {
      isNew = body.confirmed === undefined && body.revoked === undefined;
      return isNew ? { ...body, revoked: { by, atMs } } : undefined;
    });
    if (row?.body.revoked === undefined)
      throw new NotFoundError('There is no such invitation, or it was confirmed. Then remove the person.');
    if (isNew) await this.#news.tell({ what: 'invitation.revoked', by, person: { name: row.body.name } });
    if (row.body.came === undefined) return;
    await this.#newcomers.settle(row.body.came);
    const person = await this.#people.get(row.body.came.personId);
    if (person?.status === 'unconfirmed') await this.#people.remove(person.id, by);
  }

  #checkMaker({ body }: Row<InvitationBody>, by: string): void {
    if (this.mayConfirm(body, by)) return;
    throw new RequestError(
      403,
      'not_the_maker',
      'Only who made the invitation knows whom they meant, and confirms who came. Revoke it, and invite them yourself.',
    );
  }

  async #useOf(text: string): Promise<ChallengeUse> {
    const found = await this.find(text);
    if (found === undefined) throw linkUsed();
    return { purpose: 'invitation', binding: found.id };
  }

  #statusOf({ body }: Row<InvitationBody>): Invitation['status'] {
    if (body.revoked !== undefined) return 'revoked';
    if (body.confirmed !== undefined) return 'confirmed';
    if (body.came !== undefined) return 'came';
    return this.#clock.now() < body.expiresAtMs ? 'open' : 'expired';
  }

  #invitationIn(row: Row<InvitationBody>): Invitation {
    const { id, createdAtMs, body } = row;
    const { name, roles, groups, userIds, madeBy, expiresAtMs, came } = body;
    const who = came && { personId: came.personId, name: came.person.name, atMs: came.atMs };
    return { id, name, roles, groups, userIds, madeBy, createdAtMs, expiresAtMs, status: this.#statusOf(row), came: who };
  }
}
