import type { Caller, SignedIn } from '../access/Caller.js';
import type { Site } from '../front/Site.js';
import { LOCAL_ADMIN } from '../people/Person.js';
import type { Tenant } from '../tenant/Tenant.js';
import type { Reader } from './Reader.js';

/** A request for a page. */
export interface PageInput {
  readonly caller: Caller;
  readonly tenant: Tenant;
  readonly site: Site;
  readonly query: URLSearchParams;
}

/** The person who asks for a page: only people get this far. */
export function personOf({ caller }: Pick<PageInput, 'caller'>): SignedIn {
  const { signedIn } = caller;
  if (signedIn === undefined) throw new TypeError('A page was asked for by someone who is not a person.');
  return signedIn;
}

/** The person who asks for a page, as lists need to know them. */
export async function readerOf(input: Pick<PageInput, 'caller' | 'tenant'>): Promise<Reader> {
  const { personId, groups, roles } = personOf(input);
  const person = await input.tenant.identity.directory.personOf(personId);
  return {
    ids: person?.ids ?? [personId],
    groups: new Set(person?.groups ?? groups),
    isApprover: roles.has('approver'),
    isOperator: personId === LOCAL_ADMIN,
  };
}
