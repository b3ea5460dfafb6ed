import * as v from 'valibot';
import { readBody } from '../../decision/wire/readBody.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import type { Identity } from '../people/Identity.js';
import type { Invitation } from '../people/Invitations.js';
import { ROLES } from '../people/Person.js';
import type { Person } from '../people/Person.js';
import type { Answer, CallerInput, Route } from './Route.js';

/** A person as the operator of the host gets one. */
export interface WirePerson {
  readonly id: string;
  readonly name: string;
  readonly status: Person['status'];
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly user_ids: readonly string[];
  readonly issuers: readonly string[];
  readonly created_at: string;
}

/** An invitation as the operator of the host gets one. */
export interface WireInvitation {
  readonly id: string;
  readonly name: string;
  readonly status: Invitation['status'];
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly user_ids: readonly string[];
  readonly made_by: string;
  readonly expires_at: string;
  readonly came: { readonly person_id: string; readonly name: string; readonly at: string } | null;
}

/** Whom a new invitation is for. */
export interface WireInvitee {
  readonly name: string;
  readonly roles?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly user_ids?: readonly string[] | undefined;
}

/** What the operator of the host does with the people of a tenant, over its store or its server. */
export interface HostPeople {
  /** People, and the invitations that wait. `tampered`: some were changed by someone without the state key, and are missing. */
  list(): Promise<{ readonly people: readonly WirePerson[]; readonly invitations: readonly WireInvitation[]; readonly tampered: boolean }>;
  /** Makes an invitation. Its secret is known this once. */
  invite(invitee: WireInvitee): Promise<WireInvitation & { readonly secret: string }>;
  confirm(invitation: string): Promise<WirePerson>;
  /** Ends an invitation, and removes who came by it and was not confirmed. */
  revoke(invitation: string): Promise<void>;
  /** Resolves to `undefined` where there is no such person. */
  remove(id: string): Promise<WirePerson | undefined>;
  /** Makes a link by which another admin comes. Its secret is known this once. */
  bootstrap(): Promise<{ readonly secret: string; readonly expires_at: string }>;
}

/**
 * The operations themselves: what the routes and the command line do.
 *
 * @param by who does it, such as `host:ann`
 */
export function hostPeople({ people, invitations, setup }: Identity, by: string): HostPeople {
  return {
    async list() {
      const { people: all, tampered } = await people.list();
      const waiting = (await invitations.list()).filter(({ status }) => status === 'open' || status === 'came');
      return { people: all.map(writePerson), invitations: waiting.map(writeInvitation), tampered };
    },
    async invite({ name, roles, groups, user_ids: userIds }) {
      const { invitation, text } = await invitations.create({ name, roles, groups, userIds }, by);
      return { ...writeInvitation(invitation), secret: text.reveal() };
    },
    confirm: async (id) => writePerson(await invitations.confirm(id, by)),
    revoke: async (id) => invitations.revoke(id, by),
    remove: async (id) => ((await people.get(id)) === undefined ? undefined : writePerson(await people.remove(id, by))),
    async bootstrap() {
      const { text, expiresAtMs } = await setup.reopen(by);
      return { secret: text.reveal(), expires_at: timeOf(expiresAtMs) };
    },
  };
}

const texts = v.array(v.string());
const invitee = v.strictObject({ name: v.string(), roles: v.optional(texts), groups: v.optional(texts), user_ids: v.optional(texts) });
const person = v.strictObject({
  id: v.string(),
  name: v.string(),
  status: v.picklist(['active', 'unconfirmed', 'removed']),
  roles: v.array(v.picklist(ROLES)),
  groups: texts,
  user_ids: texts,
  issuers: texts,
  created_at: v.string(),
});
const invitation = v.strictObject({
  id: v.string(),
  name: v.string(),
  status: v.picklist(['open', 'came', 'confirmed', 'revoked', 'expired']),
  roles: v.array(v.picklist(ROLES)),
  groups: texts,
  user_ids: texts,
  made_by: v.string(),
  expires_at: v.string(),
  came: v.nullable(v.strictObject({ person_id: v.string(), name: v.string(), at: v.string() })),
});
const list = v.strictObject({ people: v.array(person), invitations: v.array(invitation), tampered: v.boolean() });
const invited = v.strictObject({ ...invitation.entries, secret: v.string() });
const setupLink = v.strictObject({ secret: v.string(), expires_at: v.string() });

