import type { AegisError } from '../../model/AegisError.js';
import type { PendingApproval } from '../../model/PendingApproval.js';

/** The tool ran. */
export interface ToolRan<R> {
  readonly kind: 'ran';
  readonly value: R;
}

/** It did not, and will not for this call. */
export interface ToolDenied {
  readonly kind: 'denied';
  readonly error: AegisError;
  /** For the model. */
  readonly text: string;
}

/** A person has to decide first. */
export interface ToolPending {
  readonly kind: 'pending';
  readonly pending: PendingApproval;
  /** For the model. */
  readonly text: string;
}

/** What became of a tool's call, in words that every framework has its own for. */
export type ToolOutcome<R> = ToolRan<R> | ToolDenied | ToolPending;

/** What a call would meet, were it made now. */
export type ToolPreflight = { readonly kind: 'allowed' } | ToolDenied | ToolPending;
