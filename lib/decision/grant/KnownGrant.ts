import { sha256 } from '../../common/data/canonical.js';
import { freezeDeep } from '../../model/snapshot/frozenData.js';
import { grantState } from '../../model/terms/Grant.js';
import type { Grant, GrantRevocation, GrantState } from '../../model/terms/Grant.js';
import { GRANT_KIND } from '../../store/RecordStore.js';
import type { StoredRecord } from '../../store/RecordStore.js';

/** The second index of a grant that may cover calls. */
export const ACTIVE = 'active';
/** The second index of a grant that is used up or revoked. */
export const OVER = 'over';

/** How long a grant is kept after its end, in milliseconds: as long as history. */
const KEPT_AFTER_MS = 90 * 86_400_000;

/** What changes of a grant. */
interface Changing {
  readonly used: number;
  readonly version: number;
  readonly revoked: GrantRevocation | undefined;
}

/** A grant as it is stored. Its uses make the next one of it: what never changes is written once, and the grant itself is made where someone reads it. */
export class KnownGrant {
  readonly used: number;
  readonly version: number;
  readonly revoked: GrantRevocation | undefined;
  readonly body: string;
  readonly #first: Grant;
  /** The part of the body that never changes. */
  readonly #constant: string;
  /** Its first index. */
  readonly #caller: string;
  #grant: Grant | undefined;

  private constructor(first: Grant, constant: string, caller: string, { used, version, revoked }: Changing) {
    this.#first = first;
    this.#constant = constant;
    this.#caller = caller;
    this.used = used;
    this.version = version;
    this.revoked = revoked;
    // not by JSON.stringify: most of it is the same text after each use
    this.body = `{"used":${used},"revoked":${revoked === undefined ? 'null' : JSON.stringify(revoked)},"grant":${constant}}`;
  }

  static of(grant: Grant): KnownGrant {
    const known = new KnownGrant(grant, constantOf(grant), callerIndex(grant.agentId, grant.toolName), grant as Changing);
    known.#grant = grant;
    return known;
  }

  /** @returns `undefined` where the row is not that of a grant */
  static read({ id, version, createdAtMs, body }: StoredRecord): KnownGrant | undefined {
    try {
      const { used, revoked, grant } = JSON.parse(body) as Changing & { readonly grant: Omit<Grant, 'id' | 'version' | 'used'> };
      return KnownGrant.of(freezeDeep({ ...grant, id, version, createdAtMs, used, ...(revoked && { revoked }) }));
    } catch {
      return undefined;
    }
  }

  /** Whether it was read from that very row. */
  isOf({ version, createdAtMs, body }: StoredRecord): boolean {
    return this.version === version && this.body === body && this.#first.createdAtMs === createdAtMs;
  }

  get grant(): Grant {
    if (this.#grant === undefined) {
      const { used, version, revoked } = this;
      this.#grant = Object.freeze({ ...this.#first, used, version, ...(revoked && { revoked }) });
    }
    return this.#grant;
  }

  stateAt(nowMs: number): GrantState {
    const { maxUses, expiresAtMs } = this.#first;
    return grantState({ revoked: this.revoked, used: this.used, maxUses, expiresAtMs }, nowMs);
  }

  /** The grant after one use more. */
  afterUse(): KnownGrant {
    return new KnownGrant(this.#first, this.#constant, this.#caller, {
      used: this.used + 1,
      version: this.version + 1,
      revoked: this.revoked,
    });
  }

  /** The grant once it is taken back. */
  afterRevocation(revoked: GrantRevocation): KnownGrant {
    return new KnownGrant(this.#first, this.#constant, this.#caller, { used: this.used, version: this.version + 1, revoked });
  }

  get row(): StoredRecord {
    const { id, maxUses, createdAtMs, expiresAtMs } = this.#first;
    return {
      kind: GRANT_KIND,
      id,
      version: this.version,
      index1: this.#caller,
      index2: this.revoked === undefined && this.used < maxUses ? ACTIVE : OVER,
      createdAtMs,
      deleteAfterMs: expiresAtMs + KEPT_AFTER_MS,
      body: this.body,
    };
  }
}

function constantOf({ id: _id, version: _version, used: _used, revoked: _revoked, createdAtMs: _createdAtMs, ...constant }: Grant): string {
  return JSON.stringify(constant);
}

/** By agent and tool: an id of an agent may have any character. */
export function callerIndex(agentId: string, toolName: string): string {
  return sha256(JSON.stringify([agentId, toolName]));
}
