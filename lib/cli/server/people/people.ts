import { isLoopbackHost } from '../../../common/transport/loopback.js';
import { Identity } from '../../../server/people/Identity.js';
import { hostPeople } from '../../../server/route/hostPeople.js';
import type { HostPeople } from '../../../server/route/hostPeople.js';
import { type CliIo, EXIT, writeJson, writeLines } from '../../CliIo.js';
import { hostSettings, openHost } from '../openHost.js';
import type { Host, HostFlags } from '../openHost.js';
import { readRunFile } from '../RunFile.js';
import { servedPeople } from './servedPeople.js';
import { invitationLine, personLine } from './personLine.js';

/** The options of `aegis people invite`. */
export interface InviteFlags extends HostFlags {
  readonly name: string;
  readonly role?: readonly string[] | undefined;
  readonly group?: readonly string[] | undefined;
  readonly userId?: readonly string[] | undefined;
}

/** The people of a tenant, and where its pages are. */
interface PeopleHost {
  readonly people: HostPeople;
  /** A page of the server for someone who has this secret. */
  readonly linkTo: (page: string, secret: string) => string;
}

/** Where a server listens that was not told otherwise. */
const DEFAULT_URL = 'http://localhost:4180';

/** Runs `aegis people invite`: prints the link, which is shown this once. */
export async function invitePerson(flags: InviteFlags, io: CliIo): Promise<number> {
  const { name, role: roles, group: groups, userId: userIds, json } = flags;
  return withPeople(flags, async ({ people, linkTo }) => {
    const { secret, ...invitation } = await people.invite({ name, roles, groups, user_ids: userIds });
    const link = linkTo('invite', secret);
    if (json === true) writeJson(io, { ...invitation, link });
    else {
      writeLines(io.out, [link]);
      writeLines(io.err, [
        `for ${name}, until ${invitation.expires_at}; it works once, and is shown this once`,
        `when they have used it, make sure that it was them: npx aegis people confirm ${invitation.id}`,
      ]);
    }
    return EXIT.ok;
  });
}

/** Runs `aegis people confirm`. */
export async function confirmPerson(id: string, flags: HostFlags, io: CliIo): Promise<number> {
  return withPeople(flags, async ({ people }) => {
    const person = await people.confirm(id);
    if (flags.json === true) writeJson(io, person);
    else writeLines(io.out, [personLine(person)]);
    return EXIT.ok;
  });
}

/** Runs `aegis people list`. */
export async function listPeople(flags: HostFlags, io: CliIo): Promise<number> {
  return withPeople(flags, async (host) => {
    const { people, invitations, tampered } = await host.people.list();
    if (tampered)
      writeLines(io.err, [
        'rows of people were changed by someone without the state key, and are not listed; check who can write the store',
      ]);
    if (flags.json === true) writeJson(io, { people, invitations });
    else if (people.length + invitations.length === 0)
      writeLines(io.out, ['no people; open the link that npx aegis serve printed, or make one with npx aegis people bootstrap']);
    else writeLines(io.out, [...people.map(personLine), ...invitations.map(invitationLine)]);
    return EXIT.ok;
  });
}

/** Runs `aegis people remove`: a person, or an invitation that no one was confirmed by. */
export async function removePerson(id: string, flags: HostFlags, io: CliIo): Promise<number> {
  return withPeople(flags, async ({ people }) => {
    const person = await people.remove(id);
    if (person === undefined) {
      await people.revoke(id);
      if (flags.json === true) writeJson(io, { id, status: 'revoked' });
      else writeLines(io.out, ['the invitation works no longer']);
      return EXIT.ok;
    }
    if (flags.json === true) writeJson(io, person);
    else writeLines(io.out, [`${person.name} is removed; no session, token or passkey of theirs opens anything from now on`]);
    return EXIT.ok;
  });
}

/** Runs `aegis people bootstrap`: prints a link by which another admin comes, though there are people already. */
export async function bootstrapPeople(flags: HostFlags, io: CliIo): Promise<number> {
  return withPeople(flags, async ({ people, linkTo }) => {
    const { secret, expires_at: expiresAt } = await people.bootstrap();
    const link = linkTo('bootstrap', secret);
    if (flags.json === true) writeJson(io, { link, expires_at: expiresAt });
    else {
      writeLines(io.out, [link]);
      writeLines(io.err, [`it makes one admin, until ${expiresAt}; the link before it works no longer`]);
    }
    return EXIT.ok;
  });
}

async function withPeople(flags: HostFlags, use: (host: PeopleHost) => Promise<number>): Promise<number> {
  const { publicUrl, dataFolder, tenants } = await hostSettings(flags);
  const host = await openHost(flags);
  try {
    const url = browserUrl(publicUrl ?? new URL(readRunFile(dataFolder)?.url ?? DEFAULT_URL));
    const query = tenants.size > 1 ? `?tenant=${encodeURIComponent(host.operator.tenantId)}` : '';
    // what is behind the # is sent to no server, and is in no log
    const linkTo = (page: string, secret: string): string => `${url}/${page}${query}#${secret}`;
    return await use({ people: peopleOf(host), linkTo });
  } finally {
    await host.close();
  }
}

/** Over the store, or, where that is in the memory of a server, over the server. */
function peopleOf(host: Host): HostPeople {
  if (host.kind === 'server') return servedPeople(host.client);
  const { operator, stateKey, rows } = host;
  const { tenantId, user } = operator;
  return hostPeople(new Identity({ tenantId, records: rows.records, stateKey }), `host:${user}`);
}

/** A passkey is bound to a name, never to an address: on this machine that is `localhost`. */
function browserUrl(url: URL): string {
  const named = new URL(url);
  if (isLoopbackHost(named.hostname)) named.hostname = 'localhost';
  return named.href.replace(/\/+$/, '');
}
