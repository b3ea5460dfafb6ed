import type { OptionKinds } from '../../common/readOptions.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { TenantStoreOptions } from '../StateStore.js';

/** The tenant of everything that programs keep without a server. */
export const DEFAULT_TENANT = 'default';

/** The owner of an approval that is no process's. */
export const UNOWNED = '';

/** Whose approvals a store keeps, and how. */
export interface TenantScope {
  readonly tenantId: string;
  /** Whether what is inserted is never the property of a process. */
  readonly forOthers: boolean;
  /** How long approvals are kept after they have expired, in milliseconds. */
  readonly keepMs: number;
}

/** What programs keep without a server. */
export const DEFAULT_SCOPE: TenantScope = Object.freeze({ tenantId: DEFAULT_TENANT, forOthers: false, keepMs: 0 });

const TENANT_ID = /^[A-Za-z0-9_.-]{1,64}$/;
const TENANT_OPTIONS: OptionKinds<TenantStoreOptions> = { forOthers: 'boolean', keepMs: 'age' };

/** @throws ConfigError where it cannot be the id of a tenant */
export function checkedTenantId(tenantId: string): string {
  if (typeof tenantId === 'string' && TENANT_ID.test(tenantId)) return tenantId;
  throw new ConfigError([{ where: 'tenantId', message: 'must be 1 to 64 letters, digits, `_`, `.` and `-`.' }]);
}

/**
 * Checks what `forTenant` is given.
 *
 * @throws ConfigError where it cannot be the id of a tenant, and for an option that cannot be used
 */
export function tenantScope(tenantId: string, options: TenantStoreOptions = {}): TenantScope {
  const { forOthers = false, keepMs = 0 } = checkedOptions('forTenant()', options, TENANT_OPTIONS);
  return { tenantId: checkedTenantId(tenantId), forOthers, keepMs };
}
