import type { SecretString } from '../../common/SecretString.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { purposeKey } from '../../store/purposeKey.js';
import type { RecordStore } from '../../store/RecordStore.js';
import { Authenticator } from './Authenticator.js';
import { HostSignature } from './HostSignature.js';
import { KeyRing } from './KeyRing.js';

/** What says who may use a server. */
export interface ServerAccess {
  readonly authenticator: Authenticator;
  /** The keys of a tenant. @throws NotFoundError */
  readonly ringOf: (tenantId: string) => KeyRing;
}

/** What a server's access is made of. */
export interface ServerAccessOptions {
  readonly stateKey: SecretString;
  /** The signed records of each tenant, by its id. */
  readonly tenants: Iterable<readonly [tenantId: string, records: RecordStore]>;
  readonly clock?: SteadyClock | undefined;
}

/** Makes what says who may use a server: one ring of keys for each tenant, and the operator of the host. */
export function serverAccess({ stateKey, tenants, clock }: ServerAccessOptions): ServerAccess {
  const rings = new Map([...tenants].map(([id, records]) => [id, keyRingOf(stateKey, id, records, clock)]));
  return {
    authenticator: new Authenticator(rings.values(), new HostSignature(hostRequestKey(stateKey), clock)),
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
