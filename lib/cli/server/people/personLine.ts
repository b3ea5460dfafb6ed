import type { WireInvitation, WirePerson } from '../../../server/route/hostPeople.js';

/** A person as a line for people. */
export function personLine({ id, status, roles, groups, name }: WirePerson): string {
  return `${id}  ${status.padEnd(11)}  ${roles.join(',') || 'no role'}  ${groups.join(',') || 'no group'}  ${name}`;
}

/** An invitation as a line for people. */
export function invitationLine({ id, status, roles, groups, name, came, made_by: madeBy }: WireInvitation): string {
  const stands = came === null ? 'invited' : `${came.name} came; ${madeBy} has to confirm`;
  return `${id}  ${(status === 'came' ? 'waiting' : 'open').padEnd(11)}  ${roles.join(',') || 'no role'}  ${groups.join(',') || 'no group'}  ${name} (${stands})`;
}
