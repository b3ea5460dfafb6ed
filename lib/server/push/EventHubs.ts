import { writeApprovalStatus } from '../../decision/wire/approvalStatus.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Tenant } from '../tenant/Tenant.js';
import { EventHub } from './EventHub.js';
import type { EventHubOptions } from './EventHub.js';

/** The hub of each tenant. It is made for the first listener, and says what the tenant's desk settles: also what other processes have, once it is told. */
export class EventHubs {
  readonly #options: EventHubOptions | undefined;
  readonly #hubs = new Map<string, { readonly hub: EventHub; readonly leave: () => void }>();
  #closed = false;

  constructor(options?: EventHubOptions) {
    this.#options = options;
  }

  /** The hub of a tenant. */
  of({ id, desk }: Pick<Tenant, 'id' | 'desk'>): EventHub {
    const known = this.#hubs.get(id);
    if (known !== undefined) return known.hub;
    const hub = new EventHub(this.#options);
    const onSettled = (record: ApprovalRecord): void => {
      const { decisionId, agentId } = record;
      hub.publish({ type: 'status', agentId, data: writeApprovalStatus(decisionId, record) });
    };
    desk.on('settled', onSettled);
    this.#hubs.set(id, { hub, leave: () => void desk.off('settled', onSettled) });
    if (this.#closed) hub.close();
    return hub;
  }

  /** How many listen, in all. */
  get listeners(): number {
    let all = 0;
    for (const { hub } of this.#hubs.values()) all += hub.listeners;
    return all;
  }

  /** Tells all listeners of a tenant, or of all, that something may be missing. */
  resync(tenantId?: string): void {
    for (const [id, { hub }] of this.#hubs) if (tenantId === undefined || id === tenantId) hub.resync();
  }

  /**
   * Ends every stream, and each later one.
   *
   * @param retryMs about when listeners should come back, in milliseconds
   */
  close(retryMs?: number): void {
    this.#closed = true;
    for (const { hub, leave } of this.#hubs.values()) {
      leave();
      hub.close(retryMs);
    }
  }
}
