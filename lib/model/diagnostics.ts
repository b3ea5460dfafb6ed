import { channel } from 'node:diagnostics_channel';
import { AegisError } from './AegisError.js';

/** What is reported on the diagnostics channel `aegis:diagnostics`. */
export type Diagnostic =
  | {
      /** An answer, approval or verdict that looks forged, replayed or swapped. Nothing ran. */
      readonly kind: 'security';
      readonly code: string;
      readonly message: string;
      readonly agentId?: string | undefined;
      readonly toolName?: string | undefined;
      readonly decisionId?: string | undefined;
    }
  | {
      /** A listener or callback of the program threw or rejected. It changed nothing. */
      readonly kind: 'callback';
      readonly where: string;
      readonly error: { readonly name: string; readonly message: string };
    };

const diagnostics = channel('aegis:diagnostics');

/** Reports to whoever subscribed; costs nothing where nobody did. */
export function publishDiagnostic(diagnostic: Diagnostic): void {
  diagnostics.publish(diagnostic);
}

/** Reports what a callback of the program threw, without keeping the thrown thing itself. Never throws: it may throw again when it is looked at. */
export function publishCallbackError(where: string, error: unknown): void {
  publishDiagnostic({ kind: 'callback', where, error: namesOf(error) });
}

function namesOf(error: unknown): { readonly name: string; readonly message: string } {
  try {
    if (AegisError.is(error) || error instanceof Error) return { name: String(error.name), message: String(error.message) };
    return { name: 'NonError', message: 'a value was thrown that is no Error' };
  } catch {
    return { name: 'NonError', message: 'something was thrown that cannot be read' };
  }
}
