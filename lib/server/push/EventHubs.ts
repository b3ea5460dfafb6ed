import { writeApprovalStatus } from '../../decision/wire/approvalStatus.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { endedByHalt } from '../tenant/haltsOf.js';
import type { Tenant } from '../tenant/Tenant.js';
import type { Reader } from '../decide/Reader.js';
import { EventHub } from './EventHub.js';
import type { EventHubOptions, HubEvent } from './EventHub.js';
import { haltLine } from './haltLine.js';
import { personalMarks } from './personalMarks.js';

/** What listens to a desk. */
type ListenedTenant = Pick<Tenant, 'id' | 'desk' | 'halts' | 'haltNews' | 'tools'>;

/** A hub, and how it stops listening to its desk. */
interface TenantHub<Whom> {
  readonly hub: EventHub<Whom>;
  readonly leave: () => void;
}

/** What reaches people together: news is read, not waited for. */
const PEOPLE_GATHER_MS = 50;

/**
 * The hubs of each tenant: one for its programs, and one for its people. Each is made for its first listener, and says what happens at the tenant's desk: also
 * what other processes do, once the desk is told.
 */
export class EventHubs {
  readonly #options: EventHubOptions | undefined;
  readonly #programs = new Map<string, TenantHub<never>>();
  readonly #people = new Map<string, TenantHub<Reader>>();
  #closed = false;

  constructor(options?: EventHubOptions) {
    this.#options = options;
  }

  /** The hub of a tenant's programs. */
  of(tenant: ListenedTenant): EventHub {
    return this.#hubIn(this.#programs, tenant.id, this.#options, (hub) => {
      const onSettled = (record: ApprovalRecord): void => {
        const { decisionId, agentId } = record;
        hub.publish({ type: 'status', agentId, data: writeApprovalStatus(decisionId, record, endedByHalt(tenant, record)) });
      };
      // what was frozen can be tried again
      const onLifted = (): void => hub.resync();
      const { desk, haltNews } = tenant;
      desk.on('settled', onSettled);
      haltNews.on('lifted', onLifted);
      return () => {
        desk.off('settled', onSettled);
        haltNews.off('lifted', onLifted);
      };
    });
  }

  /** The hub of a tenant's people: ids, statuses and versions, whether it is for who listens, and what is halted, never what a call says. */
  ofPeople({ id, desk, halts, haltNews }: ListenedTenant): EventHub<Reader> {
    return this.#hubIn(this.#people, id, { ...this.#options, gatherMs: PEOPLE_GATHER_MS }, (hub) => {
      const tellOf =
        (type: HubEvent['type']) =>
        (record: ApprovalRecord): void => {
          const { decisionId, status, version } = record;
          hub.publish({ type, data: { id: decisionId, status, version }, personal: personalMarks(type, record) });
        };
      const [onRequested, onChanged, onSettled] = [tellOf('requested'), tellOf('changed'), tellOf('settled')];
      const onHalts = (): void => hub.publish({ type: 'halts', data: { halted: haltLine(halts.inForce) } });
      desk.on('requested', onRequested).on('changed', onChanged).on('settled', onSettled);
      haltNews.on('halted', onHalts).on('lifted', onHalts);
      return () => {
        desk.off('requested', onRequested).off('changed', onChanged).off('settled', onSettled);
        haltNews.off('halted', onHalts).off('lifted', onHalts);
      };
    });
  }

  /** How many listen, in all. */
  get listeners(): number {
    let all = 0;
    for (const { hub } of this.#all()) all += hub.listeners;
    return all;
  }

  /** Tells all listeners of a tenant, or of all, that something may be missing. */
  resync(tenantId?: string): void {
    for (const hubs of [this.#programs, this.#people])
      for (const [id, { hub }] of hubs) if (tenantId === undefined || id === tenantId) hub.resync();
  }

  /**
   * Ends every stream, and each later one.
   *
   * @param retryMs about when listeners should come back, in milliseconds
   */
  close(retryMs?: number): void {
    this.#closed = true;
    for (const { hub, leave } of this.#all()) {
      leave();
      hub.close(retryMs);
    }
  }

  #hubIn<Whom>(
    hubs: Map<string, TenantHub<Whom>>,
    id: string,
    options: EventHubOptions | undefined,
    listen: (hub: EventHub<Whom>) => () => void,
  ): EventHub<Whom> {
    const known = hubs.get(id);
    if (known !== undefined) return known.hub;
    const hub = new EventHub<Whom>(options);
    hubs.set(id, { hub, leave: listen(hub) });
    if (this.#closed) hub.close();
    return hub;
  }

  *#all(): Iterable<TenantHub<never> | TenantHub<Reader>> {
    yield* this.#programs.values();
    yield* this.#people.values();
  }
}
