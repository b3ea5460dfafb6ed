import type { AuditLog } from '../../audit/writer/AuditLog.js';
import { logPlaces } from '../../audit/outbox/logPlaces.js';
import type { RowTarget } from '../../audit/outbox/OutboxRows.js';
import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import type { Awaitable } from '../../common/awaitable.js';
import { RequestError } from '../front/RequestError.js';

/** Where a record is. */
export interface LogPlace {
  /** The name of the log. */
  readonly writer: string;
  readonly seq: number;
}

/** The log of a server, as its outboxes write to it. */
export class LogFeed {
  readonly log: AuditLog;
  readonly #onNeeded: (() => Promise<void>) | undefined;
  #logId = '';

  /** @param onNeeded opens it where it is needed before the server was opened: a module does not wait for the server */
  constructor(log: AuditLog, onNeeded?: () => Promise<void>) {
    this.log = log;
    this.#onNeeded = onNeeded;
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
    if (this.#logId === '' && this.#onNeeded !== undefined) return this.#onNeeded().then(() => this.target());
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
   * Where in a log a change is. It reads what is durable.
   *
   * @returns `absent` where it is not in the log; `undefined` where there is no such log here
   */
  async find(change: string, { logId, from }: RowTarget): Promise<LogPlace | 'absent' | undefined> {
    const { source } = this.log;
    const writer = await this.writerOf(logId);
    if (writer === undefined) return undefined;
    const wanted = `"change":${JSON.stringify(change)}`;
    for await (const lines of source.lines(writer, from)) {
      const found = 'torn' in lines ? undefined : lines.find((line) => line.includes(wanted));
      if (found !== undefined) return { writer, seq: (JSON.parse(found) as LogPlace).seq };
    }
    return 'absent';
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
