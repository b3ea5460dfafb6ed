import { attempt, chain } from '../../../common/awaitable.js';
import type { Awaitable } from '../../../common/awaitable.js';
import { randomId } from '../../../common/nextId.js';
import type { SecurityReport } from '../../../model/diagnostics.js';
import { reportSecurity } from '../../../model/Journal.js';
import type { BegunEvent, ConsumedEvent, Journal, JournalEvent } from '../../../model/Journal.js';
import type { ApprovalRecord, ApprovalStore, ChangeConditions } from '../../../store/ApprovalStore.js';
import type { CounterChange, Takes } from '../../../store/counter/CounterStore.js';
import { TakeRefusedError } from '../../../store/counter/TakeRefusedError.js';
import type { EventOutbox } from '../../../store/record/EventOutbox.js';
import type { StoredRecord } from '../../../store/RecordStore.js';
import type { ApprovalUse, ApprovedCall, ExecutionStart } from '../../DecisionService.js';
import { bindingDigest } from './bindingDigest.js';
import { commitKept } from './commitKept.js';
import { isUnderstood } from './semantics.js';
import { reportNotReplaced } from './reportNotReplaced.js';
import { isPreviewSound } from '../../preview/openedPreview.js';
import { spentRecord } from './spentRecord.js';

/** How the calls that use an approval are checked. */
export interface UseRules {
  readonly now: () => number;
  /** The tenant in the binding of its approvals; null for that of this process. */
  readonly tenantId: string | null;
  /** The agent that uses it, where that is known by more than the approval. */
  readonly actorAgentId?: string | undefined;
  /** Whether the use is that its caller is told of the approval. Each approval is used either so or by consume, never in both ways. */
  readonly byAnswer?: boolean | undefined;
  /**
   * How often halts may have been changed at its use; with `again` they are read first. Throws where it is halted.
   */
  readonly haltChanges?: ((record: ApprovalRecord, again?: boolean) => Awaitable<number | undefined>) | undefined;
  /** Whether who approved it still may. A throw says that this cannot be known now. */
  isStillCovered(record: ApprovalRecord): Awaitable<boolean>;
  /** What is counted when it is used; `refused` where that cannot be told. */
  countingOf(record: ApprovalRecord): Awaitable<Takes | 'refused' | undefined>;
  /** Makes a change together with what is counted for it. */
  counted(counting: Takes | undefined, change: (takes?: CounterChange) => Awaitable<boolean>): Awaitable<boolean>;
  /** Is told of a use that limits refused. */
  refused(record: ApprovalRecord, takes: Takes, error: TakeRefusedError): void;
  /** Is told that it was used, and that it begins; again where it is done again, because what was told first may be lost in a crash. */
  readonly journal: Journal | undefined;
  /** Where there is one, a crash loses nothing of what the journal was told. */
  readonly outbox: EventOutbox | undefined;
}

/**
 * Uses an approval up. The same token again is the same use: a task that crashed between using its approval up and beginning may do so again. False
 * where it is not approved, has expired, was used under another token, or is for another call.
 *
 * @param seen the version that could not be replaced: if it is still there, no other change was first and the store does not take the change
 */
export function consumeApproval(store: ApprovalStore, use: ApprovalUse, rules: UseRules, seen?: number): Awaitable<boolean> {
  const { decisionId, token } = use;
  return chain(store.get(decisionId), (record) => {
    if (record === undefined || record.status !== 'approved' || rules.now() >= record.expiresAtMs) return false;
    const other = record.consumed !== undefined && (record.consumed.token !== token || record.digest !== use.digest);
    const code = other ? 'approval_already_consumed' : misuse(record, use, rules);
    if (code !== undefined) return refuse(record, code, rules, token);
    if (record.consumed !== undefined) return unlessHalted(record, rules, () => toldAgain(eventOf(record, 'consumed'), rules));
    if (record.version === seen) return reportNotReplaced(record, rules.journal) ?? false;
    return chain(rules.isStillCovered(record), (covered) =>
      covered ? useUp(store, record, use, rules) : refuse(record, 'approver_not_eligible', rules, token),
    );
  });
}

