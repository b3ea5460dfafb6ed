import { attempt, chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { callSafely } from '../common/callSafely.js';
import { nextId } from '../common/ids.js';
import { SteadyClock } from '../common/SteadyClock.js';
import { CapacityError } from '../model/errors/CallErrors.js';
import { VerdictError } from '../model/errors/SetupErrors.js';
import { publishCallbackError, publishDiagnostic } from '../model/diagnostics.js';
import { SafeEmitter } from '../model/SafeEmitter.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore, Verdict } from '../store/ApprovalStore.js';
import type { ApprovalUse } from './DecisionService.js';
import { eligiblePolicies } from './eligiblePolicies.js';
import type { EligibilityRules } from './eligiblePolicies.js';
import { checkVerdict, settled } from './verdicts.js';
import type { VerdictInput } from './verdicts.js';

/** What is asked of people: the record without what the desk itself fills in. */
export type ApprovalOpening = Omit<
  ApprovalRecord,
  'decisionId' | 'status' | 'verdicts' | 'consumed' | 'version' | 'createdAtMs' | 'expiresAtMs' | 'refusals'
> & { readonly timeoutMs: number };

/** Opened, or refused because a person has just refused the very same call. */
export type OpeningOutcome =
  { readonly kind: 'opened'; readonly record: ApprovalRecord } | { readonly kind: 'refused'; readonly reason: string };

export interface ApprovalDeskOptions extends EligibilityRules {
  /** Pending approvals of one agent and tool at most; beyond it, calls end in a CapacityError. Default 100,000. */
  readonly maxPendingPerTool?: number | undefined;
  /** How long the same call stays refused after a person refused it, in milliseconds. Default 300,000. */
  readonly denialTtlMs?: number | undefined;
}

interface DeskEvents {
  /** A person is needed. */
  requested: [ApprovalRecord];
  /** It was decided, expired or withdrawn. */
  settled: [ApprovalRecord];
}

const NEAR_REPEATS_MS = 3_600_000;

/**
 * Keeps approval requests and the verdicts on them. The first committed verdict wins; whoever comes later gets the outcome that stands.
 * Approvals end at `expiresAtMs`, which is not a person's no. An approval is used once, ever.
 */
export class ApprovalDesk extends SafeEmitter<DeskEvents> {
  readonly #store: ApprovalStore;
  readonly #options: ApprovalDeskOptions;
  readonly #clock = new SteadyClock();
  #opened = 0;
  #approvers = 0;

  constructor(store: ApprovalStore, options: ApprovalDeskOptions = {}) {
    super();
    this.#store = store;
    this.#options = options;
  }

  /** Whether somebody is there to decide: an attached approver, or a listener of `requested`. */
  get attended(): boolean {
    return this.#approvers > 0 || this.listenerCount('requested') > 0;
  }

  /** Counts somebody who decides without listening, until the returned function is called. */
  attend(): () => void {
    this.#approvers += 1;
    let left = false;
    return () => {
      if (!left) this.#approvers -= 1;
      left = true;
    };
  }

  /** @internal Asks people. */
  open(opening: ApprovalOpening): Awaitable<OpeningOutcome> {
    const { agentId, toolName } = opening;
    const nowMs = this.#clock.now();
    this.#opened += 1;
    if (this.#opened % 1_000 === 0) {
      callSafely(
        () => this.#store.prune(nowMs),
        [],
        (error) => publishCallbackError('pruning approvals', error),
      );
    }
    return chain(this.#store.countPending(agentId, toolName), (pending) => {
      const limit = this.#options.maxPendingPerTool ?? 100_000;
      if (pending >= limit)
        throw new CapacityError(limit, `Agent '${agentId}' has ${pending} approvals pending for tool '${toolName}' already.`);
      return chain(this.#store.listDenied(agentId, toolName, nowMs - NEAR_REPEATS_MS), (denied) => {
        const standing = denied.findLast((r) => this.#stillRefused(r, opening, nowMs));
        if (standing !== undefined) return { kind: 'refused', reason: standing.verdicts.at(-1)?.reason ?? 'a person refused this call' };
        return this.#insert(opening, denied.length, nowMs);
      });
    });
  }

  #stillRefused(record: ApprovalRecord, opening: ApprovalOpening, nowMs: number): boolean {
    return (
      record.originalDigest === opening.originalDigest &&
      record.sessionDigest === opening.sessionDigest &&
      record.guardKey === opening.guardKey &&
      (record.verdicts.at(-1)?.atMs ?? 0) > nowMs - (this.#options.denialTtlMs ?? 300_000)
    );
  }

  #insert({ timeoutMs, ...opening }: ApprovalOpening, refusals: number, nowMs: number): Awaitable<OpeningOutcome> {
    const record: ApprovalRecord = {
      ...opening,
      decisionId: nextId('dec'),
      refusals,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + timeoutMs,
      status: 'pending',
      verdicts: [],
      version: 1,
    };
    return chain(this.#store.insert(record), (inserted) => {
      if (!inserted) throw new CapacityError(0, 'The approval could not be recorded: its id is taken.');
      this.emit('requested', record);
      return { kind: 'opened', record };
    });
  }

  /** One approval, with `expired` where its time is over. */
  get(decisionId: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#store.get(decisionId), (record) => (record === undefined ? undefined : this.#current(record)));
  }

  /** Approvals, oldest first; by default the pending ones. */
  list(query: ApprovalQuery = {}): Awaitable<readonly ApprovalRecord[]> {
    const status = query.status ?? 'pending';
    return chain(this.#store.list({ ...query, status }), (records) => records.filter((r) => this.#current(r).status === status));
  }

  /** Records a yes for every approval policy that this person may decide. Approved once each policy has one. */
  async approve(decisionId: string, verdict: VerdictInput): Promise<ApprovalRecord> {
    checkVerdict(decisionId, verdict);
    const record = await this.#pending(decisionId);
    if (verdict.digest !== record.digest) {
      throw new VerdictError(
        409,
        'digest_mismatch',
        decisionId,
        'The digest is not the one of the params that would run; show them again.',
      );
    }
    const policies = await eligiblePolicies(record, verdict.by, this.#options);
    const given: Verdict = {
      approve: true,
      by: verdict.by,
      reason: verdict.reason,
      atMs: this.#clock.now(),
      policies: policies.map((p) => p.id),
    };
    const covered = new Set([...record.verdicts, given].flatMap((v) => v.policies));
    const status = record.policies.every((p) => covered.has(p.id)) ? 'approved' : 'pending';
    return this.#commit(record, { status, verdicts: [...record.verdicts, given] });
  }

  /** Records a no; one is enough. */
  async deny(decisionId: string, verdict: VerdictInput): Promise<ApprovalRecord> {
    checkVerdict(decisionId, verdict);
    const record = await this.#pending(decisionId);
    if (verdict.digest !== undefined && verdict.digest !== record.digest) {
      throw new VerdictError(
        409,
        'digest_mismatch',
        decisionId,
        'The digest is not the one of the params that would run; show them again.',
      );
    }
    const policies = await eligiblePolicies(record, verdict.by, this.#options);
    const given: Verdict = {
      approve: false,
      by: verdict.by,
      reason: verdict.reason,
      atMs: this.#clock.now(),
      policies: policies.map((p) => p.id),
    };
    return this.#commit(record, { status: 'denied', verdicts: [...record.verdicts, given] });
  }

  /** @internal Ends a pending approval nobody waits for any more, or whose time is over. */
  end(decisionId: string, status: 'withdrawn' | 'expired'): Awaitable<void> {
    return chain(this.#store.get(decisionId), (record) => {
      // an approved one that was never used is over too: it must not be used later
      if (record === undefined || (record.status !== 'pending' && (record.status !== 'approved' || record.consumed !== undefined))) return;
      return attempt(
        () => this.#commit(record, { status }),
        () => undefined,
        () => undefined, // somebody was first: the outcome that stands, stands
      );
    });
  }

  /** @internal Uses the approval up. False where it is not approved, over, used, or for other params. */
  consume({ decisionId, digest, token }: ApprovalUse): Awaitable<boolean> {
    return chain(this.#store.get(decisionId), (record) => {
      const nowMs = this.#clock.now();
      if (record === undefined || record.status !== 'approved' || nowMs >= record.expiresAtMs) return false;
      if (record.consumed !== undefined || record.digest !== digest) {
        const { agentId, toolName } = record;
        const code = record.consumed === undefined ? 'approval_digest_mismatch' : 'approval_already_consumed';
        publishDiagnostic({ kind: 'security', code, message: 'An approval was refused at its use.', agentId, toolName, decisionId });
        return false;
      }
      return this.#store.replace({ ...record, consumed: { token, atMs: nowMs }, version: record.version + 1 }, record.version);
    });
  }

  async #pending(decisionId: string): Promise<ApprovalRecord> {
    const record = await this.get(decisionId);
    if (record === undefined) throw new VerdictError(404, 'approval_not_found', decisionId, 'There is no such approval.');
    if (record.status !== 'pending') throw settled(record);
    return record;
  }

  #commit(record: ApprovalRecord, change: Pick<ApprovalRecord, 'status'> & Partial<ApprovalRecord>): Awaitable<ApprovalRecord> {
    const next: ApprovalRecord = { ...record, ...change, version: record.version + 1 };
    return chain(this.#store.replace(next, record.version), (replaced) => {
      if (replaced) {
        if (next.status !== 'pending') this.emit('settled', next);
        return next;
      }
      return chain(this.#store.get(record.decisionId), (now) => {
        throw settled(now === undefined ? record : this.#current(now));
      });
    });
  }

  #current(record: ApprovalRecord): ApprovalRecord {
    const over = this.#clock.now() >= record.expiresAtMs && record.consumed === undefined;
    return over && (record.status === 'pending' || record.status === 'approved') ? { ...record, status: 'expired' } : record;
  }
}
