import { callSafely, isThenable, waitForAll } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { publishCallbackError, publishDiagnostic, securityDiagnostic } from './diagnostics.js';
import type { Diagnostic, SecurityReport } from './diagnostics.js';
import type { Decision, DecisionRequest } from './Decision.js';
import type { JournaledApproval } from './DecisionEvidence.js';
import type { Params } from './Params.js';
import type { HaltScope } from './halt/Halt.js';
import type { PendingTask, Task, TaskStatus } from './Task.js';

/** A decision was made on a call: the first one, or a fresh one just before an approved call runs. */
export interface DecidedEvent {
  /** Tells it from the other events. */
  readonly kind: 'decided';
  /** What was decided on. */
  readonly request: DecisionRequest;
  /** The decision. */
  readonly decision: Decision;
  /** Set for `aegis.decide()`: no call was made, and none follows. */
  readonly dryRun?: true | undefined;
  /** The approval of the call that was decided again. */
  readonly approvalId?: string | undefined;
  /** How long the answer took, in milliseconds. */
  readonly durationMs?: number | undefined;
}

/** A task was made, or this process has changed its status. */
export interface TaskEvent {
  /** Tells it from the other events. */
  readonly kind: 'task';
  /** The task after the change. */
  readonly task: Task;
  /** Its status before; `undefined` where it was made. */
  readonly from: TaskStatus | undefined;
}

/** A call is waiting for a person. */
export interface OpenedEvent {
  /** Tells it from the other events. */
  readonly kind: 'opened';
  /** The task that was recorded. */
  readonly task: PendingTask;
  /** @internal Its approval at the desk of this process. */
  readonly approval?: JournaledApproval | undefined;
}

/** A server tells people again that an approval waits for them, through its channels. Of several servers, one tells it. */
export interface RemindedEvent {
  /** Tells it from the other events. */
  readonly kind: 'reminded';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** The groups that are told. */
  readonly groups: readonly string[];
  /** How much of the approval's time has passed. */
  readonly percent: 50 | 80;
}

/** A server notices that a step of `@escalate` has come: more groups may decide. That follows from the approval and the time, with and without this event. */
export interface EscalatedEvent {
  /** Tells it from the other events. */
  readonly kind: 'escalated';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** The groups of the step. */
  readonly groups: readonly string[];
  /** The time of the step: how long the approval has been open by then, in milliseconds. */
  readonly afterMs: number;
}

/** A person's verdict was recorded at the approval desk. */
export interface VerdictEvent {
  /** Tells it from the other events. */
  readonly kind: 'verdict';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** The person. */
  readonly by: string;
  /** Whether the person approved. */
  readonly approved: boolean;
  /** The status of the approval after the verdict. */
  readonly status: string;
  /** SHA-256 of the effective params that were decided on. */
  readonly digest: string;
  /** The person's reason. */
  readonly reason?: string | undefined;
  /** @internal The approval after it. */
  readonly approval?: JournaledApproval | undefined;
  /** @internal What was signed, where it was. */
  readonly statement?: string | undefined;
}

/** A person edited the params of an approval. Verdicts that were given before count no more. */
export interface AmendedEvent {
  /** Tells it from the other events. */
  readonly kind: 'amended';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** The person. */
  readonly by: string;
  /** SHA-256 of the params that would have run before. */
  readonly from: string;
  /** SHA-256 of the params that would run from then on. */
  readonly to: string;
  /** JSON pointers of the places that changed in what would run. */
  readonly changed: readonly string[];
  /** The person's reason. */
  readonly reason?: string | undefined;
  /** @internal The approval after it. */
  readonly approval?: JournaledApproval | undefined;
  /** @internal What was signed, where the edit was given without a verdict. */
  readonly statement?: string | undefined;
}

