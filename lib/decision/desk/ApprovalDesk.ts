import { chain, waitForAll } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { callSafely } from '../../common/callSafely.js';
import { LruMap } from '../../common/LruMap.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import { CapacityError } from '../../model/errors/CallErrors.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { SafeEmitter } from '../../model/SafeEmitter.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore } from '../../store/ApprovalStore.js';
import type { ApprovalDeskOptions, DeskEvents } from './ApprovalDeskOptions.js';
import { countSince, openedRecord, standingRefusal } from './ApprovalRequest.js';
import type { ApprovalRequest, OpeningOutcome } from './ApprovalRequest.js';
import { consumeApproval } from './consumeApproval.js';
import type { ApprovalUse } from '../DecisionService.js';
import { eligiblePolicies, mayDecide } from './eligibility.js';
import { checkDigest, checkVerdict, settled, withVerdict } from './verdicts.js';
import type { VerdictInput } from './verdicts.js';

export type { ApprovalDeskOptions } from './ApprovalDeskOptions.js';

const NEAR_REPEATS_MS = 3_600_000;
const PRUNE_EVERY = 1_000;
const SWEEP_PAGE = 1_000;

/**
 * Keeps approval requests and the verdicts on them. The first committed verdict wins; whoever comes later gets the outcome that stands.
 * Approvals end at `expiresAtMs`, which is not a person's no. An approval is used once, ever.
 */
export class ApprovalDesk extends SafeEmitter<DeskEvents> {
  readonly #store: ApprovalStore;
  readonly #options: ApprovalDeskOptions;
  readonly #clock: SteadyClock;
  readonly #denialTtlMs: number;
  readonly #refusalsKeptMs: number;
  /** What listeners know, so that they hear nothing twice where other processes change approvals too. */
  readonly #told = new LruMap<string, ApprovalRecord['status']>(10_000);
  #opened = 0;
  #approvers = 0;

  /** @param clock shared with whatever ends the same approvals */
  constructor(store: ApprovalStore, options: ApprovalDeskOptions = {}, clock: SteadyClock = new SteadyClock()) {
    super();
    this.#clock = clock;
    this.#store = store;
    this.#options = options;
    this.#denialTtlMs = options.denialTtlMs ?? 300_000;
    this.#refusalsKeptMs = Math.max(NEAR_REPEATS_MS, this.#denialTtlMs);
  }

  /** Whether somebody is there to decide: an attached approver, or a listener of `requested`. */
  get attended(): boolean {
    return this.#approvers > 0 || this.listenerCount('requested') > 0;
  }

  /** Counts somebody who decides without listening, until the returned function is called. */
  attend(): () => void {
    this.#approvers += 1;
    let here = 1;
    return () => {
      this.#approvers -= here;
      here = 0;
    };
  }

