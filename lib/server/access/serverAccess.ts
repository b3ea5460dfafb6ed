import type { SecretString } from '../../common/SecretString.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { purposeKey } from '../../store/purposeKey.js';
import type { RecordStore } from '../../store/RecordStore.js';
import type { Identity } from '../people/Identity.js';
import { Authenticator } from './Authenticator.js';
import { HostSignature } from './HostSignature.js';
import { KeyRing } from './KeyRing.js';
import { PeopleAccess } from './PeopleAccess.js';

/** What says who may use a server. */
export interface ServerAccess {
  readonly authenticator: Authenticator;
  /** The keys of a tenant. @throws NotFoundError */
  readonly ringOf: (tenantId: string) => KeyRing;
}

/** What a server's access is made of. */
export interface ServerAccessOptions {
  readonly stateKey: SecretString;
  /** The signed records of each tenant, and its people. */
  readonly tenants: Iterable<{ readonly id: string; readonly records: RecordStore; readonly identity?: Identity | undefined }>;
  readonly clock?: SteadyClock | undefined;
}

/** Makes what says who may use a server: one ring of keys for each tenant, its people, and the operator of the host. */
export function serverAccess({ stateKey, tenants, clock }: ServerAccessOptions): ServerAccess {
  const all = [...tenants];
  const rings = new Map(all.map(({ id, records }) => [id, keyRingOf(stateKey, id, records, clock)]));
  const people = new PeopleAccess(all.flatMap(({ identity }) => identity ?? []));
  return {
    authenticator: new Authenticator(rings.values(), new HostSignature(hostRequestKey(stateKey), clock), people),
    ringOf(tenantId) {
      const ring = rings.get(tenantId);
      if (ring === undefined) throw new NotFoundError('This server has no such tenant.');
      return ring;
    },
  };
}

/** The keys of one tenant, where the state key is: in a server, or in the command line beside it. */
export function keyRingOf(stateKey: SecretString, tenantId: string, records: RecordStore, clock?: SteadyClock): KeyRing {
  return new KeyRing({ tenantId, records, pepper: purposeKey(stateKey, 'api-keys', tenantId), clock });
}

/** The key for requests of the operator of the host: one for all tenants, because the operator has the key of all. */
export function hostRequestKey(stateKey: SecretString): SecretString {
  return purposeKey(stateKey, 'host-requests', 'default');
}
