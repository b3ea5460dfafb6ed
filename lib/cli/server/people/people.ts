import { isLoopbackHost } from '../../../common/transport/loopback.js';
import { Identity } from '../../../server/people/Identity.js';
import type { NewLink } from '../../../server/people/Setup.js';
import { CliError, type CliIo, EXIT, writeJson, writeLines } from '../../CliIo.js';
import { hostSettings, openHost } from '../openHost.js';
import type { HostFlags } from '../openHost.js';
import { readRunFile } from '../RunFile.js';
import { invitationLine, personLine, shownInvitation, shownPerson, timeOf } from './shownPerson.js';

/** The options of `aegis people invite`. */
export interface InviteFlags extends HostFlags {
  readonly name: string;
  readonly role?: readonly string[] | undefined;
  readonly group?: readonly string[] | undefined;
  readonly userId?: readonly string[] | undefined;
}

/** The people of a tenant, and who acts. */
interface Host {
  readonly identity: Identity;
  /** Such as `host:ann`. */
  readonly by: string;
  /** A page of the server for someone who has this secret. */
  readonly linkTo: (page: string, secret: string) => string;
}

/** Where a server listens that was not told otherwise. */
const DEFAULT_URL = 'http://localhost:4180';

/** Runs `aegis people invite`: prints the link, which is shown this once. */
export async function invitePerson(flags: InviteFlags, io: CliIo): Promise<number> {
  const { name, role: roles, group: groups, userId: userIds, json } = flags;
  return withPeople(flags, async ({ identity, by, linkTo }) => {
    const { invitation, text } = await identity.invitations.create({ name, roles, groups, userIds }, by);
    const link = linkTo('invite', text.reveal());
    if (json === true) writeJson(io, { ...shownInvitation(invitation), link });
    else {
      writeLines(io.out, [link]);
      writeLines(io.err, [
        `for ${name}, until ${timeOf(invitation.expiresAtMs)}; it works once, and is shown this once`,
        `when they have used it, make sure that it was them: npx aegis people confirm ${invitation.id}`,
      ]);
    }
    return EXIT.ok;
  });
}

/** Runs `aegis people confirm`. */
export async function confirmPerson(id: string, flags: HostFlags, io: CliIo): Promise<number> {
  return withPeople(flags, async ({ identity, by }) => {
    const person = await identity.invitations.confirm(id, by);
    if (flags.json === true) writeJson(io, shownPerson(person));
    else writeLines(io.out, [personLine(person)]);
    return EXIT.ok;
  });
}

/** Runs `aegis people list`. */
export async function listPeople(flags: HostFlags, io: CliIo): Promise<number> {
  return withPeople(flags, async ({ identity }) => {
    const { people, tampered } = await identity.people.list();
    const invitations = (await identity.invitations.list()).filter(({ status }) => status === 'open' || status === 'came');
    if (tampered)
      writeLines(io.err, [
        'rows of people were changed by someone without the state key, and are not listed; check who can write the store',
      ]);
    if (flags.json === true) writeJson(io, { people: people.map(shownPerson), invitations: invitations.map(shownInvitation) });
    else if (people.length + invitations.length === 0)
      writeLines(io.out, ['no people; open the link that npx aegis serve printed, or make one with npx aegis people bootstrap']);
    else writeLines(io.out, [...people.map(personLine), ...invitations.map(invitationLine)]);
    return EXIT.ok;
  });
}

/** Runs `aegis people remove`: a person, or an invitation that no one was confirmed by. */
export async function removePerson(id: string, flags: HostFlags, io: CliIo): Promise<number> {
  return withPeople(flags, async ({ identity, by }) => {
    if ((await identity.people.get(id)) === undefined) {
      await identity.invitations.revoke(id, by);
      if (flags.json === true) writeJson(io, { id, status: 'revoked' });
      else writeLines(io.out, ['the invitation works no longer']);
      return EXIT.ok;
    }
    const person = await identity.people.remove(id, by);
    if (flags.json === true) writeJson(io, shownPerson(person));
    else writeLines(io.out, [`${person.name} is removed; no session, token or passkey of theirs opens anything from now on`]);
    return EXIT.ok;
  });
}

/** Runs `aegis people bootstrap`: prints a link by which another admin comes, though there are people already. */
export async function bootstrapPeople(flags: HostFlags, io: CliIo): Promise<number> {
  return withPeople(flags, async ({ identity, by, linkTo }) => {
    const { text, expiresAtMs }: NewLink = await identity.setup.reopen(by);
    const link = linkTo('bootstrap', text.reveal());
    if (flags.json === true) writeJson(io, { link, expires_at: timeOf(expiresAtMs) });
    else {
      writeLines(io.out, [link]);
      writeLines(io.err, [`it makes one admin, until ${timeOf(expiresAtMs)}; the link before it works no longer`]);
    }
    return EXIT.ok;
  });
}

async function withPeople(flags: HostFlags, use: (host: Host) => Promise<number>): Promise<number> {
  const { publicUrl, dataFolder, tenants } = await hostSettings(flags);
  const host = await openHost(flags);
  try {
    if (host.kind === 'server')
      throw new CliError(
        'the server keeps people in its memory, which no command reaches; use its page People, or give it a store in a file',
      );
    const { operator, stateKey, rows } = host;
    const { tenantId, user } = operator;
    const identity = new Identity({ tenantId, records: rows.records, stateKey });
    const url = browserUrl(publicUrl ?? new URL(readRunFile(dataFolder)?.url ?? DEFAULT_URL));
    const query = tenants.size > 1 ? `?tenant=${encodeURIComponent(tenantId)}` : '';
    // what is behind the # is sent to no server, and is in no log
    const linkTo = (page: string, secret: string): string => `${url}/${page}${query}#${secret}`;
    return await use({ identity, by: `host:${user}`, linkTo });
  } finally {
    await host.close();
  }
}

/** A passkey is bound to a name, never to an address: on this machine that is `localhost`. */
function browserUrl(url: URL): string {
  const named = new URL(url);
  if (isLoopbackHost(named.hostname)) named.hostname = 'localhost';
  return named.href.replace(/\/+$/, '');
}
