import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import type { ApprovalStore } from '../ApprovalStore.js';
import type { ServerStore, StateStore, TenantStore, TenantStoreOptions } from '../StateStore.js';
import type { TaskStore } from '../TaskStore.js';

/** The SQLite store of a path. Its code is loaded when the store is opened, so that it costs nothing where no file is configured. */
export class LazySqliteStore implements StateStore {
  readonly #path: string;
  #inner: ServerStore | undefined;
  #opening: Promise<void> | undefined;
  readonly tasks: TaskStore;
  readonly approvals: ApprovalStore;

  constructor(path: string) {
    this.#path = path;
    const inner = (): ServerStore => this.#opened();
    const own = { durable: true, open: () => this.open(), close: () => this.close() };
    this.tasks = forwarding<TaskStore>(own, () => inner().tasks);
    this.approvals = forwarding<ApprovalStore>({ open: () => this.open(), close: () => this.close() }, () => inner().approvals);
  }

  /** The rows of one tenant, once it is open. */
  forTenant(tenantId: string, options?: TenantStoreOptions): TenantStore {
    return this.#opened().forTenant(tenantId, options);
  }

  #opened(): ServerStore {
    if (this.#inner !== undefined) return this.#inner;
    throw new ShutdownError('The store is not open: await the ready() of its module first, and do not use it after close().');
  }

  open(): Promise<void> {
    this.#opening ??= import('./index.js').then(async ({ sqliteStore }) => {
      const store = sqliteStore(this.#path);
      await store.open();
      this.#inner = store;
    });
    return this.#opening;
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    // a store that is being opened is closed once it is open
    await opening?.catch(() => {});
    const inner = this.#inner;
    this.#inner = undefined;
    await inner?.close();
  }
}

/** An object that forwards what it does not have itself to another one, which need not exist yet. */
function forwarding<T extends object>(own: Partial<T>, behind: () => T): T {
  return new Proxy(own as T, {
    get(target, key) {
      if (Reflect.has(target, key)) return Reflect.get(target, key) as unknown;
      const store = behind();
      const found: unknown = Reflect.get(store, key);
      return typeof found === 'function' ? (...args: unknown[]): unknown => Reflect.apply(found, store, args) as unknown : found;
    },
  });
}
