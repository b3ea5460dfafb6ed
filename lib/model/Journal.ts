import { waitForAll } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { publishCallbackError } from './diagnostics.js';
import type { Diagnostic } from './diagnostics.js';
import type { Decision, DecisionRequest } from './Decision.js';
import type { Params } from './Params.js';
import type { PendingTask } from './Task.js';

/** A decision was made on a call: the first one, or a fresh one just before an approved call runs. */
export interface DecidedEvent {
  readonly kind: 'decided';
  readonly request: DecisionRequest;
  readonly decision: Decision;
  /** The approval of the call that was decided again. */
  readonly approvalId?: string | undefined;
}

/** A call is waiting for a person. */
export interface OpenedEvent {
  readonly kind: 'opened';
  readonly task: PendingTask;
}

/** A person's verdict was recorded at the approval desk. */
export interface VerdictEvent {
  readonly kind: 'verdict';
  readonly agentId: string;
  readonly toolName: string;
  readonly decisionId: string;
  readonly by: string;
  readonly approved: boolean;
  /** The status of the approval after the verdict. */
  readonly status: string;
  /** SHA-256 of the effective params that were decided on. */
  readonly digest: string;
  readonly reason?: string | undefined;
}

/** A method is about to be entered. */
export interface EnteringEvent {
  readonly kind: 'entering';
  readonly agentId: string;
  readonly toolName: string;
  readonly decisionId: string;
  /** The task of an approved call; absent if the call was allowed at once. */
  readonly taskId?: string | undefined;
  /** The claim under which an approved call runs. */
  readonly token?: string | undefined;
  /** A deep-frozen copy of the params that the method gets. */
  readonly params: Params;
}

/** A call that was about to be entered has ended. */
export interface SettledEvent {
  readonly kind: 'settled';
  readonly agentId: string;
  readonly toolName: string;
  readonly decisionId: string;
  readonly taskId?: string | undefined;
  /** `withheld`: the method was not entered. `unknown`: it cannot be known whether it ran to its end. */
  readonly outcome: 'completed' | 'failed' | 'unknown' | 'withheld';
}

/** Another policy set came into force. */
export interface PoliciesEvent {
  readonly kind: 'policies';
  readonly hash: string;
  readonly previousHash?: string | undefined;
}

/** An answer, approval or verdict looked forged, replayed or swapped. */
export interface SecurityEvent {
  readonly kind: 'security';
  readonly diagnostic: Extract<Diagnostic, { readonly kind: 'security' }>;
}

/** An event of a guarded call; events come in the order in which they happen. Every event is frozen. */
export type JournalEvent = DecidedEvent | OpenedEvent | VerdictEvent | EnteringEvent | SettledEvent | PoliciesEvent | SecurityEvent;

/** Receives everything that is decided and run: the port of audit logs, telemetry and monitoring. It can stop a call but never start one. */
export interface Journal {
  /** Receives an event. An error it throws is reported on `aegis:diagnostics` and changes nothing. */
  note(event: JournalEvent): void;
  /** Runs as the last step before a method is entered. If it throws or rejects, the method is not entered. */
  before?(event: EnteringEvent): Awaitable<void>;
}

/** Combines journals into one; `undefined` without any, so that a module without a journal pays for one comparison. */
export function combineJournals(journals: Journal | readonly Journal[] | undefined): Journal | undefined {
  const all = journals === undefined ? [] : isList(journals) ? [...journals] : [journals];
  if (all.length === 0) return undefined;
  const note = (event: JournalEvent): void => {
    Object.freeze(event);
    for (const journal of all) {
      try {
        journal.note(event);
      } catch (error) {
        publishCallbackError('journal.note', error);
      }
    }
  };
  const blocking = all.filter((journal) => journal.before !== undefined);
  if (blocking.length === 0) return { note };
  return { note, before: (event) => waitForAll(blocking.map((journal) => journal.before?.(event))) };
}

function isList(journals: Journal | readonly Journal[]): journals is readonly Journal[] {
  return Array.isArray(journals);
}
