import { chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { LruMap } from '../../common/LruMap.js';
import { PairMap } from '../../common/PairMap.js';
import { publishDiagnostic } from '../../model/diagnostics.js';
import { grantState } from '../../model/terms/Grant.js';
import type { Grant, GrantRevocation } from '../../model/terms/Grant.js';
import { GRANT_KIND } from '../../store/RecordStore.js';
import type { RecordStore, StoredRecord } from '../../store/RecordStore.js';
import { ACTIVE, callerIndex, KnownGrant, OVER } from './KnownGrant.js';

const KIND = GRANT_KIND;
/** How long a list is kept, in milliseconds. A list that is older asks too often, and never too seldom: a use reads the grant itself. */
const KEPT_MS = 500;
const PRUNE_EVERY = 32;
/** Grants that are kept in memory as they are stored. */
const MAX_KNOWN = 1_000;

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

/** A grant after a change. */
interface ChangedGrant {
  readonly known: KnownGrant;
  /** Whether it was changed now, and not before. */
  readonly isNew: boolean;
}

/** Where grants are kept. Each use is one compare-and-set on the row of its grant: exactly as many succeed as the grant has uses, on all machines together. */
export class GrantRows {
  readonly #records: RecordStore;
  readonly #now: () => number;
  /** By agent and tool. */
  readonly #active = new PairMap<{ readonly grants: readonly Grant[]; readonly untilMs: number; readonly changes: number }>();
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
      chain(this.#records.insert(KnownGrant.of(grant).row), (inserted) => {
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
  activeFor(agentId: string, toolName: string, nowMs: number = this.#now()): Awaitable<readonly Grant[]> {
    const kept = this.#active.get(agentId, toolName);
    if (kept !== undefined && kept.changes === this.#changes && nowMs < kept.untilMs) return kept.grants;
    const untilMs = nowMs + KEPT_MS;
    const changes = this.#changes;
    return chain(this.#all({ index1: callerIndex(agentId, toolName), index2: ACTIVE }), (grants) => {
      this.#active.set(agentId, toolName, { grants, untilMs, changes });
      return grants;
    });
  }

  /** Lists grants, oldest first. */
  list({ agentId, toolName, by, active = false }: GrantQuery = {}): Awaitable<readonly Grant[]> {
    const index1 = agentId !== undefined && toolName !== undefined ? callerIndex(agentId, toolName) : undefined;
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
  use(id: string): Awaitable<Pick<Grant, 'used'> | undefined> {
    const before = this.#turns.get(id);
    const turn = before === undefined ? this.#use(id) : before.then(() => this.#use(id));
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
    return chain(
      this.#change(id, Object.freeze({ ...revoked })),
      (changed) => changed && { grant: changed.known.grant, isNew: changed.isNew },
    );
  }

  #use(id: string): Awaitable<KnownGrant | undefined> {
    const changed = this.#change(id, undefined);
    return isThenable(changed) ? changed.then((used) => used?.known) : changed?.known;
  }

  /**
   * Reads the grant and changes it, without a closure where the store answers at once.
   *
   * @param revoking what takes it back; a use, where that is absent
   * @param seen the version that could not be replaced: if it is still there, no other change was first and the store does not take the change
   */
  #change(id: string, revoking: GrantRevocation | undefined, seen?: number): Awaitable<ChangedGrant | undefined> {
    const row = this.#records.get(KIND, id);
    return isThenable(row) ? row.then((read) => this.#changeRow(read, revoking, seen)) : this.#changeRow(row, revoking, seen);
  }

  #changeRow(
    row: StoredRecord | undefined,
    revoking: GrantRevocation | undefined,
    seen: number | undefined,
  ): Awaitable<ChangedGrant | undefined> {
    const known = row && this.#knownOf(row);
    if (row === undefined || known === undefined) return undefined;
    if (revoking === undefined && known.stateAt(this.#now()) !== 'active') return undefined;
    if (revoking !== undefined && known.revoked !== undefined) return { known, isNew: false };
    if (row.version === seen) return reportNotReplaced(known.grant);
    const changed = revoking === undefined ? known.afterUse() : known.afterRevocation(revoking);
    const next = changed.row;
    const replaced = this.#records.replace(next, row.version);
    return isThenable(replaced)
      ? replaced.then((isReplaced) => this.#changed(isReplaced, changed, next, revoking))
      : this.#changed(replaced, changed, next, revoking);
  }

  #changed(
    isReplaced: boolean,
    known: KnownGrant,
    { id, version, index2 }: StoredRecord,
    revoking: GrantRevocation | undefined,
  ): Awaitable<ChangedGrant | undefined> {
    // another change was first
    if (!isReplaced) return this.#change(id, revoking, version - 1);
    this.#known.set(id, known);
    if (index2 === OVER) this.#changes += 1;
    return { known, isNew: true };
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
    const before = this.#known.get(row.id);
    if (before?.isOf(row) === true) return before;
    const known = KnownGrant.read(row);
    if (known !== undefined) this.#known.set(row.id, known);
    return known;
  }
}

const IGNORED = (): void => {};

function reportNotReplaced({ agentId, toolName }: Grant): undefined {
  const message =
    'A stored grant could not be changed though no other change was first: its row is not what it says. Check who can write the store.';
  publishDiagnostic({ kind: 'security', code: 'grant_not_replaced', message, agentId, toolName, actor: { kind: 'store' } });
}
