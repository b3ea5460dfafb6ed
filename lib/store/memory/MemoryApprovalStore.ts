import { frozenData, holdsDate } from '../../model/snapshot/frozenData.js';
import type { ApprovalCard, ApprovalQuery, ApprovalRecord, ApprovalStore, ChangeConditions } from '../ApprovalStore.js';
import type { CounterChange, CounterStore } from '../counter/CounterStore.js';
import { LazyCounterStore } from '../counter/LazyCounterStore.js';
import type { StoredRecord } from '../RecordStore.js';
import { storeLimits } from '../storeLimits.js';

/** How many records that were used, or ended undecided, are kept, and how many refused ones. They can still be read, but nothing can be done with them. */
const MAX_ENDED = 10_000;

/** Counters that change in the same tick as an approval. */
export interface ChangingCounters extends CounterStore {
  /** @throws TakeRefusedError where it does not fit */
  change(change: CounterChange | undefined): void;
}

/** Keeps approvals in the memory of this process. It is the default, and its approvals end with the process. */
export class MemoryApprovalStore implements ApprovalStore {
  readonly counters: ChangingCounters;
  /** In the order of creation. */
  readonly #records = new Map<string, ApprovalRecord>();
  /** The pending ones. */
  readonly #undecided = new Map<string, ApprovalRecord>();
  /** Ids of those that were used or ended undecided, in that order. */
  readonly #spent = new Set<string>();
  /** Ids of those that were refused, in that order. */
  readonly #refused = new Set<string>();
  /** Ids of those with a Date in them, which cannot be frozen: each reader gets a copy. */
  readonly #dated = new Set<string>();
  readonly #pending = new Map<string, number>();
  /** Refused ones by agent and tool, oldest first. These outlive the records: a call that was refused stays refused. */
  readonly #denied = new Map<string, ApprovalRecord[]>();

  /** @param counters of the same tenant */
  constructor(counters: ChangingCounters = new LazyCounterStore()) {
    this.counters = counters;
  }

  insert(record: ApprovalRecord, _card?: ApprovalCard, _beside?: readonly StoredRecord[], takes?: CounterChange): boolean {
    if (this.#records.has(record.decisionId)) return false;
    this.counters.change(takes);
    this.#put(record);
    return true;
  }

  /** One approval, or `undefined`. */
  get(decisionId: string): ApprovalRecord | undefined {
    const record = this.#records.get(decisionId);
    return record && this.#shown(record);
  }

  replace(
    record: ApprovalRecord,
    version: number,
    _card?: ApprovalCard,
    _beside?: readonly StoredRecord[],
    _conditions?: ChangeConditions,
    takes?: CounterChange,
  ): boolean {
    const old = this.#records.get(record.decisionId);
    if (old?.version !== version) return false;
    this.counters.change(takes);
    this.#count(old, -1);
    const kept = this.#put(record);
    if (record.status === 'denied' && old.status !== 'denied') this.#remember(kept);
    return true;
  }

  list({
    status,
    agentId,
    toolName,
    overdueAtMs,
    overdueSinceMs = -Infinity,
    limit = storeLimits.listed,
  }: ApprovalQuery): readonly ApprovalRecord[] {
    const found: ApprovalRecord[] = [];
    for (const record of (status === 'pending' ? this.#undecided : this.#records).values()) {
      if (found.length >= limit) break;
      if (status !== undefined && record.status !== status) continue;
      if (agentId !== undefined && record.agentId !== agentId) continue;
      if (toolName !== undefined && record.toolName !== toolName) continue;
      if (overdueAtMs !== undefined && record.expiresAtMs > overdueAtMs) continue;
      if (record.expiresAtMs <= overdueSinceMs) continue;
      found.push(this.#shown(record));
    }
    return found;
  }

  countPending(agentId: string, toolName: string, cap: number = Infinity): number {
    return Math.min(this.#pending.get(callerKey({ agentId, toolName })) ?? 0, cap + 1);
  }

  listDenied(agentId: string, toolName: string, sinceMs: number): readonly ApprovalRecord[] {
    // each use of a grant asks, and mostly no one has refused anything
    if (this.#denied.size === 0) return [];
    return (this.#denied.get(callerKey({ agentId, toolName })) ?? []).flatMap((r) =>
      (r.verdicts.at(-1)?.atMs ?? 0) >= sinceMs ? [this.#shown(r)] : [],
    );
  }

  prune(endedByMs: number): number {
    let pruned = 0;
    for (const record of this.#records.values()) {
      if (record.expiresAtMs > endedByMs) continue;
      this.#records.delete(record.decisionId);
      this.#undecided.delete(record.decisionId);
      this.#spent.delete(record.decisionId);
      this.#refused.delete(record.decisionId);
      this.#dated.delete(record.decisionId);
      this.#count(record, -1);
      pruned += 1;
    }
    for (const [caller, denied] of this.#denied) {
      const rest = denied.filter((record) => record.expiresAtMs > endedByMs);
      if (rest.length === 0) this.#denied.delete(caller);
      else if (rest.length < denied.length) this.#denied.set(caller, rest);
    }
    return pruned;
  }

  /** Keeps a record that no one else can change, and returns it. */
  #put(given: ApprovalRecord): ApprovalRecord {
    const record = frozenData(given);
    const { decisionId, status } = record;
    if (holdsDate(record)) this.#dated.add(decisionId);
    else this.#dated.delete(decisionId);
    this.#records.set(decisionId, record);
    if (status === 'pending') this.#undecided.set(decisionId, record);
    else this.#undecided.delete(decisionId);
    this.#count(record, 1);
    if (status === 'denied') this.#keepNewest(this.#refused, decisionId);
    else if (record.consumed !== undefined || status === 'expired' || status === 'withdrawn') this.#keepNewest(this.#spent, decisionId);
    return record;
  }

  #keepNewest(ended: Set<string>, decisionId: string): void {
    ended.add(decisionId);
    if (ended.size <= MAX_ENDED) return;
    const oldest = ended.values().next().value as string;
    ended.delete(oldest);
    this.#records.delete(oldest);
    this.#dated.delete(oldest);
  }

  /** What was deleted may have a Date too: its id is not kept. */
  #shown(record: ApprovalRecord): ApprovalRecord {
    return this.#dated.has(record.decisionId) || !this.#records.has(record.decisionId) ? frozenData(record) : record;
  }

  #remember(record: ApprovalRecord): void {
    const denied = this.#denied.get(callerKey(record)) ?? [];
    denied.push(record);
    if (denied.length > storeLimits.listedDenied) denied.shift();
    this.#denied.set(callerKey(record), denied);
  }

  #count(record: ApprovalRecord, by: 1 | -1): void {
    if (record.status !== 'pending') return;
    const key = callerKey(record);
    const count = (this.#pending.get(key) ?? 0) + by;
    if (count === 0) this.#pending.delete(key);
    else this.#pending.set(key, count);
  }
}

function callerKey({ agentId, toolName }: { readonly agentId: string; readonly toolName: string }): string {
  // a tool name has no space, so two pairs never have the same key
  return `${toolName} ${agentId}`;
}
