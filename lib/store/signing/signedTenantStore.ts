import type { ApprovalStore } from '../ApprovalStore.js';
import { purposeKey } from '../purposeKey.js';
import type { RecordStore } from '../RecordStore.js';
import { SignedApprovalStore } from '../SignedApprovalStore.js';
import type { TenantStore } from '../StateStore.js';
import { DEFAULT_TENANT } from '../tenant/tenantScope.js';
import { SignedRecordStore } from './SignedRecordStore.js';
import type { RecordSigning } from './SignedRecordStore.js';

/** The rows of one tenant, signed. */
export interface SignedTenantStore {
  readonly approvals: ApprovalStore;
  readonly records: RecordStore;
}

/**
 * Signs the approvals and the records of one tenant. Those of each tenant have keys of their own, so that no row counts for another one. Approvals of
 * `default` are signed with the state key itself, as programs without a server sign them.
 */
export function signedTenantStore({ approvals, records }: TenantStore, signing: RecordSigning): SignedTenantStore {
  const { stateKey, tenantId } = signing;
  const key = tenantId === DEFAULT_TENANT ? stateKey : purposeKey(stateKey, 'approvals', tenantId);
  return { approvals: new SignedApprovalStore(approvals, key), records: new SignedRecordStore(records, signing) };
}
