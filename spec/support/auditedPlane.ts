import type { AuditRecord } from '../../lib/audit/record/AuditRecord.js';
import type { AuditBatch, AuditSink, AuditSource, OpenLog, Opening } from '../../lib/audit/sink/AuditSink.js';
import { MemorySink } from '../../lib/audit/sink/MemorySink.js';
import type { MemoryLogs } from '../../lib/audit/sink/MemorySink.js';
import { AuditKey } from '../../lib/audit/tree/AuditKey.js';
import { auditLog } from '../../lib/audit/writer/AuditLog.js';
import type { AuditLog } from '../../lib/audit/writer/AuditLog.js';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { SecretString } from '../../lib/common/SecretString.js';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { PLAIN_CLIENT } from './plainClient.js';
import { HostClient } from '../../lib/cli/server/HostClient.js';
import type { DataPlaneOptions } from '../../lib/server/DataPlaneOptions.js';
import { servePlane } from './servePlane.js';
import type { ServedPlane } from './servePlane.js';

export const AUDITED_STATE_KEY = 'state-key-for-specs-0123456789abcdef';
export const AUDIT_KEY = AuditKey.generate();
const BASE = 'b'.repeat(64);
const CLIENT = { 'x-aegis-capabilities': PLAIN_CLIENT.join(','), 'x-aegis-binding': BASE };

export const AUDITED_POLICIES = `@id("all") permit (principal, action, resource);
@id("drop") @reason("never drop") forbid (principal, action == Aegis::Action::"drop", resource);
@id("refund") @effect("approval_needed") @severity("low") @reason("a person looks at refunds") forbid (principal, action == Aegis::Action::"refund", resource);`;

/** A sink in memory whose appends can be made to fail, as a disk does: what was written then is not known. */
export class FailingSink implements AuditSink {
  /** Called with the number of each append, from 1; what it throws is the append's failure. */
  onAppend: (nth: number) => Awaitable<void> = () => {};
  readonly #inner: MemorySink;
  #appends = 0;

  constructor(logs?: MemoryLogs) {
    this.#inner = new MemorySink(logs);
  }

  get appends(): number {
    return this.#appends;
  }

  get source(): AuditSource {
    return this.#inner.source;
  }

  open(writer?: string): Awaitable<OpenLog> {
    return this.#inner.open(writer);
  }

  async append(batch: AuditBatch): Promise<void> {
    this.#appends += 1;
    await this.onAppend(this.#appends);
    await this.#inner.append(batch);
  }

  checkpoint(note: string): Awaitable<void> {
    return this.#inner.checkpoint(note);
  }

  erase(which: (opening: Opening) => boolean): Awaitable<number> {
    return this.#inner.erase(which);
  }

  close(): Awaitable<void> {
    return this.#inner.close();
  }

  another(): AuditSink {
    return this.#inner.another();
  }
}

/** A Data Plane with a log in memory, and what programs and people do at it. */
export interface AuditedPlane extends ServedPlane {
  readonly log: AuditLog;
  readonly sink: FailingSink;
  /** The HTTP status and the body of a decision. */
  decide(tool: string, params?: object, headers?: Readonly<Record<string, string>>): Promise<Answered>;
  /** As the operator of the host. */
  verdict(id: string, verdict?: 'approve' | 'deny', params?: object): Promise<unknown>;
  status(id: string): Promise<Answered>;
  use(what: 'consume' | 'begin' | 'outcome', id: string, params?: object): Promise<Answered>;
  host: HostClient;
}

export interface Answered {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** Starts one. */
export async function auditedPlane(
  options: Partial<DataPlaneOptions> & { readonly sink?: FailingSink; readonly mode?: 'required' | 'best-effort' } = {},
): Promise<AuditedPlane> {
  const { sink = new FailingSink(), mode, ...rest } = options;
  const log = auditLog({ sink, origin: 'spec.example/plane', key: AUDIT_KEY, mode });
  const plane = { policies: { text: AUDITED_POLICIES }, stateKey: AUDITED_STATE_KEY, audit: log, ...rest } as DataPlaneOptions;
  const served = await servePlane(plane);
  const key = await served.keyFor({ sessionTrusted: true });
  const host = new HostClient(served.url, new SecretString(AUDITED_STATE_KEY), { tenantId: 'default', user: 'ada' });
  const post = async (path: string, body: object, headers: Readonly<Record<string, string>> = CLIENT): Promise<Answered> => {
    const { status, json } = await served.ask('POST', path, { key, body, headers });
    return { status, json: json as Record<string, unknown> };
  };
  return {
    ...served,
    log,
    sink,
    host,
    decide: (tool, params = {}, headers) =>
      post('/v1/decision', { agent_id: 'bot', tool: { name: tool, params }, session: { user_id: 'u-1' } }, headers),
    async verdict(id, verdict = 'approve', params = {}) {
      return host.ask('POST', `/v1/approvals/${id}/verdict`, { verdict, digest: canonicalDigest(params), reason: 'because' });
    },
    async status(id) {
      const { status, json } = await served.ask('GET', `/v1/decision/${id}/status`, { key, headers: CLIENT });
      return { status, json: json as Record<string, unknown> };
    },
    use(what, id, params = {}) {
      const bodies = {
        consume: { digest: canonicalDigest(params), bindingBase: BASE, token: 'task-1' },
        begin: { token: 'task-1', claimToken: 'claim-1' },
        outcome: { token: 'task-1', status: 'completed' },
      };
      return post(`/v1/decision/${id}/${what}`, bodies[what]);
    },
    [Symbol.asyncDispose]: served[Symbol.asyncDispose],
  };
}

/** The records of every log, by writer. */
export async function auditRecords(source: AuditSource): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  for (const writer of await source.writers())
    for await (const lines of source.lines(writer))
      if (!('torn' in lines)) for (const line of lines) records.push(JSON.parse(line) as AuditRecord);
  return records;
}
