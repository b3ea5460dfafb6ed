import type { Invitation } from '../../../server/people/Invitations.js';
import type { Person } from '../../../server/people/Person.js';

/** A person as JSON for programs. */
export function shownPerson(person: Person): object {
  const { id, name, status, roles, groups, userIds, accounts, createdAtMs } = person;
  const issuers = accounts.map(({ issuer }) => issuer);
  return { id, name, status, roles, groups, user_ids: userIds, issuers, created_at: timeOf(createdAtMs) };
}

/** An invitation as JSON for programs. */
export function shownInvitation(invitation: Invitation): object {
  const { id, name, status, roles, groups, userIds, madeBy, expiresAtMs, came } = invitation;
  const who = came === undefined ? null : { person_id: came.personId, name: came.name, at: timeOf(came.atMs) };
  return { id, name, status, roles, groups, user_ids: userIds, made_by: madeBy, expires_at: timeOf(expiresAtMs), came: who };
}

/** A person as a line for people. */
export function personLine({ id, status, roles, groups, name }: Person): string {
  return `${id}  ${status.padEnd(11)}  ${roles.join(',') || 'no role'}  ${groups.join(',') || 'no group'}  ${name}`;
}

/** An invitation as a line for people. */
export function invitationLine({ id, status, roles, groups, name, came, madeBy }: Invitation): string {
  const stands = came === undefined ? 'invited' : `${came.name} came; ${madeBy} has to confirm`;
  return `${id}  ${(status === 'came' ? 'waiting' : 'open').padEnd(11)}  ${roles.join(',') || 'no role'}  ${groups.join(',') || 'no group'}  ${name} (${stands})`;
}

/** A time as JSON for programs. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
