import { chain, waitForAll } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { LruMap } from '../../common/LruMap.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import { combineJournals, type EndedEvent, type Journal } from '../../model/Journal.js';
import { LazyPart } from '../../model/LazyPart.js';
import { SafeEmitter } from '../../model/SafeEmitter.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { ApprovalPage, ApprovalPageQuery, ApprovalQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ApprovalStore, Assurance } from '../../store/ApprovalStore.js';
import type { ApprovalUse, ApprovedCall, ExecutionStart, RunReport } from '../DecisionService.js';
import type { ApprovalRequest, OpeningOutcome } from './ApprovalRequest.js';
import { Openings, type Counted } from './Openings.js';
import { bindingDigest, type BoundCall } from './use/bindingDigest.js';
import { isOver, spentRecord } from './use/spentRecord.js';
import { approvalUse } from './use/approvalUse.js';
import { reportNotReplaced } from './use/reportNotReplaced.js';
import { isUnderstood, takesSeats } from './use/semantics.js';
import { commitKept, type ApprovalChange } from './use/commitKept.js';
import { DeskCounts } from './use/DeskCounts.js';
import type { UseRules } from './use/consumeApproval.js';
import type { DeskPeople } from './Directory.js';
import type { Judge } from '../amend/decideEdited.js';
import type { PeopleRules } from './eligibility.js';
import type { GrantMaker } from './GrantMaker.js';
import type { DeskEvent, DeskVerdicts, EditPreview, VerdictDesk, Viewer, ViewerStanding } from './DeskVerdicts.js';
import type { CommitOutcome, OutcomeRecording } from './recordOutcome.js';
import type { AmendInput, VerdictInput } from './verdict.js';
import { APPROVAL_QUERY, DESK_OPTIONS, type ApprovalDeskOptions, type DeskEvents } from './ApprovalDeskOptions.js';
import { checkedOptions } from '../../model/checkedOptions.js';

/** What is needed once a person decides. */
const verdicts = new LazyPart(() => import('./DeskVerdicts.js'));

const SWEEP_PAGE = 1_000;

/**
 * Keeps approval requests and the verdicts on them. The first committed verdict wins; anyone who comes later gets the outcome that was recorded.
 * An approval expires at `expiresAtMs`, which is not a person's denial. An approval is used at most once.
 */
