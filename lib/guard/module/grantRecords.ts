import type { RecordStore } from '../../store/RecordStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import type { AegisOptions } from './AegisOptions.js';
import { secretOf } from './stores.js';
import type { ModuleStores } from './stores.js';

/**
 * Where a module keeps its grants: with its tasks, signed; in memory where tasks are in memory.
 *
 * @returns `undefined` where the store is durable and could not hold grants that only this program can make
 */
export function grantRecords({ stateKey }: AegisOptions, { tasks, records }: ModuleStores): (() => Promise<RecordStore>) | undefined {
  if (tasks.durable !== true)
    return async () => {
      const { MemoryRecordStore } = await import('../../store/memory/MemoryRecordStore.js');
      return new MemoryRecordStore();
    };
  if (records === undefined || stateKey === undefined) return undefined;
  return async () => {
    const { SignedRecordStore } = await import('../../store/signing/SignedRecordStore.js');
    return new SignedRecordStore(records(), { stateKey: secretOf(stateKey), tenantId: DEFAULT_TENANT });
  };
}