/** A person let a yes count for later calls, or a grant was taken back. */
export interface GrantEvent {
  /** Tells it from the other events. */
  readonly kind: 'grant';
  /** What became of it. */
  readonly how: 'made' | 'revoked';
  /** The grant. */
  readonly grantId: string;
  /** The agent whose calls it covers. */
  readonly agentId: string;
  /** The tool whose calls it covers. */
  readonly toolName: string;
  /** The person. */
  readonly by: string;
  /** The approval with which it was made. */
  readonly decisionId: string;
  /** How many calls it covers, where it was made. */
  readonly maxUses?: number | undefined;
  /** Until when, in epoch milliseconds, where it was made. */
  readonly expiresAtMs?: number | undefined;
  /** The policies that it answers, where it was made. */
  readonly lifts?: readonly { readonly id: string; readonly hash: string }[] | undefined;
  /** Why it was taken back, in that person's words. */
  readonly reason?: string | undefined;
}

/** An approval was used at the approval desk: no other call can use it. */
export interface ConsumedEvent {
  /** Tells it from the other events. */
  readonly kind: 'consumed';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** @internal The approval after it. */
  readonly approval: JournaledApproval;
}

/** The approval desk has recorded the one claim that may enter the method. */
export interface BegunEvent {
  /** Tells it from the other events. */
  readonly kind: 'begun';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** @internal The approval after it. */
  readonly approval: JournaledApproval;
}

/** An approval ended at the approval desk without a run. */
export interface EndedEvent {
  /** Tells it from the other events. */
  readonly kind: 'ended';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** `expired`: no one decided in time. `withdrawn`: its caller took it back. */
  readonly how: 'expired' | 'withdrawn';
}

/** A method is about to be entered. */
export interface EnteringEvent {
  /** Tells it from the other events. */
  readonly kind: 'entering';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** The task of an approved call; absent if the call was allowed at once. */
  readonly taskId?: string | undefined;
  /** The claim under which an approved call runs. */
  readonly token?: string | undefined;
  /** A deep-frozen copy of the params that the method gets. */
  readonly params: Params;
  /** Set where a guarded method was called at once by a guarded tool that was decided on the same: it runs under that decision, inside that entry. */
  readonly reused?: true | undefined;
  /** Set where the guard of an approved call says that it may run again after a crash. */
  readonly idempotent?: true | undefined;
  /** @internal Of the decision. */
  readonly auditSalt?: string | undefined;
  /** @internal Its caller cannot wait. */
  readonly synchronous?: true | undefined;
}

/** How a call ended whose method was about to be entered. */
export interface SettledEvent {
  /** Tells it from the other events. */
  readonly kind: 'settled';
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;
  /** The task of an approved call. */
  readonly taskId?: string | undefined;
  /** `withheld`: the method was not entered after all. `unknown`: whether it ran to its end cannot be told. */
  readonly outcome: 'completed' | 'failed' | 'unknown' | 'withheld';
}

/** Another policy set came into force. */
export interface PoliciesEvent {
  /** Tells it from the other events. */
  readonly kind: 'policies';
  /** The hash of the policies that are in force now. */
  readonly hash: string;
  /** The hash of those before. */
  readonly previousHash?: string | undefined;
  /** Who put them in force, where they were staged and promoted. */
  readonly by?: string | undefined;
}

/** This process knows, from now on, that a halt is in force, or that it is over, no matter who ordered or lifted it. */
export interface HaltEvent {
  /** Tells it from the other events. */
  readonly kind: 'halt';
  /** `over`: its time has passed. */
  readonly how: 'halted' | 'lifted' | 'over';
  /** The halt. */
  readonly haltId: string;
  /** What is halted, or was. */
  readonly scope: HaltScope;
  /** What happens to calls that wait for a person. */
  readonly pending: 'freeze' | 'cancel';
  /** When it ends by itself, in epoch milliseconds. */
  readonly untilMs?: number | undefined;
  /** Who ordered it, or has lifted it. */
  readonly by: string;
  /** Why, in that person's words. */
  readonly reason: string;
}

