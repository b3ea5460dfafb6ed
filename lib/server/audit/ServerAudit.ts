import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { NewRecord } from '../../audit/record/AuditRecord.js';
import { decidedRecord } from '../../audit/record/recordOf.js';
import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import type { AuditLog, AuditStatus } from '../../audit/writer/AuditLog.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Logger } from '../../common/Logger.js';
import type { SecretString } from '../../common/SecretString.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import type { Diagnostic } from '../../model/diagnostics.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { AegisModule } from '../../guard/module/AegisModule.js';
import type { DecidedEvent, Journal } from '../../model/Journal.js';
import type { ApprovalStore } from '../../store/ApprovalStore.js';
import type { RecordStore } from '../../store/RecordStore.js';
import type { ServerStore, TenantStore } from '../../store/StateStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import { namesOf } from '../front/namesOf.js';
import { AuditedApprovals } from './AuditedApprovals.js';
import { AuditedRecords } from './AuditedRecords.js';
import { AuditOutbox } from './AuditOutbox.js';
import type { ApprovalPlace } from './AuditOutbox.js';
import { KEPT_ID, KEPT_KIND } from './HostOutbox.js';
import { StoredHeads } from './StoredHeads.js';
import { LogFeed } from './LogFeed.js';
import { ModuleEvents } from './ModuleEvents.js';
import { OutboxRows } from '../../audit/outbox/OutboxRows.js';
import { BEAT_MS, WriterLease } from './WriterLease.js';

/** What a {@link ServerAudit} needs. */
export interface ServerAuditOptions {
  readonly log: AuditLog;
  readonly store: ServerStore;
  /** Signs the rows of the outboxes. */
  readonly stateKey: SecretString;
  readonly previousStateKey?: SecretString | undefined;
  readonly now: () => number;
  /** Where the log is that of a module: opens the server. The log stays open when the server is closed. */
  readonly openServer?: (() => Promise<void>) | undefined;
  /** How long it is known where in the log the records of an approval are, in milliseconds. @defaultValue 90 days */
  readonly historyMs?: number | undefined;
  readonly logger: Logger;
}

/** The rows of a tenant, as its desk and its people use them. */
export interface AuditedRows {
  readonly approvals: ApprovalStore;
  readonly records: RecordStore;
}

/** What a server tells its log about the calls of one tenant. */
export interface TenantAudit {
  /** Takes a decision. Its answer leaves once the record is durable. */
  decided(event: Omit<DecidedEvent, 'kind'>): void;
  /** Where the log stands. */
  status(): AuditStatus;
  /** The names of all logs beside it, its own included. */
  writers(): Promise<readonly string[]>;
  /** Where the records of what became of an approval are in the logs, oldest first. */
  placesOf(decisionId: string): Promise<readonly ApprovalPlace[]>;
}

interface AuditedTenant {
  readonly outbox: AuditOutbox;
  onLate: (decisionId: string) => void;
}

/** How long after a failure what is left is looked at again, in milliseconds. */
const RETRY_MS = 1_000;
const CHANNEL = 'aegis:diagnostics';
const NO_LOG: ReadonlySet<string> = new Set();

/** The audit log of a server: everything that its tenants decide, and every change of who may do what. */
export class ServerAudit {
  readonly #feed: LogFeed;
  readonly #lease: WriterLease;
  readonly #heads: StoredHeads;
  readonly #options: ServerAuditOptions;
  readonly #tenants = new Map<string, AuditedTenant>();
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #isOpen = false;
  #detach: (() => void) | undefined;
  readonly #onDiagnostic = (message: unknown): void => this.#security(message as Diagnostic);

