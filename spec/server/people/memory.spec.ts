import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { behavesLikeAdmins } from './behavesLikeAdmins.js';
import { behavesLikeIdentity } from './behavesLikeIdentity.js';
import type { IdentityWorld } from './behavesLikeIdentity.js';

describe('Identity in memory', () => {
  const make = async (): Promise<IdentityWorld> => {
    const tenants = new Map<string, MemoryRecordStore>();
    const of = (tenantId: string): MemoryRecordStore => {
      const store = tenants.get(tenantId) ?? new MemoryRecordStore();
      tenants.set(tenantId, store);
      return store;
    };
    const drop = (kind: string, id: string): void => {
      const row = of('default').get(kind, id);
      if (row !== undefined) of('default').delete(kind, id, row.version);
    };
    return {
      attackedRows: Infinity,
      records: (tenantId = 'default') => of(tenantId),
      raw: async (kind) => of('default').getAll(kind, of('default').ids(kind)),
      async put(row) {
        drop(row.kind, row.id);
        of('default').insert({ ...row, version: 1 });
        for (let version = 1; version < row.version; version++) of('default').replace({ ...row, version: version + 1 }, version);
      },
      drop: async (kind, id) => drop(kind, id),
    };
  };
  behavesLikeIdentity('memory', make);
  behavesLikeAdmins('memory', make);
});
