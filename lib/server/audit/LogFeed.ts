import type { AuditLog } from '../../audit/writer/AuditLog.js';
import { logPlaces } from '../../audit/outbox/logPlaces.js';
import type { RowTarget } from '../../audit/outbox/OutboxRows.js';
import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import type { Awaitable } from '../../common/awaitable.js';
import { RequestError } from '../front/RequestError.js';

/** The log of a server, as its outboxes write to it. */
export class LogFeed {
  readonly log: AuditLog;
  #logId = '';

  constructor(log: AuditLog) {
    this.log = log;
  }

  /** Whether nothing is told before it is in the log. */
  get isRequired(): boolean {
    return this.log.status().mode === 'required';
  }

  /** Whether the last write failed. */
  get isFailing(): boolean {
    return this.log.status().state === 'failed';
  }

  /** The name of the log. */
  get writer(): string {
    return this.log.status().writer ?? '';
  }

  /** Identifies the log: two folders may each have a log of the same name. */
  get logId(): string {
    return this.#logId;
  }

  /** Opens the log. @throws DecisionUnavailableError `audit_unavailable` */
  async open(): Promise<void> {
    await this.log.ready();
    this.#logId = (await logPlaces.idOf(this.log.source, this.log.status().writer ?? '')) ?? '';
  }

  /** Where the record of a change goes. In `required`, a log that has failed is opened again first. @throws RequestError 503 `audit_unavailable` */
  target(): Awaitable<RowTarget> {
    const { state, size } = this.log.status();
    if (state === 'open' || !this.isRequired) return { logId: this.#logId, from: size };
    return this.log.ready().then(
      () => ({ logId: this.#logId, from: this.log.size }),
      (error: unknown) => {
        throw auditUnavailable(error);
      },
    );
  }

  /** Writes a record. Resolves to its position once it is durable. @throws RequestError 503 `audit_unavailable` */
  async write({ record, opening }: OpenRecord): Promise<number> {
    try {
      return await this.log.write(record, opening);
    } catch (error) {
      throw auditUnavailable(error);
    }
  }

  /** Resolves when all that was told is durable; at once in `best-effort`. @throws RequestError 503 `audit_unavailable` */
  flush(): Awaitable<void> {
    if (!this.isRequired) return undefined;
    return this.log.flush().catch((error: unknown) => {
      throw auditUnavailable(error);
    });
  }

  /**
   * Whether a change is in a log. It reads what is durable.
   *
   * @returns `undefined` where there is no such log here
   */
  has(change: string, target: RowTarget): Promise<boolean | undefined> {
    return logPlaces.has(this.log.source, change, target);
  }

  /** The name of a log that can be read here. */
  writerOf(logId: string): Promise<string | undefined> {
    return logPlaces.writerOf(this.log.source, logId);
  }
}

/** The error of what cannot be done, because it could not be recorded. */
export function auditUnavailable(cause: unknown): RequestError {
  return new RequestError(503, 'audit_unavailable', 'It could not be recorded in the audit log, so it is not answered. Try again later.', {
    retryAfterS: 5,
    cause,
  });
}
