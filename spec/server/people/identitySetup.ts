import { SecretString } from '../../../lib/common/SecretString.js';
import { Identity } from '../../../lib/server/people/Identity.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import type { SignableRecordStore } from '../../../lib/store/RecordStore.js';
import { SignedRecordStore } from '../../../lib/store/signing/SignedRecordStore.js';

export const STATE_KEY = new SecretString('the-state-key-of-the-specs-of-people');

/** The origin of the pages of the specs. */
export const ORIGIN = 'http://localhost:4180';

/** Who may use a tenant whose rows are in this store, signed. */
export function identityOf(
  store: SignableRecordStore = new MemoryRecordStore(),
  { tenantId = 'default', isLoopback = true }: { readonly tenantId?: string; readonly isLoopback?: boolean } = {},
): Identity {
  const records = new SignedRecordStore(store, { stateKey: STATE_KEY, tenantId });
  return new Identity({ tenantId, records, stateKey: STATE_KEY, isLoopback: () => isLoopback });
}
