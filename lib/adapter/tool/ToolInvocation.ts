import type { StandardSchema } from '../../guard/call/StandardSchema.js';
import type { AegisError } from '../../model/AegisError.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { AdapterApproval } from './AdapterOptions.js';

/** One call of a tool, as a framework makes it. */
export interface ToolInvocation<C = unknown> {
  /** The framework's name of the tool. */
  readonly name: string;
  readonly input: unknown;
  readonly context: C;
  /**
   * The framework's id of this call, kept in its task. It is not part of what makes calls duplicates: a model repeats a call under a new id, and a person is
   * asked about it once.
   */
  readonly callId?: string | undefined;
  /** The conversation that the call belongs to: an approval, and a refusal, is for the calls of one scope. */
  readonly scope?: string | undefined;
  /** The connection that the call came over, which is part of its scope even where `scope` of the options names another: each connection is another client. */
  readonly connection?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The tool's own schema, which what a sanitize makes of the input must fit. The framework has already checked the input itself. */
  readonly schema?: StandardSchema | undefined;
  /** For frameworks that check the input only when they run the tool: whether the tool's schema accepts it. Where it does not, no one is asked, and no tool runs. */
  readonly fits?: (() => PromiseLike<boolean>) | undefined;
  /** Whether the tool has a parameter of that name: without a schema, a sanitize may add no other. */
  readonly knows?: ((name: string) => boolean) | undefined;
  /**
   * A person told the framework that this call may run. That counts, as a verdict of `verdictBy`, for an approval that was requested before, if policies let it
   * count. Set it only where the framework calls the tool because of that yes.
   */
  readonly approvedThere?: boolean | undefined;
  /**
   * With `approvedThere`: the decision that the person was shown, where the framework says which. The yes counts for no other. Without it, a yes that was
   * already there when the approval was requested does not count: it answered an earlier question.
   */
  readonly shownDecision?: string | undefined;
  /** Overrides the adapter's `approval` for this call, for instance where the client cannot be asked. */
  readonly approval?: AdapterApproval | undefined;
}

/** The tool ran. */
export interface ToolRan<R> {
  readonly kind: 'ran';
  readonly value: R;
  /** JSON pointers of what a person edited in the input before it ran: the value says so by then. */
  readonly edited?: readonly string[] | undefined;
}

/** The tool did not run, and will not run for this call. */
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
  /** Whether a duplicate call had asked before: this one shares its question. */
  readonly deduplicated: boolean;
  /** For the model. */
  readonly text: string;
}

/** How a tool's call ended, or that a person has to decide first. Each adapter turns it into its framework's own form. */
export type ToolOutcome<R> = ToolRan<R> | ToolDenied | ToolPending;

/** The outcome that a call would have if it were made now. */
export type ToolPreflight = { readonly kind: 'allowed' } | ToolDenied | ToolPending;