function useUp(store: ApprovalStore, record: ApprovalRecord, use: ApprovalUse, rules: UseRules): Awaitable<boolean> {
  const nowMs = rules.now();
  // who approved it was perhaps looked up for long
  if (nowMs >= record.expiresAtMs) return false;
  // to be told of it is to begin too: what has begun is known beside the record, also where the record is put back
  const begun = rules.byAnswer === true && { begun: { claimToken: randomId('told'), atMs: nowMs } };
  const consumed = spentRecord({ ...record, consumed: { token: use.token, atMs: nowMs }, ...begun, version: record.version + 1 });
  // the change that was first may have been this very use, by another process
  const events = [eventOf(consumed, 'consumed'), ...(rules.byAnswer === true ? [eventOf(consumed, 'begun')] : [])];
  return chain(rules.countingOf(record), (counting) => {
    if (counting === 'refused') return false;
    const write: Write = (beside, conditions) =>
      rules.counted(counting, (takes) => store.replace(consumed, record.version, undefined, beside, conditions, takes));
    return attempt<boolean, boolean>(
      () => commitUnlessHalted(write, consumed, events, rules, (seen) => consumeApproval(store, use, rules, seen)),
      (used) => used,
      (error) => {
        if (!(error instanceof TakeRefusedError)) throw error;
        // a limit was reached after the call was decided afresh
        rules.refused(record, counting as Takes, error);
        return false;
      },
    );
  });
}

/** Writes a use of an approval. */
type Write = (beside: readonly StoredRecord[] | undefined, conditions: ChangeConditions | undefined) => Awaitable<boolean>;

/**
 * Commits a use of an approval and tells of it, unless another change was first, or a halt was ordered or lifted meanwhile.
 *
 * @param again tries once more; it is given the version that could not be replaced, where no halt was the cause
 */
function commitUnlessHalted(
  write: Write,
  next: ApprovalRecord,
  events: readonly (ConsumedEvent | BegunEvent)[],
  rules: Pick<UseRules, 'haltChanges' | 'journal' | 'outbox'>,
  again: (seen: number | undefined) => Awaitable<boolean>,
): Awaitable<boolean> {
  const version = next.version - 1;
  return chain(rules.haltChanges?.(next), (haltChanges) => {
    const conditions = haltChanges === undefined ? undefined : { haltChanges };
    return chain(
      commitKept(events, (beside) => write(beside, conditions), rules.outbox),
      (done) => {
        if (done) return told(events, rules);
        return chain(rules.haltChanges?.(next, true), (now) => again(now === haltChanges ? version : undefined));
      },
    );
  });
}

/**
 * Whether an approval was given for exactly this call, as far as the desk knows the approval: what it does not know is not used either. Reports an
 * approval that is for another call, or was never given.
 */
export function verifyApproval(store: ApprovalStore, call: ApprovedCall, rules: UseRules): Awaitable<boolean> {
  return chain(store.get(call.decisionId), (record) => {
    // what is signed does not vanish before it has expired
    if (record === undefined) return store.signs === true ? reportUnknown(call.decisionId, rules) : true;
    // who calls it approved has read that in a store: the verdicts say otherwise
    const unapproved = record.status === 'pending' || record.status === 'denied' ? 'approval_not_given' : undefined;
    const code = misuse(record, call, rules) ?? unapproved;
    return code === undefined ? true : refuse(record, code, rules);
  });
}

/**
 * Records, before the method is entered, which claim on the task begins. False where another claim has begun already, and for an approval that was not
 * used up under this token.
 *
 * @param seen as for {@link consumeApproval}
 */
export function beginExecution(
  store: ApprovalStore,
  start: ExecutionStart,
  rules: Pick<UseRules, 'now' | 'haltChanges' | 'journal' | 'outbox'>,
  seen?: number,
): Awaitable<boolean> {
  const { decisionId, token, claimToken } = start;
  return chain(store.get(decisionId), (record) => {
    if (record?.status !== 'approved' || record.consumed?.token !== token || !isUnderstood(record)) return false;
    // being told of it was its use: there is no second step to be let into
    if (record.usedByAnswer === true) return false;
    if (record.begun !== undefined)
      return record.begun.claimToken === claimToken && unlessHalted(record, rules, () => toldAgain(eventOf(record, 'begun'), rules));
    if (record.version === seen) return false;
    const begun = { ...record, begun: { claimToken, atMs: rules.now() }, version: record.version + 1 };
    const events = [eventOf(begun, 'begun')];
    const write: Write = (beside, conditions) => store.replace(begun, record.version, undefined, beside, conditions);
    return commitUnlessHalted(write, begun, events, rules, (again) => beginExecution(store, start, rules, again));
  });
}