  /** @internal Asks people. */
  open(opening: ApprovalRequest): Awaitable<OpeningOutcome> {
    const { agentId, toolName } = opening;
    const { maxPendingPerTool: limit = 100_000 } = this.#options;
    const count = (): Awaitable<number> => this.#store.countPending(agentId, toolName);
    this.#pruneNowAndThen();
    return chain(count(), (counted) => {
      // those nobody waits for any more may have filled it
      const pending = counted < limit ? counted : chain(this.#endOverdue({ agentId, toolName }), count);
      return chain(pending, (open) => {
        if (open < limit) return this.#openOrRefuse(opening);
        throw new CapacityError(limit, `Agent '${agentId}' has ${open} approvals pending for tool '${toolName}' already.`);
      });
    });
  }

  #openOrRefuse(opening: ApprovalRequest): Awaitable<OpeningOutcome> {
    const nowMs = this.#clock.now();
    return chain(this.#store.listDenied(opening.agentId, opening.toolName, nowMs - this.#refusalsKeptMs), (denied) => {
      const reason = standingRefusal(denied, opening, nowMs - this.#denialTtlMs);
      if (reason !== undefined) return { kind: 'refused', reason };
      const record = openedRecord(opening, countSince(denied, nowMs - NEAR_REPEATS_MS), nowMs);
      return chain(this.#store.insert(record), (inserted) => {
        if (!inserted) throw new CapacityError(0, 'The approval could not be recorded: its id is taken.');
        this.#tell(record);
        return { kind: 'opened', record };
      });
    });
  }

  /** One approval, with `expired` where its time is over. */
  get(decisionId: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#store.get(decisionId), (record) => (record === undefined ? undefined : this.#current(record)));
  }

  /** Approvals, oldest first; by default the pending ones. */
  list({ status = 'pending', ...query }: ApprovalQuery = {}): Awaitable<readonly ApprovalRecord[]> {
    return chain(this.#endOverdue(query), () =>
      chain(this.#store.list({ ...query, status }), (records) => records.filter((r) => this.#current(r).status === status)),
    );
  }

  /** Records a yes for every approval policy that this person may decide. Approved once each policy has one. */
  async approve(decisionId: string, verdict: VerdictInput): Promise<ApprovalRecord> {
    return this.#decide(decisionId, true, verdict);
  }

  /** Records a no; one is enough. */
  async deny(decisionId: string, verdict: VerdictInput): Promise<ApprovalRecord> {
    return this.#decide(decisionId, false, verdict);
  }

  /** Whether a verdict of this person would count now, for any policy that is still open. */
  async mayDecide(decisionId: string, by: string): Promise<boolean> {
    const record = await this.get(decisionId);
    return record?.status === 'pending' && mayDecide(record, by, this.#options);
  }

  async #decide(decisionId: string, approve: boolean, given: VerdictInput): Promise<ApprovalRecord> {
    // read once: who is asked about is who is recorded
    const verdict: VerdictInput = { ...given };
    checkVerdict(decisionId, verdict);
    for (;;) {
      const record = await this.get(decisionId);
      if (record === undefined) throw new VerdictError(404, 'approval_not_found', decisionId, 'There is no such approval.');
      if (record.status !== 'pending') throw settled(record);
      checkDigest(record, approve, verdict);
      const policies = await eligiblePolicies(record, verdict.by, this.#options);
      // asking who may decide can take long: what is over by now is over
      const now = this.#current(record);
      if (now.status !== 'pending') throw settled(now);
      const decided = await this.#commit(record, withVerdict(record, approve, verdict, policies, this.#clock.now()));
      if (decided !== undefined) return decided;
      // somebody was first: an outcome that stands, or a verdict on another of its policies
    }
  }

  /** @internal Ends a pending approval nobody waits for any more, or whose time is over. */
  end(decisionId: string, status: 'withdrawn' | 'expired'): Awaitable<void> {
    return chain(this.#store.get(decisionId), (record) => {
      // an approved one that was never used is over too: it must not be used later
      if (record === undefined || (record.status !== 'pending' && (record.status !== 'approved' || record.consumed !== undefined))) return;
      // after somebody who was first, what stands may still have to end
      return chain(this.#commit(record, { status }), (ended) => (ended === undefined ? this.end(decisionId, status) : undefined));
    });
  }

  /** @internal Tells what another process did. */
  hear(decisionId: string): Awaitable<void> {
    return chain(this.#store.get(decisionId), (record) => {
      if (record !== undefined && this.#told.get(decisionId) !== record.status) this.#tell(record);
    });
  }

  /** @internal Uses the approval up. False where it is not approved, over, used, or for other params. */
  consume(use: ApprovalUse): Awaitable<boolean> {
    return consumeApproval(this.#store, use, () => this.#clock.now());
  }

  /** `undefined` where somebody was first. */
  #commit(record: ApprovalRecord, change: Pick<ApprovalRecord, 'status'> & Partial<ApprovalRecord>): Awaitable<ApprovalRecord | undefined> {
    const next: ApprovalRecord = { ...record, ...change, version: record.version + 1 };
    return chain(this.#store.replace(next, record.version), (replaced) => {
      if (!replaced) return undefined;
      if (next.status !== 'pending') this.#tell(next);
      return next;
    });
  }

  #tell(record: ApprovalRecord): void {
    this.#told.set(record.decisionId, record.status);
    this.emit(record.status === 'pending' ? 'requested' : 'settled', record);
  }

  #current(record: ApprovalRecord): ApprovalRecord {
    const over = this.#clock.now() >= record.expiresAtMs && record.consumed === undefined;
    return over && (record.status === 'pending' || record.status === 'approved') ? { ...record, status: 'expired' } : record;
  }

  /** Ends what is pending but over, page by page, so that it neither hides nor crowds out what is not. */
  #endOverdue(query: ApprovalQuery): Awaitable<void> {
    const overdueAtMs = this.#clock.now();
    return chain(this.#store.list({ ...query, status: 'pending', overdueAtMs, limit: SWEEP_PAGE }), (overdue) => {
      const ended = waitForAll(overdue.map((r) => this.end(r.decisionId, 'expired')));
      return chain(ended, () => (overdue.length < SWEEP_PAGE ? undefined : this.#endOverdue(query)));
    });
  }

  #pruneNowAndThen(): void {
    if (++this.#opened % PRUNE_EVERY !== 0) return;
    const failed = (error: unknown): void => publishCallbackError('pruning approvals', error);
    callSafely(() => this.#store.prune(this.#clock.now() - this.#refusalsKeptMs), [], failed);
  }
}
