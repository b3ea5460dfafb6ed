import { monotonicNow } from '../common/time/SteadyClock.js';
import type { ReloadResult } from '../policy/live/ReloadablePolicies.js';
import type { ApprovalRecord } from '../store/ApprovalStore.js';
import type { BeforeAnswer } from './dispatch/AnswerBatch.js';
import type { RequestReport } from './dispatch/Dispatcher.js';
import { ServerMetrics } from './front/ServerMetrics.js';
import type { Tenant } from './tenant/Tenant.js';

/** How many pending approvals of a tenant are counted; a scrape must not read them all. */
const MAX_COUNTED = 10_000;
const PAGE = 1_000;
/** By itself, or while people were looked up for a verdict. */
const STORE_FAILED: ReadonlySet<string> = new Set(['store_failed', 'store_unavailable']);
const DECISIONS: ReadonlySet<string> = new Set(['decide', 'reevaluate']);

/** Reads what a Data Plane does into its metrics. Until they are loaded, nothing is counted. */
export class Meters {
  #metrics: ServerMetrics | undefined;
  #isRecordingFailing = false;

  /** Whether the last group of answers could not be recorded. */
  get isRecordingFailing(): boolean {
    return this.#isRecordingFailing;
  }

  /** Loads the metrics. */
  async open(tenants: readonly Tenant[]): Promise<void> {
    const metrics = await ServerMetrics.open();
    this.#metrics = metrics;
    for (const { id, desk, limits } of tenants) {
      metrics.loaded(id);
      for (const { policyId } of limits.inForce()) metrics.limitKnown(id, policyId);
      limits.on(({ how, policyIds }) => {
        if (how === 'refused') for (const policyId of policyIds) metrics.limitRefused(id, policyId);
      });
      desk.on('settled', ({ status, createdAtMs, verdicts, expiresAtMs }: ApprovalRecord) => {
        metrics.settled(id, status, (verdicts.at(-1)?.atMs ?? expiresAtMs) - createdAtMs);
      });
    }
  }

  /** The metrics, once they are loaded. */
  get metrics(): ServerMetrics | undefined {
    return this.#metrics;
  }

  /** A request was answered. */
  answered({ route, status, tenantId, durationMs, error, answer }: RequestReport): void {
    this.#metrics?.answered(route, status);
    if (error !== undefined && STORE_FAILED.has(error)) this.#metrics?.storeFailed();
    if (tenantId === undefined || status !== 200 || route === undefined || !DECISIONS.has(route)) return;
    const [, effect] = /"final_decision":\{"effect":"(\w+)"/.exec(answer ?? '') ?? [];
    if (effect !== undefined) this.#metrics?.decided(tenantId, effect, durationMs);
  }

  /** A request was refused because there was too much to do. */
  shed(reason: string): void {
    this.#metrics?.shed(reason);
  }

  /** Policies were reloaded, or could not be. */
  reloaded(tenantId: string, { status }: ReloadResult): void {
    this.#metrics?.reloaded(tenantId, status);
  }

  /** Measures how long answers take to be recorded. */
  recording(beforeAnswer: BeforeAnswer | undefined): BeforeAnswer | undefined {
    if (beforeAnswer === undefined) return undefined;
    return async (batch) => {
      const startMs = monotonicNow();
      this.#isRecordingFailing = true;
      await beforeAnswer(batch);
      this.#isRecordingFailing = false;
      this.#metrics?.recorded(monotonicNow() - startMs);
    };
  }

  /** How many approvals of each tenant wait for a person. */
  async pending(tenants: readonly Tenant[]): Promise<ReadonlyMap<string, number>> {
    return new Map(await Promise.all(tenants.map(async ({ id, approvals }) => [id, await countPending(approvals)] as const)));
  }
}

async function countPending(approvals: Tenant['approvals']): Promise<number> {
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await approvals.page?.({ status: 'pending', limit: PAGE, cursor });
    count += page?.cards.length ?? 0;
    cursor = page?.cursor;
  } while (cursor !== undefined && count < MAX_COUNTED);
  return count;
}
