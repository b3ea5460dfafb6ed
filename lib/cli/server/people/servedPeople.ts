import * as v from 'valibot';
import type { HostPeople, WireInvitation, WirePerson } from '../../../server/route/hostPeople.js';
import { CliError } from '../../CliIo.js';
import type { HostClient } from '../HostClient.js';

const text = v.string();
const texts = v.array(text);
const person = v.looseObject({
  id: text,
  name: text,
  status: text,
  roles: texts,
  groups: texts,
  user_ids: texts,
  issuers: texts,
  created_at: text,
});
const came = v.nullable(v.looseObject({ person_id: text, name: text, at: text }));
const invitation = v.looseObject({
  ...person.entries,
  issuers: v.optional(texts),
  created_at: v.optional(text),
  made_by: text,
  expires_at: text,
  came,
});
const list = v.looseObject({ people: v.array(person), invitations: v.array(invitation), tampered: v.boolean() });
const invited = v.looseObject({ ...invitation.entries, secret: text });
const link = v.looseObject({ secret: text, expires_at: text });

/** The people of a server that keeps them in its memory, asked over loopback with requests that are signed with the state key. */
export function servedPeople(client: HostClient): HostPeople {
  return {
    list: async () => read(list, await client.ask('GET', '/v1/people')) as Awaited<ReturnType<HostPeople['list']>>,
    invite: async (invitee) =>
      read(invited, await client.ask('POST', '/v1/invitations', invitee)) as WireInvitation & { readonly secret: string },
    confirm: async (id) => read(person, await client.ask('POST', `${invitationPath(id)}/confirm`)) as WirePerson,
    revoke: async (id) => void (await client.ask('DELETE', invitationPath(id))),
    async remove(id) {
      const answer = await client.ask('DELETE', `/v1/people/${encodeURIComponent(id)}`, undefined, [404]);
      return answer === undefined ? undefined : (read(person, answer) as WirePerson);
    },
    bootstrap: async () => read(link, await client.ask('POST', '/v1/setup-links')),
  };
}

function invitationPath(id: string): string {
  return `/v1/invitations/${encodeURIComponent(id)}`;
}

function read<T>(schema: v.GenericSchema<unknown, T>, answer: unknown): T {
  const { success, output } = v.safeParse(schema, answer);
  if (!success) throw new CliError('the server answered something else than people; it may be of another version');
  return output;
}