function eventOf(approval: ApprovalRecord, kind: 'consumed' | 'begun'): ConsumedEvent | BegunEvent {
  const { agentId, toolName, decisionId } = approval;
  return { kind, agentId, toolName, decisionId, approval };
}

function told(events: readonly JournalEvent[], { journal }: Pick<UseRules, 'journal'>): true {
  for (const event of events) journal?.note(event);
  return true;
}

/** Who asks again has perhaps not heard the first answer: it is let go on no more than one that asks for the first time. */
function unlessHalted(record: ApprovalRecord, rules: Pick<UseRules, 'haltChanges'>, goOn: () => true): Awaitable<boolean> {
  return chain(rules.haltChanges?.(record), goOn);
}

function toldAgain(event: JournalEvent, rules: Pick<UseRules, 'journal' | 'outbox'>): true {
  return rules.outbox === undefined ? told([event], rules) : true;
}

/** Why an approval is not good for this call: a code for the diagnostic. */
function misuse(record: ApprovalRecord, call: ApprovedCall, { tenantId, byAnswer = false }: UseRules): string | undefined {
  if (!isUnderstood(record)) return 'approval_not_understood';
  // its binding is made of what its caller knows, so that it proves nothing
  if ((record.usedByAnswer === true) !== byAnswer) return 'approval_use_mismatch';
  if (record.digest !== call.digest) return 'approval_digest_mismatch';
  if (!isPreviewSound(record)) return 'approval_preview_mismatch';
  const bound = bindingDigest({ ...call, previewDigest: record.preview?.digest }, tenantId);
  return record.bindingDigest === bound ? undefined : 'approval_binding_mismatch';
}

/** What only its caller can have brought about: not what became of its approvers, or what this version does not know. */
const OF_THE_CALLER: ReadonlySet<string> = new Set([
  'approval_already_consumed',
  'approval_use_mismatch',
  'approval_digest_mismatch',
  'approval_binding_mismatch',
]);

/** @param taskId names the task that wanted to use the approval, where it was that far */
function refuse(
  { agentId, toolName, decisionId }: ApprovalRecord,
  code: string,
  { journal, actorAgentId }: UseRules,
  taskId?: string,
): false {
  const report: SecurityReport = {
    kind: 'security',
    code,
    message: 'An approval was refused at its use. Its agent did not have to do anything for this: `actor` says who asked.',
    // the record names the agent whose approval it is, which is perhaps the one that is attacked
    actor: { kind: 'caller', taskId, ...(actorAgentId !== undefined && OF_THE_CALLER.has(code) && { agentId: actorAgentId }) },
    agentId,
    toolName,
    decisionId,
  };
  reportSecurity(report, journal);
  return false;
}

/** True: what becomes of the call is decided afresh. */
function reportUnknown(decisionId: string, { journal }: UseRules): true {
  const message = 'A stored call names an approval that is not in the store: it was deleted, or the call was changed.';
  reportSecurity({ kind: 'security', code: 'approval_unknown', message, decisionId }, journal);
  return true;
}

const IGNORED = (): void => {};

/** Tells what became of an approval that was used, once it was. What is told decides nothing: it is not waited for, and may fail. */
export function tellOfUse(
  done: Awaitable<boolean>,
  read: () => Awaitable<ApprovalRecord | undefined>,
  tell: (record: ApprovalRecord) => void,
): Awaitable<boolean> {
  return chain(done, (isDone) => {
    if (!isDone) return false;
    const told = (record: ApprovalRecord | undefined): void => {
      if (record !== undefined) tell(record);
    };
    void attempt(read, told, IGNORED);
    return true;
  });
}
