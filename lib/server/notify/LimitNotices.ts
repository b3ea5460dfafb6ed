import { LruMap } from '../../common/LruMap.js';
import { randomId } from '../../common/nextId.js';
import type { RecordStore } from '../../store/RecordStore.js';
import { plainLine } from '../front/plainLine.js';

/** What the admins are told of a limit. Nothing of a call's params or session is in it, and no amount. */
export interface LimitNotice {
  /** The same for every attempt to deliver it. */
  readonly id: string;
  readonly tenantId: string;
  /** `near`: as much is used as `@warn_at` says. `uncounted`: a call was refused because it could not be counted. */
  readonly about: 'refused' | 'near' | 'uncounted';
  /** The `@id` of the limit's policy. */
  readonly policyId: string;
  /** The agent whose call it was. */
  readonly agentId: string;
  readonly toolName: string;
  /** How long the limit's window is, in milliseconds; absent where nothing was counted. */
  readonly windowMs?: number | undefined;
  readonly atMs: number;
  /** The page of limits. */
  readonly link: string;
}

/** A limit has refused a call, or is nearly used up. */
interface News extends Pick<LimitNotice, 'agentId' | 'toolName'> {
  readonly how: 'refused' | 'near';
  readonly policyIds: readonly string[];
  readonly counters: readonly { readonly key: string; readonly policyId: string; readonly windowMs: number }[];
}

/** The limits of a tenant, as far as they are told. */
export interface ToldLimits {
  on(listener: (news: News) => void): void;
}

/** The kind of the records of what was told of limits: of several servers that notice it, one tells it. */
const TOLD_KIND = 'notice-limit';
/** How long nothing more is told of one limit, in milliseconds: it may count for many people apart. */
const PAUSE_MS = 300_000;
/** For what could not be counted there is no window. */
const UNCOUNTED_MS = 3_600_000;
const MAX_KNOWN = 10_000;

/** Notices which limits refuse and which are nearly used up, and hands out each once in a window of its counter. */
export class LimitNotices {
  readonly #records: RecordStore;
  readonly #now: () => number;
  readonly #wake: () => void;
  /** What was told, by counter and window: the store is not asked again for each call that is refused. */
  readonly #told = new LruMap<string, true>(MAX_KNOWN);
  /** When something was last told of a limit. */
  readonly #lastAtMs = new LruMap<string, number>(MAX_KNOWN);
  #incoming: { readonly counted: string; readonly endMs: number; readonly notice: Omit<LimitNotice, 'tenantId' | 'link'> }[] = [];
  #closed = false;

  constructor(records: RecordStore, now: () => number, wake: () => void) {
    this.#records = records;
    this.#now = now;
    this.#wake = wake;
  }

  start(limits: ToldLimits): void {
    limits.on((news) => this.#note(news));
  }

  close(): void {
    this.#closed = true;
  }

  /** Hands out what no server has told. */
  async takeDue(nowMs: number, handOut: (notice: Omit<LimitNotice, 'tenantId' | 'link'>) => Promise<void>): Promise<void> {
    for (let next = this.#incoming[0]; next !== undefined; next = this.#incoming[0]) {
      const { counted, endMs, notice } = next;
      const row = { kind: TOLD_KIND, id: counted, version: 1, createdAtMs: nowMs, deleteAfterMs: endMs, body: '{}' };
      if (await this.#records.insert(row)) await handOut(notice);
      this.#incoming.shift();
      await this.#records.prune(TOLD_KIND, nowMs);
    }
  }

  #note({ how, agentId, toolName, policyIds, counters }: News): void {
    if (this.#closed) return;
    for (const { key, policyId, windowMs } of counters) this.#add(how, key, { policyId, agentId, toolName, windowMs });
    if (counters.length === 0) for (const policyId of policyIds) this.#add('uncounted', policyId, { policyId, agentId, toolName });
  }

  #add(about: LimitNotice['about'], key: string, of: Pick<LimitNotice, 'policyId' | 'agentId' | 'toolName' | 'windowMs'>): void {
    const atMs = this.#now();
    const { policyId, windowMs = UNCOUNTED_MS } = of;
    const window = Math.floor(atMs / windowMs);
    const counted = `${about} ${window} ${key}`;
    const kind = `${about} ${policyId}`;
    if (this.#told.get(counted) === true || atMs - (this.#lastAtMs.get(kind) ?? -Infinity) < PAUSE_MS) return;
    this.#told.set(counted, true);
    this.#lastAtMs.set(kind, atMs);
    // a key is the digest of whom it counts for: it leaves the server in no id
    const notice = { id: randomId('limit'), about, ...of, atMs };
    this.#incoming.push({ counted, endMs: (window + 1) * windowMs, notice });
    this.#wake();
  }
}

const TITLES: Readonly<Record<LimitNotice['about'], string>> = {
  refused: 'A limit refuses calls',
  near: 'A limit is nearly used up',
  uncounted: 'A limit refuses calls that it cannot count',
};

/** What a notice says, for people: nothing that anyone typed is hidden in it, or becomes a link. */
export function limitLines({ about, policyId, agentId, toolName, atMs }: LimitNotice): readonly [title: string, ...lines: string[]] {
  return [
    `${TITLES[about]}: ${plainLine(policyId, 128)}`,
    `Agent: ${plainLine(agentId, 64)}`,
    `Tool: ${plainLine(toolName, 64)}`,
    `At: ${new Date(atMs).toISOString()}`,
  ];
}