/** The routes by which the operator of the host lists, invites, confirms and removes people where no command reaches the store. */
export function hostPeopleRoutes(): readonly Route[] {
  const of = ({ tenant, caller }: CallerInput): HostPeople => hostPeople(tenant.identity, caller.id);
  return [
    {
      method: 'GET',
      path: '/v1/people',
      name: 'listPeople',
      summary: 'Lists the people of the tenant, oldest first, and the invitations that wait.',
      scope: 'host',
      answers: { 200: list },
      handle: async (input) => answer(200, await of(input).list()),
    },
    {
      method: 'DELETE',
      path: '/v1/people/:id',
      name: 'endPerson',
      summary: 'Removes a person: sessions, tokens and passkeys open nothing from now on. The last admin stays.',
      scope: 'host',
      answers: { 200: person },
      errors: ['person_removed', 'last_admin'],
      async handle(input) {
        const removed = await of(input).remove(idOf(input));
        if (removed === undefined) throw new NotFoundError('There is no such person. List the people to find them.');
        return answer(200, removed);
      },
    },
    {
      method: 'POST',
      path: '/v1/invitations',
      name: 'createInvitation',
      summary: 'Makes an invitation, which works once, for 72 hours. Its secret is in this answer and nowhere else.',
      scope: 'host',
      request: invitee,
      answers: { 201: invited },
      errors: ['invalid_person'],
      handle: async (input) => answer(201, await of(input).invite(readBody(invitee, input.body))),
    },
    {
      method: 'POST',
      path: '/v1/invitations/:id/confirm',
      name: 'confirmNewcomer',
      summary: 'Confirms that the right person came by an invitation of the operator of the host.',
      scope: 'host',
      answers: { 200: person },
      errors: ['not_the_maker', 'id_taken', 'person_removed'],
      handle: async (input) => answer(200, await of(input).confirm(idOf(input))),
    },
    {
      method: 'DELETE',
      path: '/v1/invitations/:id',
      name: 'endInvitation',
      summary: 'Ends an invitation that was not confirmed, and removes the person who came by it.',
      scope: 'host',
      answers: { 204: undefined },
      async handle(input) {
        await of(input).revoke(idOf(input));
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: '/v1/setup-links',
      name: 'makeSetupLink',
      summary:
        'Makes a link by which one more admin comes, within 15 minutes; the one before ends. Its secret is in this answer and nowhere else.',
      scope: 'host',
      answers: { 201: setupLink },
      errors: ['setup_tampered'],
      handle: async (input) => answer(201, await of(input).bootstrap()),
    },
  ];
}

function writePerson({ id, name, status, roles, groups, userIds, accounts, createdAtMs }: Person): WirePerson {
  const issuers = accounts.map(({ issuer }) => issuer);
  return { id, name, status, roles, groups, user_ids: userIds, issuers, created_at: timeOf(createdAtMs) };
}

function writeInvitation({ id, name, status, roles, groups, userIds, madeBy, expiresAtMs, came }: Invitation): WireInvitation {
  const who = came === undefined ? null : { person_id: came.personId, name: came.name, at: timeOf(came.atMs) };
  return { id, name, status, roles, groups, user_ids: userIds, made_by: madeBy, expires_at: timeOf(expiresAtMs), came: who };
}

function idOf({ params }: CallerInput): string {
  return params['id'] as string;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function answer(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body) };
}
