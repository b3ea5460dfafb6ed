import { hkdfSync } from 'node:crypto';
import { SecretString } from '../common/SecretString.js';
import { checkedTenantId } from './tenant/tenantScope.js';

const PURPOSE = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * Derives the key for one purpose of one tenant from the state key (HKDF-SHA-256), so that what is signed for one of them is worth nothing elsewhere, and a
 * key that becomes known gives none of the others away.
 *
 * @param purpose such as `records`: lower-case letters, digits and `-`, at most 32
 * @throws TypeError for a purpose that cannot be one
 * @throws ConfigError for a tenantId that cannot be one
 */
export function purposeKey(stateKey: SecretString, purpose: string, tenantId: string): SecretString {
  if (!PURPOSE.test(purpose))
    throw new TypeError('A purpose must be 1 to 32 lower-case letters, digits and `-`, and must start with a letter.');
  const info = `aegis/${purpose}/v1/${checkedTenantId(tenantId)}`;
  return new SecretString(Buffer.from(hkdfSync('sha256', stateKey.reveal(), '', info, 32)).toString('base64url'));
}
