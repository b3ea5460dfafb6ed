import { chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { sha256 } from '../../common/data/canonical.js';
import { LruMap } from '../../common/LruMap.js';
import { monotonicNow } from '../../common/time/SteadyClock.js';
import { publishDiagnostic } from '../../model/diagnostics.js';
import { freezeDeep } from '../../model/snapshot/frozenData.js';
import { grantState } from '../../model/terms/Grant.js';
import type { Grant, GrantRevocation } from '../../model/terms/Grant.js';
import { GRANT_KIND } from '../../store/RecordStore.js';
import type { RecordStore, StoredRecord } from '../../store/RecordStore.js';

const KIND = GRANT_KIND;
/** How long a list is kept, in milliseconds. A list that is older asks too often, and never too seldom: a use reads the grant itself. */
const KEPT_MS = 500;
/** How long a grant is kept after its end, in milliseconds: as long as history. */
const KEPT_AFTER_MS = 90 * 86_400_000;
const PRUNE_EVERY = 32;
/** Grants that are kept in memory as they are stored. */
const MAX_KNOWN = 1_000;
const ACTIVE = 'active';
const OVER = 'over';

/** Selects grants. */
export interface GrantQuery {
  /** Only for this agent. */
  readonly agentId?: string | undefined;
  /** Only for this tool. */
  readonly toolName?: string | undefined;
  /** Only those that this person made. */
  readonly by?: string | undefined;
  /** Only those that cover calls now. @defaultValue false */
  readonly active?: boolean | undefined;
}

/** What changes of a grant. */
interface Changing {
  readonly used: number;
  readonly revoked?: GrantRevocation | undefined;
}

/** A grant, and the texts that it is stored as. */
interface KnownGrant {
  readonly grant: Grant;
  readonly body: string;
  /** The part of the body that never changes. */
  readonly constant: string;
  /** Its index. */
  readonly caller: string;
}

/** Where grants are kept. Each use is one compare-and-set on the row of its grant: exactly as many succeed as the grant has uses, on all machines together. */
export class GrantRows {
  readonly #records: RecordStore;
  readonly #now: () => number;
  /** By agent and tool. */
  readonly #active = new LruMap<string, { readonly grants: readonly Grant[]; readonly untilMs: number; readonly changes: number }>(1_000);
  /** By id: what was last read or written, so that a use reads no JSON where the row is still that one. */
  readonly #known = new LruMap<string, KnownGrant>(MAX_KNOWN);
  /** The uses of one grant in this process, one after the other: they would only be in each other's way. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #changes = 0;
  #inserted = 0;

  constructor(records: RecordStore, now: () => number) {
    this.#records = records;
    this.#now = now;
  }

  /** Resolves to false where there is or was a grant with this id. */
  insert(grant: Grant): Awaitable<boolean> {
    this.#changes += 1;
    const pruned = this.#inserted++ % PRUNE_EVERY === 0 ? this.#records.prune(KIND, this.#now()) : 0;
    return chain(pruned, () =>
      chain(this.#records.insert(rowOf(grant, constantOf(grant), callerKey(grant.agentId, grant.toolName))), (inserted) => {
        this.#changes += 1;
        return inserted;
      }),
    );
  }

  /** Resolves to the grant with this id. */
  get(id: string): Awaitable<Grant | undefined> {
    return chain(this.#records.get(KIND, id), (row) => row && this.#knownOf(row)?.grant);
  }

  /** The grants that may cover calls of this agent and tool, oldest first. */
  activeFor(agentId: string, toolName: string): Awaitable<readonly Grant[]> {
    const key = `${agentId.length} ${agentId} ${toolName}`;
    const kept = this.#active.get(key);
    const nowMs = monotonicNow();
    if (kept !== undefined && kept.changes === this.#changes && nowMs < kept.untilMs) return kept.grants;
    const untilMs = nowMs + KEPT_MS;
    const changes = this.#changes;
    return chain(this.#all({ index1: callerKey(agentId, toolName), index2: ACTIVE }), (grants) => {
      this.#active.set(key, { grants, untilMs, changes });
      return grants;
    });
  }

  /** Lists grants, oldest first. */
  list({ agentId, toolName, by, active = false }: GrantQuery = {}): Awaitable<readonly Grant[]> {
    const index1 = agentId !== undefined && toolName !== undefined ? callerKey(agentId, toolName) : undefined;
    return chain(this.#all({ index1, index2: active ? ACTIVE : undefined }), (grants) =>
      grants.filter(
        (grant) =>
          (agentId === undefined || grant.agentId === agentId) &&
          (toolName === undefined || grant.toolName === toolName) &&
          (by === undefined || grant.by === by) &&
          (!active || grantState(grant, this.#now()) === 'active'),
      ),
    );
  }

  /**
   * Uses the grant once.
   *
   * @returns the grant after the use; `undefined` where it covers no call now: it is used up, over, revoked or gone
   */
  use(id: string): Awaitable<Grant | undefined> {
    const before = this.#turns.get(id);
    const turn = before === undefined ? this.#use(id, undefined) : before.then(() => this.#use(id, undefined));
    if (!isThenable(turn)) return turn;
    const done: Promise<unknown> = Promise.resolve(turn).then(IGNORED, IGNORED);
    this.#turns.set(id, done);
    void done.then(() => {
      if (this.#turns.get(id) === done) this.#turns.delete(id);
    });
    return turn;
  }

  /**
   * Takes a grant back: it covers no call from then on, in any process.
   *
   * @returns the grant after it, also where it was revoked before; `undefined` where there is none
   */
  revoke(id: string, revoked: GrantRevocation): Awaitable<{ readonly grant: Grant; readonly isNew: boolean } | undefined> {
    let isNew = true;
    const changed = this.#change(
      id,
      (grant) => (grant.revoked === undefined ? { used: grant.used, revoked: Object.freeze({ ...revoked }) } : undefined),
      (grant) => {
        isNew = false;
        return grant;
      },
    );
    return chain(changed, (grant) => grant && { grant, isNew });
  }

  #use(id: string, seen: number | undefined): Awaitable<Grant | undefined> {
    return this.#change(
      id,
      (grant) => (grantState(grant, this.#now()) === 'active' ? { used: grant.used + 1 } : undefined),
      () => undefined,
      seen,
    );
  }

  /** @param seen the version that could not be replaced: if it is still there, no other change was first and the store does not take the change */
  #change(
    id: string,
    next: (grant: Grant) => Changing | undefined,
    unchanged: (grant: Grant) => Grant | undefined,
    seen?: number,
  ): Awaitable<Grant | undefined> {
    return chain(this.#records.get(KIND, id), (row) => {
      const known = row && this.#knownOf(row);
      if (row === undefined || known === undefined) return undefined;
      const { grant, constant, caller } = known;
      const changing = next(grant);
      if (changing === undefined) return unchanged(grant);
      if (row.version === seen) return reportNotReplaced(grant);
      const { used, revoked = grant.revoked } = changing;
      const version = row.version + 1;
      const changed: Grant = Object.freeze(revoked === undefined ? { ...grant, used, version } : { ...grant, used, revoked, version });
      const changedRow = rowOf(changed, constant, caller);
      return chain(this.#records.replace(changedRow, row.version), (replaced) => {
        if (!replaced) return this.#change(id, next, unchanged, row.version);
        this.#known.set(id, { grant: changed, body: changedRow.body, constant, caller });
        if (changedRow.index2 === OVER) this.#changes += 1;
        return changed;
      });
    });
  }

  #all(
    query: { readonly index1?: string | undefined; readonly index2?: string | undefined },
    cursor?: string,
  ): Awaitable<readonly Grant[]> {
    return chain(this.#records.list({ kind: KIND, ...query, cursor }), (page) => {
      const grants = page.records.flatMap((row) => this.#knownOf(row)?.grant ?? []);
      return page.cursor === undefined ? grants : chain(this.#all(query, page.cursor), (more) => [...grants, ...more]);
    });
  }

  #knownOf(row: StoredRecord): KnownGrant | undefined {
    const { id, version, createdAtMs, body } = row;
    const before = this.#known.get(id);
    if (before?.grant.version === version && before.body === body && before.grant.createdAtMs === createdAtMs) return before;
    try {
      const { used, revoked, grant: read } = JSON.parse(body) as Changing & { readonly grant: Omit<Grant, 'id' | 'version' | 'used'> };
      const grant: Grant = freezeDeep({ ...read, id, version, createdAtMs, used, ...(revoked && { revoked }) });
      const known = { grant, body, constant: constantOf(grant), caller: callerKey(grant.agentId, grant.toolName) };
      this.#known.set(id, known);
      return known;
    } catch {
      return undefined;
    }
  }
}

