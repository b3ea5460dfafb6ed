import { channel } from 'node:diagnostics_channel';
import { AegisError } from './AegisError.js';

/** A message on the diagnostics channel `aegis:diagnostics`. */
export type Diagnostic =
  | {
      /** An answer, approval or verdict looks forged, replayed or swapped. Nothing ran. */
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

/** Reports to the subscribers of the channel; costs nothing without one. */
export function publishDiagnostic(diagnostic: Diagnostic): void {
  diagnostics.publish(diagnostic);
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
