import { around } from '../killPoints.js';
import type { KillSwitch } from '../killPoints.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import type { ServerStore, TenantStore } from '../../../lib/store/StateStore.js';

/** What a server does to an approval that is then in its store. */
export const SERVER_STEPS = ['open', 'verdict', 'consume', 'begin', 'withdraw', 'expire'] as const;

type Step = (typeof SERVER_STEPS)[number];

/** Where a server can be killed: before a change is committed; when it is, and nobody was told; and when it tells. */
export type ServerKillPoint = `before-${Step}` | `after-${Step}` | 'before-answer' | 'migrating' | 'draining';

/** The store of a server, with kill points around each change of an approval. */
export function watchedServerStore(store: ServerStore, kill: KillSwitch<ServerKillPoint>): ServerStore {
  const forTenant = (tenantId: string, options?: Parameters<ServerStore['forTenant']>[1]): TenantStore => {
    const { approvals, records } = store.forTenant(tenantId, options);
    const hook = {
      before: (record: ApprovalRecord) => kill.at(`before-${stepOf(record)}`),
      after: (done: boolean, record: ApprovalRecord) => {
        if (done) kill.at(`after-${stepOf(record)}`);
      },
    };
    return { approvals: around(approvals, { insert: hook, replace: hook, replaceBegun: hook }), records };
  };
  return new Proxy(store, {
    get(_, key) {
      if (key === 'forTenant') return forTenant;
      const found: unknown = Reflect.get(store, key);
      return typeof found === 'function' ? (...args: unknown[]) => Reflect.apply(found, store, args) as unknown : found;
    },
  });
}

/** Which change has made a record what it is. */
function stepOf({ status, consumed, begun }: ApprovalRecord): Step {
  if (begun !== undefined) return 'begin';
  if (consumed !== undefined) return 'consume';
  if (status === 'pending') return 'open';
  if (status === 'withdrawn') return 'withdraw';
  return status === 'expired' ? 'expire' : 'verdict';
}