function constantOf({ id: _id, version: _version, used: _used, revoked: _revoked, createdAtMs: _createdAtMs, ...constant }: Grant): string {
  return JSON.stringify(constant);
}

function rowOf(grant: Grant, constant: string, caller: string): StoredRecord {
  const { id, version, used, revoked, maxUses, createdAtMs, expiresAtMs } = grant;
  return {
    kind: KIND,
    id,
    version,
    index1: caller,
    index2: revoked === undefined && used < maxUses ? ACTIVE : OVER,
    createdAtMs,
    deleteAfterMs: expiresAtMs + KEPT_AFTER_MS,
    // not by JSON.stringify: most of it is the same text after each use
    body: `{"used":${used},"revoked":${revoked === undefined ? 'null' : JSON.stringify(revoked)},"grant":${constant}}`,
  };
}

const IGNORED = (): void => {};

/** By agent and tool: an id of an agent may have any character. */
function callerKey(agentId: string, toolName: string): string {
  return sha256(JSON.stringify([agentId, toolName]));
}

function reportNotReplaced({ agentId, toolName }: Grant): undefined {
  const message =
    'A stored grant could not be changed though no other change was first: its row is not what it says. Check who can write the store.';
  publishDiagnostic({ kind: 'security', code: 'grant_not_replaced', message, agentId, toolName, actor: { kind: 'store' } });
}