  constructor(options: ServerAuditOptions) {
    this.#options = options;
    if (!this.#isOfModule) options.log.writeForServer();
    this.#feed = new LogFeed(options.log, options.openServer);
    const { records } = options.store.forTenant(DEFAULT_TENANT);
    this.#lease = new WriterLease(records);
    this.#heads = new StoredHeads(records);
  }

  /** Where the log stands. */
  status(): AuditStatus {
    return this.#feed.log.status();
  }

  /**
   * The rows of a tenant, each change of which is recorded.
   *
   * @param raw not signed
   * @param signed the same rows, signed
   * @throws ConfigError where the store cannot keep a change and its row together
   */
  rowsOf(tenantId: string, raw: TenantStore, signed: AuditedRows): AuditedRows {
    if (raw.records.insertsBeside !== true || raw.approvals.insertsBeside !== true) throw cannotInsertBeside();
    const { stateKey, previousStateKey, now, historyMs = 90 * DAY_MS } = this.#options;
    const tenant: AuditedTenant = {
      onLate: () => {},
      outbox: new AuditOutbox({
        records: raw.records,
        rows: new OutboxRows({ stateKey, previousStateKey, tenantId }),
        isOfModule: this.#isOfModule,
        feed: this.#feed,
        lease: this.#lease,
        now,
        keepMs: historyMs,
        onLate: (decisionId) => tenant.onLate(decisionId),
        onFailed: () => this.#sweepSoon(),
      }),
    };
    this.#tenants.set(tenantId, tenant);
    return {
      approvals: new AuditedApprovals(signed.approvals, tenant.outbox, this.#named(tenantId)),
      records: new AuditedRecords(signed.records, tenant.outbox, this.#named(tenantId)),
    };
  }

  /**
   * Has each change that the desk of a module makes recorded, once, until the server is closed. After {@link rowsOf}.
   *
   * @throws ConfigError where the store of the module cannot keep a change and its row together
   */
  attach({ approvals: desk }: AegisModule, tenantId: string): void {
    const { outbox } = this.#tenants.get(tenantId) as AuditedTenant;
    const events = new ModuleEvents(outbox);
    desk.useStore((store) => {
      if (store.insertsBeside !== true) throw cannotInsertBeside();
      this.#detach = () => {
        desk.useStore(() => store);
        events.leave();
      };
      return new AuditedApprovals(store, events, this.#named(tenantId));
    });
    this.#feed.log.writtenBy((event) => events.isWritten(event));
    // from now on, and not from when it is open: what the module reports is written
    subscribe(CHANNEL, this.#onDiagnostic);
  }

  /** Takes the decisions of a tenant. */
  of(tenantId: string): TenantAudit {
    return {
      decided: (event) => this.#tell(() => decidedRecord(event, this.#named(tenantId))),
      status: () => this.status(),
      writers: async () => this.#feed.log.source.writers(),
      placesOf: async (decisionId) => (await this.#tenants.get(tenantId)?.outbox.placesOf(decisionId)) ?? [],
    };
  }

  /** Takes the changes of a tenant's policies. */
  journalOf(tenantId: string): Journal {
    return {
      note: (event) => {
        // those that are in force at the start are told when the log is open
        if (event.kind !== 'policies' || !this.#isOpen) return;
        const { kind, hash, previousHash, by } = event;
        this.#tell(() => ({ record: { kind, tenantId, hash, previousHash, by } }));
      },
    };
  }

  /**
   * Opens the log, and writes what was left from before. The store must be open.
   *
   * @param policies the hash of those in force, by tenant
   * @param onLate told of an approval whose change was written late, because its server had died or its log had failed
   * @throws DecisionUnavailableError `audit_unavailable`
   */
  async open(policies: ReadonlyMap<string, string>, onLate: (tenantId: string, decisionId: string) => void): Promise<void> {
    for (const [tenantId, tenant] of this.#tenants) tenant.onLate = (decisionId) => onLate(tenantId, decisionId);
    await this.#feed.open();
    await this.#lease.begin(this.#feed.logId);
    await this.#options.store.forTenant(DEFAULT_TENANT).records.insert({
      kind: KEPT_KIND,
      id: KEPT_ID,
      version: 1,
      createdAtMs: this.#options.now(),
      body: '{}',
    });
    this.#isOpen = true;
    if (this.#isOfModule) return this.#begin();
    subscribe(CHANNEL, this.#onDiagnostic);
    for (const [tenantId, hash] of policies) this.#tell(() => ({ record: { kind: 'policies', tenantId, hash } }));
    await this.#begin();
  }

  async #begin(): Promise<void> {
    await this.#sweep();
    this.#timer = setInterval(() => void this.#sweepQuietly(), BEAT_MS);
    this.#timer.unref();
  }

  /** Resolves when all that was told is durable; at once in `best-effort`. @throws RequestError 503 `audit_unavailable` */
  flush(): Awaitable<void> {
    return this.#feed.flush();
  }

  /** Lets the log go. What is still in an outbox is written by the next server. The store must still be open. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#detach?.();
    unsubscribe(CHANNEL, this.#onDiagnostic);
    await this.#sweeping;
    try {
      for (const { outbox } of this.#tenants.values()) await outbox.drained();
      if (this.#isOpen) await this.#lease.end();
    } catch (error) {
      this.#options.logger.warn(namesOf(error), 'The outbox of the audit log could not be left in order; the next server does it.');
    }
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    if (!this.#isOfModule) await this.#feed.log.close();
    try {
      // the last checkpoint is made when the log is closed
      if (wasOpen) await this.#heads.keep(this.#feed);
    } catch (error) {
      this.#options.logger.warn(namesOf(error), 'The last checkpoint of the audit log could not be kept in the store.');
    }
  }

  get #isOfModule(): boolean {
    return this.#options.openServer !== undefined;
  }

  /** What records say of the tenant: those of a module have none. */
  #named(tenantId: string): string | undefined {
    return this.#isOfModule ? undefined : tenantId;
  }

  /** A log that has failed is opened again before long. */
  #sweepSoon(): void {
    if (!this.#isOpen) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      void this.#sweepQuietly();
    }, RETRY_MS).unref();
  }

  #tell(make: () => OpenRecord): void {
    const failed = (error: unknown): void => publishCallbackError('writing the audit log', error);
    try {
      const { record, opening } = make();
      this.#feed.log.write(record, opening).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #security(message: Diagnostic): void {
    if (message.kind !== 'security') return;
    const { code, subject } = message;
    const record: NewRecord = { kind: 'security', code, ...subject };
    this.#tell(() => ({ record }));
  }

  async #sweepQuietly(): Promise<void> {
    if (this.#sweeping !== undefined) return;
    this.#sweeping = this.#sweep()
      .catch((error: unknown) => {
        publishCallbackError('sweeping the audit outbox', error);
        this.#sweepSoon();
      })
      .finally(() => (this.#sweeping = undefined));
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    await this.#lease.renew();
    await this.#heads.keep(this.#feed);
    for (const { outbox } of this.#tenants.values()) await outbox.sweep(NO_LOG);
    for (const logId of await this.#lease.stale()) await this.#takeOver(logId);
  }

  /**
   * Writes what a server has left that says nothing, while it has not its log open: it may be alive, and its disk slow, and a change is never in two logs.
   */
  async #takeOver(logId: string): Promise<void> {
    const writer = await this.#feed.writerOf(logId);
    const dead = new Set([logId]);
    const left = new Set<string>();
    const work = async (): Promise<void> => {
      if (!(await this.#lease.fence(logId))) return;
      for (const { outbox } of this.#tenants.values()) for (const of of await outbox.sweep(dead)) left.add(of);
      if (left.size === 0) await this.#lease.forget(logId);
    };
    if (writer === undefined) await work();
    else await this.#feed.log.whileFree(writer, work);
    if (left.size > 0)
      this.#options.logger.warn(
        { log: logId },
        'A server left changes that are not in a log which this server can read, so they are not written twice. Start that server again, or give this one the same audit folder.',
      );
  }
}

function cannotInsertBeside(): ConfigError {
  return new ConfigError([
    {
      where: 'audit',
      message:
        'needs a store that commits a change and its row for the log together (`insertsBeside`). Use sqliteStore(…), postgresStore(…) or memory.',
    },
  ]);
}
