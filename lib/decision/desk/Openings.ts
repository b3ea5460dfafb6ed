import { callSafely, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { newSalt } from '../../model/DecisionEvidence.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { CapacityError } from '../../model/errors/CallErrors.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { Takes } from '../../store/counter/CounterStore.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore } from '../../store/ApprovalStore.js';
import type { ApprovalDeskOptions } from './ApprovalDeskOptions.js';
import { countSince, openedRecord, standingRefusal } from './ApprovalRequest.js';
import type { DeskCounts } from './use/DeskCounts.js';
import type { ApprovalRequest, OpeningOutcome } from './ApprovalRequest.js';
import { isSentPreview, openedPreview } from '../preview/openedPreview.js';
import { commitKept } from './use/commitKept.js';
import type { ApprovalChange } from './use/commitKept.js';

const NEAR_REPEATS_MS = 3_600_000;
const PRUNE_EVERY = 1_000;

/** What is counted with an approval that is opened. */
export type Counted = Omit<Takes, 'token'>;

/** What opening an approval needs of its desk. */
export interface OpeningDesk {
  readonly store: () => ApprovalStore;
  readonly options: ApprovalDeskOptions;
  readonly isJournaled: boolean;
  readonly tenantId: string | null;
  readonly now: () => number;
  /** Makes a change together with what is counted for it. */
  readonly counted: DeskCounts['counted'];
  /** The record with the status that it has by now. */
  current(record: ApprovalRecord): ApprovalRecord;
  /** Ends the pending approvals of this query whose time has passed. */
  endOverdue(query: ApprovalQuery): Awaitable<void>;
  /** Is told of each approval that was opened. */
  opened(record: ApprovalRecord): void;
}

/** Opens the approvals of one desk, and refuses those that a person has lately denied. */
export class Openings {
  readonly #desk: OpeningDesk;
  readonly #denialTtlMs: number;
  readonly #refusalsKeptMs: number;
  #opened = 0;

  constructor(desk: OpeningDesk) {
    this.#desk = desk;
    this.#denialTtlMs = desk.options.denialTtlMs ?? 300_000;
    this.#refusalsKeptMs = Math.max(NEAR_REPEATS_MS, this.#denialTtlMs);
  }

  /**
   * Opens an approval for people to decide.
   *
   * @param counted what is counted with it, under its id
   * @throws TakeRefusedError where that does not fit
   */
  open(opening: ApprovalRequest, counted?: Counted): Awaitable<OpeningOutcome> {
    return chain(this.#openedBefore(opening), (before) => before ?? this.#openWithinLimit(opening, counted));
  }

  /** The reason why a duplicate of this call is still refused, if it is. Opens nothing. */
  standingRefusal(opening: ApprovalRequest): Awaitable<string | undefined> {
    const { store, now } = this.#desk;
    const sinceMs = now() - this.#denialTtlMs;
    return chain(store().listDenied(opening.agentId, opening.toolName, sinceMs), (denied) => standingRefusal(denied, opening, sinceMs));
  }

  /** Whether a person has lately refused this tool to this agent, or the request has opened an approval before: no grant answers for such a call. */
  mustAsk(call: Pick<ApprovalRequest, 'agentId' | 'toolName' | 'idempotency'>, nowMs: number = this.#desk.now()): Awaitable<boolean> {
    return chain(this.#openedBefore(call), (before) => {
      if (before !== undefined) return true;
      const denied = this.#desk.store().listDenied(call.agentId, call.toolName, nowMs - this.#refusalsKeptMs);
      return chain(denied, ({ length }) => length > 0);
    });
  }

  #openWithinLimit(opening: ApprovalRequest, counted: Counted | undefined): Awaitable<OpeningOutcome> {
    const { agentId, toolName } = opening;
    const { store, options } = this.#desk;
    const { maxPendingPerTool: limit = 100_000 } = options;
    const count = (): Awaitable<number> => store().countPending(agentId, toolName, limit);
    this.#pruneNowAndThen();
    return chain(count(), (found) => {
      // overdue approvals that no one waits for may have filled it
      const pending = found < limit ? found : chain(this.#desk.endOverdue({ agentId, toolName }), count);
      return chain(pending, (open) => {
        if (open < limit) return this.#openOrRefuse(opening, counted);
        throw new CapacityError(
          limit,
          `Agent '${agentId}' already has ${open} pending approvals for tool '${toolName}', and at most ${limit} are allowed. Decide or cancel some, or raise maxPendingPerTool.`,
        );
      });
    });
  }

  #openOrRefuse(opening: ApprovalRequest, counted: Counted | undefined): Awaitable<OpeningOutcome> {
    const { store, now } = this.#desk;
    const nowMs = now();
    return chain(store().listDenied(opening.agentId, opening.toolName, nowMs - this.#refusalsKeptMs), (denied) => {
      const reason = standingRefusal(denied, opening, nowMs - this.#denialTtlMs);
      if (reason !== undefined) return { kind: 'refused', reason };
      const refusals = countSince(denied, nowMs - NEAR_REPEATS_MS);
      return chain(openedPreview(opening), (made) =>
        made.kind === 'made' ? this.#insert(opening, { refusals, preview: made.preview }, counted) : made,
      );
    });
  }

  #insert(
    opening: ApprovalRequest,
    noted: Pick<ApprovalRecord, 'refusals' | 'preview'>,
    counted: Counted | undefined,
  ): Awaitable<OpeningOutcome> {
    const { store, options, isJournaled, tenantId, now } = this.#desk;
    const auditSalt = isJournaled ? newSalt() : undefined;
    const record = frozenData(openedRecord(opening, { ...noted, nowMs: now(), tenantId, auditSalt }));
    const counting = counted && { ...counted, token: record.decisionId };
    const insert: ApprovalChange = (beside) => this.#desk.counted(counting, (takes) => store().insert(record, undefined, beside, takes));
    return chain(commitKept([{ kind: 'opened', approval: record }], insert, options.outbox), (inserted) => {
      if (!inserted) return this.#notInserted(opening);
      this.#desk.opened(record);
      return { kind: 'opened', record };
    });
  }

  /** The same request may have been first, at another server. */
  #notInserted(opening: ApprovalRequest): Awaitable<OpeningOutcome> {
    return chain(this.#openedBefore(opening), (before) => {
      if (before !== undefined) return before;
      throw new CapacityError(0, 'The approval could not be recorded: the store already holds an approval with its id.');
    });
  }

  /** What a request with the same key has opened. */
  #openedBefore({
    agentId,
    idempotency,
    sentPreview,
  }: Pick<ApprovalRequest, 'agentId' | 'idempotency' | 'sentPreview'>): Awaitable<OpeningOutcome | undefined> {
    if (idempotency === undefined) return undefined;
    return chain(this.#desk.store().ofIdempotencyKey?.(agentId, idempotency.key), (record) => {
      if (record === undefined) return undefined;
      if (record.idempotency?.fingerprint !== idempotency.fingerprint || !isSentPreview(record, sentPreview)) return { kind: 'conflict' };
      return { kind: 'exists', record: this.#desk.current(record) };
    });
  }

  #pruneNowAndThen(): void {
    const { store, now } = this.#desk;
    if (++this.#opened % PRUNE_EVERY !== 0) return;
    const failed = (error: unknown): void => publishCallbackError('pruning approvals', error);
    callSafely(() => store().prune(now() - this.#refusalsKeptMs), [], failed);
  }
}
