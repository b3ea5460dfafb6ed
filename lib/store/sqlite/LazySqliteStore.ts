import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import type { ApprovalStore } from '../ApprovalStore.js';
import type { StateStore } from '../StateStore.js';
import type { TaskStore } from '../TaskStore.js';

/**
 * The SQLite store of a path, loaded when it is opened: `configure({ store: './aegis.db' })` costs nothing where nobody names a file.
 */
export class LazySqliteStore implements StateStore {
  readonly #path: string;
  #inner: StateStore | undefined;
  #opening: Promise<void> | undefined;
  readonly tasks: TaskStore;
  readonly approvals: ApprovalStore;

  constructor(path: string) {
    this.#path = path;
    const inner = (): StateStore => {
      if (this.#inner !== undefined) return this.#inner;
      throw new ShutdownError('The store is not open: await ready() of its module first, and ask nothing of it after close().');
    };
    const own = { durable: true, open: () => this.open(), close: () => this.close() };
    this.tasks = forwarding<TaskStore>(own, () => inner().tasks);
    this.approvals = forwarding<ApprovalStore>({ open: () => this.open(), close: () => this.close() }, () => inner().approvals);
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
    // one that is just being opened is closed once it is open
    await opening?.catch(() => {});
    const inner = this.#inner;
    this.#inner = undefined;
    await inner?.close();
  }
}

/** What the object does not have itself is asked of the one that is behind it by then. */
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