export class ApprovalDesk extends SafeEmitter<DeskEvents> {
  #store: ApprovalStore;
  /** @internal What is counted with approvals. */
  readonly counts: DeskCounts = new DeskCounts(() => this.#store);
  /** @internal What it was made with. */
  readonly options: ApprovalDeskOptions;
  /** @internal Whether a journal is told of what happens here. */
  readonly isJournaled: boolean;
  /** @internal Who makes grants; absent where none can be kept. */
  grants: LazyPart<GrantMaker> | undefined;
  readonly #clock: SteadyClock;
  readonly #journal: Journal | undefined;
  readonly #openings: Openings;
  readonly #useRules: UseRules;
  /** The status that listeners know of each approval, so that they get nothing twice where other processes change approvals too. */
  readonly #lastEmitted = new LruMap<string, ApprovalRecord['status']>(10_000);
  #approvers = 0;
  #people: DeskPeople | undefined;
  #judge: Judge | undefined;
  #verdicts: DeskVerdicts | undefined;

  /**
   * @param store where approvals are kept
   * @param clock shared with everything else that ends the same approvals
   */
  constructor(store: ApprovalStore, options: ApprovalDeskOptions = {}, clock: SteadyClock = new SteadyClock()) {
    super();
    this.#clock = clock;
    this.#store = store;
    const checked = checkedOptions('ApprovalDesk', options, DESK_OPTIONS);
    // copied: what the program changes in its own object later changes no rights
    this.options = { ...checked, approverGroups: frozenData(checked.approverGroups) };
    this.#journal = combineJournals(options.journal);
    this.isJournaled = this.#journal !== undefined;
    this.#useRules = {
      haltChanges: (record, again) => (this.#people?.haltChanges ?? options.haltChanges)?.(record, again),
      now: () => this.#clock.now(),
      tenantId: options.tenantId ?? null,
      isStillCovered: (record) => this.#isStillCovered(record),
      ...this.counts.rules,
      journal: this.#journal,
      outbox: options.outbox,
    };
    this.#openings = new Openings({
      store: () => this.#store,
      options: this.options,
      isJournaled: this.isJournaled,
      tenantId: this.#useRules.tenantId,
      now: this.#useRules.now,
      counted: (counting, change) => this.counts.counted(counting, change),
      current: (record) => this.#current(record),
      endOverdue: (query) => this.#endOverdue(query),
      opened: (record) => {
        approvalUse.prepare();
        verdicts.prepare();
        this.#emitRecord(record);
      },
    });
  }

  /** Whether someone can decide: an attached approver, or a listener of `requested`. */
  get attended(): boolean {
    return this.#approvers > 0 || this.listenerCount('requested') > 0;
  }

  /**
   * Declares that someone decides approvals without listening to `requested`.
   *
   * @returns a function that takes the declaration back
   */
  attend(): () => void {
    this.#approvers += 1;
    let here = 1;
    return () => {
      this.#approvers -= here;
      here = 0;
    };
  }

  /** @internal Opens an approval for people to decide. */
  open(opening: ApprovalRequest, counted?: Counted): Awaitable<OpeningOutcome> {
    return this.#openings.open(opening, counted);
  }

  /** @internal The reason why a duplicate of this call is still refused, if it is. Opens nothing. */
  standingRefusal(opening: ApprovalRequest): Awaitable<string | undefined> {
    return this.#openings.standingRefusal(opening);
  }

  /**
   * Reads one approval.
   *
   * @returns the record, with status `expired` once its time has passed; `undefined` for an unknown id
   */
  get(decisionId: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#store.get(decisionId), (record) => (record === undefined ? undefined : this.#current(record)));
  }

  /** Lists approvals, oldest first; by default the pending ones. */
  list(given: ApprovalQuery = {}): Awaitable<readonly ApprovalRecord[]> {
    const { status = 'pending', ...query } = checkedOptions('approvals.list()', given, APPROVAL_QUERY);
    return chain(this.#endOverdue(query), () =>
      chain(this.#store.list({ ...query, status }), (records) => records.filter((r) => this.#current(r).status === status)),
    );
  }

  /** @internal A page of cards, newest first. What is over is expired, also where that is not written down yet. */
  async page(query: ApprovalPageQuery): Promise<ApprovalPage> {
    const { approvalPage } = await import('../../store/approval/approvalPage.js');
    const { cards, cursor } = await approvalPage(this.#store, query);
    const nowMs = this.#clock.now();
    const now = cards.map((card) => (isOver(card, card.consumed, nowMs) ? { ...card, status: 'expired' as const } : card));
    const { status } = query;
    return { cards: status === undefined ? now : now.filter((card) => card.status === status), ...(cursor !== undefined && { cursor }) };
  }

  /**
   * Records a yes for every open approval policy that this person may decide. The call is approved once each policy has a yes.
   *
   * @returns the approval after the verdict
   * @throws VerdictError 400, 403, 404 or 409; see its `code`
   */
  async approve(decisionId: string, verdict: VerdictInput): Promise<ApprovalRecord> {
    return this.#decide(decisionId, true, verdict);
  }

  /**
   * Records a no; one is enough to deny the call.
   *
   * @returns the approval after the verdict
   * @throws VerdictError 400, 403, 404 or 409; see its `code`
   */
  async deny(decisionId: string, verdict: VerdictInput): Promise<ApprovalRecord> {
    return this.#decide(decisionId, false, verdict);
  }

  /**
   * Edits the params of an approval that waits, without a verdict: the policies decide on the edited call as if it had been called so, and verdicts that were
   * given before count no more. Only what every policy that asks marks as `@editable` can be edited.
   *
   * @returns the approval after the edit, with the policies that asked before and those that ask about the edited call
   * @throws VerdictError 400, 403, 404, 409 or 422; see its `code`
   */
  async amend(decisionId: string, edit: AmendInput): Promise<ApprovalRecord> {
    const own = isPlainObject(edit) ? { ...edit } : edit;
    return (await this.#giving()).amend(decisionId, own);
  }

  /**
   * What an approval would be, once it is edited so. Records nothing.
   *
   * @throws VerdictError as {@link amend}
   */
  async previewEdit(decisionId: string, edit: AmendInput): Promise<EditPreview> {
    const own = isPlainObject(edit) ? { ...edit } : edit;
    return (await this.#giving()).previewEdit(decisionId, own);
  }

  /** @internal What decides edited calls from now on. */
  useJudge(judge: Judge): void {
    this.#judge = judge;
  }

  /** Whether a verdict of this person would count now, for at least one policy that is still open. */
  async mayDecide(decisionId: string, by: string, assurance?: Assurance): Promise<boolean> {
    return (await this.#giving()).mayDecide(decisionId, by, assurance);
  }

  /** @internal How a person stands to an approval: whether and why not they may decide it, and what that takes. */
  async viewerOf(decisionId: string, viewer: Viewer): Promise<ViewerStanding | undefined> {
    return (await this.#giving()).viewerOf(decisionId, viewer);
  }

  /** @internal What a person signs to give this verdict. */
  async challengeOf(decisionId: string, approve: boolean | 'amend', verdict: VerdictInput, nonce: string): Promise<string> {
    return (await this.#giving()).challengeOf(decisionId, approve, verdict, nonce);
  }

  /** @internal Whom to ask about people from now on: a server does so, before it lets anyone in. */
  usePeople(people: DeskPeople): void {
    this.#people = people;
  }

  /** @internal Has the approvals kept through another store, over this one, from now on: a server records each change of them. */
  useStore(over: (store: ApprovalStore) => ApprovalStore): void {
    this.#store = over(this.#store);
  }

  /** @internal Who knows people. */
  get peopleRules(): PeopleRules {
    return { rules: this.options, served: this.#people };
  }

  /** @internal Whether a person is asked about this call, also where a grant covers it. */
  mustAsk(call: Pick<ApprovalRequest, 'agentId' | 'toolName' | 'idempotency'>, nowMs?: number): Awaitable<boolean> {
    return this.#openings.mustAsk(call, nowMs);
  }

  async #decide(decisionId: string, approve: boolean, given: VerdictInput): Promise<ApprovalRecord> {
    // read now: its caller may change it while that is loaded
    const own = isPlainObject(given) ? { ...given } : given;
    return (await this.#giving()).give(decisionId, approve, own);
  }

  #giving(): Awaitable<DeskVerdicts> {
    return this.#verdicts ?? chain(verdicts.get(), ({ DeskVerdicts: Verdicts }) => (this.#verdicts ??= new Verdicts(this.#verdictDesk())));
  }

  #verdictDesk(): VerdictDesk {
    return {
      people: () => this.peopleRules,
      grants: () => this.grants?.get(),
      tenantId: this.#useRules.tenantId,
      now: this.#useRules.now,
      get: (decisionId) => this.get(decisionId),
      current: (record) => this.#current(record),
      isSignedElsewhere: (record) => this.#isSignedElsewhere(record),
      journal: this.#journal,
      judge: () => this.#judge,
      record: (record, change, eventsOf) => this.#commit(record, change, eventsOf),
    };
  }

  /** Where no one knows people, nothing can have changed; people are counted again all the same. */
  #isStillCovered(record: ApprovalRecord): Awaitable<boolean> {
    if (this.#people === undefined && this.options.directory === undefined && !takesSeats(record.policies)) return true;
    return chain(this.#giving(), (giving) => giving.isStillCovered(record));
  }

  /** @internal Ends an approval that its caller withdrew, or whose time has passed. */
  end(decisionId: string, status: 'withdrawn' | 'expired'): Awaitable<void> {
    return this.#end(decisionId, status, undefined);
  }

  /** @param seen the version that could not be replaced: if it is still there, the store does not take the change */
  #end(decisionId: string, status: 'withdrawn' | 'expired', seen: number | undefined): Awaitable<void> {
    return chain(this.#store.get(decisionId), (record) => {
      // an approved one that was never used ends too: it must not be used later
      if (record === undefined || (record.status !== 'pending' && (record.status !== 'approved' || record.consumed !== undefined))) return;
      if (record.version === seen) return reportNotReplaced(record, this.#journal);
      // if another change was first, what it left may still have to end
      // without the key, this process can sign no other end: one that has none is accepted
      const end = this.#isSignedElsewhere(record) ? 'withdrawn' : status;
      const { agentId, toolName } = record;
      const events = (): EndedEvent[] => [{ kind: 'ended', agentId, toolName, decisionId, how: end }];
      return chain(this.#commit(record, { status: end }, events), (ended) =>
        ended === undefined ? this.#end(decisionId, status, record.version) : undefined,
      );
    });
  }

  /** @internal Ends all pending approvals whose time has passed. */
  endOverdue(): Awaitable<void> {
    return this.#endOverdue({});
  }

  /** @internal Emits what another process changed. */
  onChange(decisionId: string): Awaitable<void> {
    return chain(this.#store.get(decisionId), (record) => {
      if (record === undefined) return;
      if (this.#lastEmitted.get(decisionId) === record.status) this.#emitTo('changed', record);
      else this.#emitRecord(record);
    });
  }

  /** @internal Whether the approval was given for exactly this call, as far as it is known. */
  verify(call: ApprovedCall): Awaitable<boolean> {
    return chain(approvalUse.get(), ({ verifyApproval }) => verifyApproval(this.#store, call, this.#useRules));
  }

  /** @internal The digest of all that an approval of this call is good for. */
  bindingDigestOf(call: BoundCall): string {
    return bindingDigest(call, this.#useRules.tenantId);
  }

  /** @internal Uses the approval up. False where it is not approved, has expired, was used already, or is for another call. */
  consume(use: ApprovalUse, actorAgentId?: string): Awaitable<boolean> {
    return this.#use(use.decisionId, ({ consumeApproval }) => consumeApproval(this.#store, use, { ...this.#useRules, actorAgentId }));
  }

  /** @internal Uses up an approval whose use is that its caller is told of it. False as for {@link consume}, and for every other approval. */
  answer(use: ApprovalUse): Awaitable<boolean> {
    return this.#use(use.decisionId, ({ consumeApproval }) => consumeApproval(this.#store, use, { ...this.#useRules, byAnswer: true }));
  }

  /** @internal Records which claim begins. False where another one has begun. */
  begin(start: ExecutionStart): Awaitable<boolean> {
    return this.#use(start.decisionId, ({ beginExecution }) => beginExecution(this.#store, start, this.#useRules));
  }

  /** @internal Keeps how the run under a used approval ended. */
  recordOutcome(report: RunReport): Awaitable<OutcomeRecording> {
    const commit: CommitOutcome = (record, change) =>
      this.#isSignedElsewhere(record) || !isUnderstood(record) ? undefined : this.#commit(record, change);
    return chain(verdicts.get(), (rules) => rules.recordOutcome(report, this.#store, commit, this.#clock.now()));
  }

  #use(decisionId: string, use: (part: typeof import('./use/consumeApproval.js')) => Awaitable<boolean>): Awaitable<boolean> {
    return chain(approvalUse.get(), (part) => {
      const read = (): Awaitable<ApprovalRecord | undefined> => this.#store.get(decisionId);
      return this.listenerCount('changed') === 0 ? use(part) : part.tellOfUse(use(part), read, (record) => this.#emitTo('changed', record));
    });
  }

  /**
   * @param eventsOf what the journal is told once it is committed, before listeners learn of it: what they start must not be journaled before its cause
   * @returns `undefined` where another change was first
   */
  #commit(
    record: ApprovalRecord,
    change: Pick<ApprovalRecord, 'status'> & Partial<ApprovalRecord>,
    eventsOf?: (next: ApprovalRecord) => readonly DeskEvent[],
  ): Awaitable<ApprovalRecord | undefined> {
    const next: ApprovalRecord = frozenData(spentRecord({ ...record, ...change, version: record.version + 1 }));
    const events = eventsOf?.(next) ?? [];
    const replace: ApprovalChange = (beside) => this.counts.replace(record, next, beside);
    return chain(commitKept(events, replace, this.#useRules.outbox), (replaced) => {
      if (!replaced) return undefined;
      for (const event of events) this.#journal?.note(event);
      if (next.status === record.status) this.#emitTo('changed', next);
      else this.#emitRecord(next);
      return next;
    });
  }

  /** Whether it was signed with a state key that this process does not have: what it wrote about it, the others would ignore. */
  #isSignedElsewhere(record: ApprovalRecord): boolean {
    return record.mac !== undefined && this.#store.signs !== true;
  }

  #emitRecord(record: ApprovalRecord): void {
    this.#lastEmitted.set(record.decisionId, record.status);
    this.#emitTo(record.status === 'pending' ? 'requested' : 'settled', record);
  }

  #emitTo(event: keyof DeskEvents, record: ApprovalRecord): void {
    // a copy where it has Dates: a listener could set them
    if (this.listenerCount(event) > 0) this.emit(event, frozenData(record));
  }

  #current(record: ApprovalRecord): ApprovalRecord {
    return isOver(record, record.consumed !== undefined, this.#clock.now())
      ? Object.freeze<ApprovalRecord>({ ...record, status: 'expired' })
      : record;
  }

  /** Ends pending approvals whose time has passed, page by page, so that they neither appear among the pending ones nor count as such. */
  #endOverdue(query: ApprovalQuery): Awaitable<void> {
    const overdueAtMs = this.#clock.now();
    return chain(this.#store.list({ ...query, status: 'pending', overdueAtMs, limit: SWEEP_PAGE }), (overdue) => {
      const ended = waitForAll(overdue.map((r) => this.end(r.decisionId, 'expired')));
      return chain(ended, () => (overdue.length < SWEEP_PAGE ? undefined : this.#endOverdue(query)));
    });
  }
}
