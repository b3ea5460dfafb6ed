import type { Awaitable } from '../common/awaitable.js';
import type { ApprovalStore } from './ApprovalStore.js';
import type { CounterStore } from './counter/CounterStore.js';
import type { SignableRecordStore } from './RecordStore.js';
import type { TaskStore } from './TaskStore.js';

/** Options of {@link StateStore.forTenant}. */
export interface TenantStoreOptions {
  /**
   * Whether the approvals that are inserted here are asked for by callers elsewhere. They then belong to no process, so that none is withdrawn because the
   * process that inserted it has ended.
   *
   * @defaultValue false
   */
  readonly forOthers?: boolean | undefined;
  /**
   * How long the approvals that are written here are kept after they have expired, in milliseconds.
   *
   * @defaultValue 0
   */
  readonly keepMs?: number | undefined;
}

/** The rows of one tenant. Nothing of another tenant can be reached from here. They are opened and closed with the store that they are part of. */
export interface TenantStore {
  /** The approvals of the tenant. Their ids are unique across all tenants. */
  readonly approvals: ApprovalStore;
  /** Everything else that a server keeps for the tenant. */
  readonly records: SignableRecordStore;
  /** What limits have counted for the tenant. Without it, limits are counted in the memory of each process. */
  readonly counters?: CounterStore | undefined;
}

/** What {@link StateStore.migrate} did. */
export interface Migration {
  /** The version of the schema before; 0 where there was none. */
  readonly from: number;
  /** The version of the schema now. */
  readonly to: number;
}

/** A durable store: tasks and approvals in one place. Opening or closing it opens or closes both. */
export interface StateStore {
  /** Where tasks are kept. */
  readonly tasks: TaskStore;
  /** Where approvals are kept: those of the tenant `default`. */
  readonly approvals: ApprovalStore;
  /** Makes both ready. */
  open(): Awaitable<void>;
  /** Frees what both hold. */
  close(): Awaitable<void>;
  /**
   * Gives the rows of one tenant. Everything that programs keep without a server, and everything that was kept before there were tenants, is of `default`.
   *
   * @param tenantId 1 to 64 letters, digits, `_`, `.` and `-`
   */
  forTenant?(tenantId: string, options?: TenantStoreOptions): TenantStore;
  /** Creates the tables, or brings older ones up to date, and closes the store again. Opening it does the same, so this is for a user who may do more. */
  migrate?(): Awaitable<Migration>;
  /**
   * Copies the open store into a new file while it is in use. Opening the copy starts a new life of the store: approvals that it calls unused are
   * withdrawn, because they may have been used since.
   *
   * @param path must not exist yet
   * @param onProgress is told how many pages of how many are copied
   * @throws ConfigError where the file exists already, or cannot be made
   * @throws StoreError where the copy fails; then there is no file
   */
  backup?(path: string | URL, onProgress?: (copied: number, total: number) => void): Awaitable<void>;
}

/** A store that a server can use: it has the rows of many tenants. */
export interface ServerStore extends StateStore {
  /** Gives the rows of one tenant: see {@link StateStore.forTenant}. */
  forTenant(tenantId: string, options?: TenantStoreOptions): TenantStore;
}
