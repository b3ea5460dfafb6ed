import { channel } from 'node:diagnostics_channel';
import { AegisError } from './AegisError.js';

/** A message on the diagnostics channel `aegis:diagnostics`. */
export type Diagnostic =
  | {
      /** An answer, approval or verdict looks forged, replayed or swapped. Nothing ran. */
      readonly kind: 'security';
      readonly code: string;
      readonly message: string;
      /** The call or approval that it is about. It does not say who caused it: its agent may be the victim. */
      readonly subject?:
        | {
            /** The agent that the call or approval belongs to. */
            readonly agentId?: string | undefined;
            /** The tool of that call. */
            readonly toolName?: string | undefined;
            /** The decision or approval. */
            readonly decisionId?: string | undefined;
          }
        | undefined;
      /** Who caused it; absent where that is not known. Never read from the record that was attacked. */
      readonly actor?:
        | {
            /** `caller`: a program that used the library. `service`: the decision service, by its answer. `store`: someone who can write the store. */
            readonly kind: 'caller' | 'service' | 'store';
            /** The agent that acted, where the library knows it by itself. */
            readonly agentId?: string | undefined;
            /** The task that acted, as the caller names it. */
            readonly taskId?: string | undefined;
          }
        | undefined;
    }
  | {
      /** A listener or callback of the program threw or rejected. It changed nothing. */
      readonly kind: 'callback';
      readonly where: string;
      readonly error: { readonly name: string; readonly message: string };
    };

/** A diagnostic of something that looks forged, replayed or swapped. */
export type SecurityDiagnostic = Extract<Diagnostic, { readonly kind: 'security' }>;

/** A security diagnostic as code reports it: with the fields of its subject beside the others. */
export interface SecurityReport extends NonNullable<SecurityDiagnostic['subject']> {
  readonly kind: 'security';
  readonly code: string;
  readonly message: string;
  readonly actor?: SecurityDiagnostic['actor'];
}

const diagnostics = channel('aegis:diagnostics');

/** Reports to the subscribers of the channel; costs nothing without one. */
export function publishDiagnostic(diagnostic: Exclude<Diagnostic, SecurityDiagnostic> | SecurityReport): void {
  if (diagnostics.hasSubscribers) diagnostics.publish(diagnostic.kind === 'security' ? securityDiagnostic(diagnostic) : diagnostic);
}

/** The message of a report, with its subject and its actor apart. */
export function securityDiagnostic({ kind, code, message, actor, ...subject }: SecurityReport): SecurityDiagnostic {
  const about = Object.values(subject).some((value) => value !== undefined) ? { subject } : {};
  return actor === undefined ? { kind, code, message, ...about } : { kind, code, message, ...about, actor };
}

/** Reports what a callback of the program threw, without keeping the thrown value. Never throws, although reading the value may. */
export function publishCallbackError(where: string, error: unknown): void {
  publishDiagnostic({ kind: 'callback', where, error: namesOf(error) });
}

function namesOf(error: unknown): { readonly name: string; readonly message: string } {
  try {
    if (AegisError.is(error) || error instanceof Error) return { name: String(error.name), message: String(error.message) };
    return { name: 'NonError', message: 'a value was thrown that is not an Error' };
  } catch {
    return { name: 'NonError', message: 'a value was thrown that cannot be read' };
  }
}
