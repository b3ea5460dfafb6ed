import { attempt } from '../../common/awaitable.js';
import { AegisError } from '../../model/AegisError.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import type { TenantStore } from '../../store/StateStore.js';

/**
 * The rows of a tenant, whose every failure is a StoreError: a store of one's own may throw the errors of its driver, and callers are to be told that the
 * store is away, not that their call could not be decided.
 */
export function reliableRows({ approvals, records }: TenantStore): TenantStore {
  return { approvals: reliable(approvals), records: reliable(records) };
}

function reliable<T extends object>(store: T): T {
  return new Proxy(store, {
    get(_, key) {
      const found: unknown = Reflect.get(store, key);
      if (typeof found !== 'function') return found;
      return (...args: unknown[]) =>
        attempt<unknown, unknown>(
          () => Reflect.apply(found, store, args) as unknown,
          (value) => value,
          (error) => {
            throw AegisError.is(error) ? error : new StoreError('The store failed. See the cause for its own error.', { cause: error });
          },
        );
    },
  });
}