/** An answer, approval or verdict looked forged, replayed or swapped. */
export interface SecurityEvent {
  /** Tells it from the other events. */
  readonly kind: 'security';
  /** What is published on `aegis:diagnostics` as well. */
  readonly diagnostic: Extract<Diagnostic, { readonly kind: 'security' }>;
}

/** What happens to guarded calls, in the order it happens. Every event is frozen. */
export type JournalEvent =
  | DecidedEvent
  | TaskEvent
  | OpenedEvent
  | RemindedEvent
  | EscalatedEvent
  | VerdictEvent
  | AmendedEvent
  | GrantEvent
  | ConsumedEvent
  | BegunEvent
  | EndedEvent
  | EnteringEvent
  | SettledEvent
  | PoliciesEvent
  | HaltEvent
  | SecurityEvent;

/**
 * Gets an event for everything that is decided and run: the port of audit logs, telemetry and monitoring. It can stop a call; it cannot start one.
 */
export interface Journal {
  /** Takes an event. A throw, or a rejection of what it returns, is reported on `aegis:diagnostics` and changes nothing. */
  note(event: JournalEvent): void;
  /**
   * The last step before a method is entered, after the same event was noted. Where it throws or rejects, the method is not entered. A guarded call waits
   * for a promise; a synchronous guard refuses the call instead.
   */
  before?(event: EnteringEvent): Awaitable<void>;
  /**
   * Names what runs now, to be kept with a call that waits for a person, so that its run can be linked to it in another process: a `traceparent` of W3C
   * Trace Context. Where several journals give one, the first one counts.
   */
  traceparent?(): string | undefined;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Combines journals into one; `undefined` without any, so that a module without a journal pays for one comparison. */
export function combineJournals(journals: Journal | readonly Journal[] | undefined): Journal | undefined {
  const all = journals === undefined ? [] : isList(journals) ? [...journals] : [journals];
  if (all.length === 0) return undefined;
  const failed = (error: unknown): void => publishCallbackError('journal.note', error);
  const note = (event: JournalEvent): void => {
    Object.freeze(event);
    for (const journal of all) callSafely((e: JournalEvent) => journal.note(e), [event], failed);
  };
  const blocking = all.filter((journal) => journal.before !== undefined);
  const tracing = all.filter((journal) => journal.traceparent !== undefined);
  return {
    note,
    ...(blocking.length > 0 && { before: (event: EnteringEvent) => askAll(blocking, event) }),
    ...(tracing.length > 0 && { traceparent: () => traceparentOf(tracing) }),
  };
}

/** Telemetry that fails, or gives something else, changes no call. */
function traceparentOf(journals: readonly Journal[]): string | undefined {
  for (const journal of journals)
    try {
      const given: unknown = journal.traceparent?.();
      if (typeof given === 'string' && TRACEPARENT.test(given)) return given;
    } catch (error) {
      publishCallbackError('journal.traceparent', error);
    }
  return undefined;
}

/** Asks each journal, also where one throws at once: then no one waits for the others, and a rejection of theirs must not end the process. */
function askAll(journals: readonly Journal[], event: EnteringEvent): Awaitable<void> {
  const thrown: unknown[] = [];
  const answers = journals.map((journal): Awaitable<void> => {
    try {
      return journal.before?.(event);
    } catch (error) {
      thrown.push(error);
      return undefined;
    }
  });
  const all = waitForAll(answers);
  if (thrown.length === 0) return all;
  if (isThenable(all)) all.then(undefined, () => {});
  throw thrown[0];
}

/** Reports something that looks forged, replayed or swapped: on the diagnostics channel, and to the module's journal. */
export function reportSecurity(report: SecurityReport, journal: Journal | undefined): void {
  publishDiagnostic(report);
  if (journal !== undefined) journal.note({ kind: 'security', diagnostic: securityDiagnostic(report) });
}

function isList(journals: Journal | readonly Journal[]): journals is readonly Journal[] {
  return Array.isArray(journals);
}
