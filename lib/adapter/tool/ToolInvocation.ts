import type { StandardSchema } from '../../guard/call/StandardSchema.js';
import type { OnApproval } from './AdapterOptions.js';

/** One call of a tool, as a framework makes it. */
export interface ToolInvocation<C = unknown> {
  /** The framework's name of the tool. */
  readonly name: string;
  readonly input: unknown;
  readonly context: C;
  /** The framework's id of this call. Two calls are never one where it differs. */
  readonly callId?: string | undefined;
  /** What the framework's ids are unique in, such as a connection, a run or a conversation. */
  readonly scope?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The tool's own schema: what policies make of the input has to fit it. The framework has checked the input itself. */
  readonly schema?: StandardSchema | undefined;
  /** Whether the tool has a parameter of that name: without a schema, a sanitize may add no other. */
  readonly knows?: ((name: string) => boolean) | undefined;
  /**
   * The framework was told by a person that this call may run. It counts, as a verdict of `verdictBy`, for an approval that was asked for before, and where
   * policies let it count. Give it only where the framework calls the tool because of that yes.
   */
  readonly approvedThere?: boolean | undefined;
  /**
   * With `approvedThere`: the decision that the person was shown, where the framework says so. The yes counts for no other. Without it, a yes that was there
   * already when the approval was asked for counts for nothing: it was to an earlier question.
   */
  readonly shownDecision?: string | undefined;
  /** What this call does that needs a person, where it is not the option's: a client that cannot be asked, for instance. */
  readonly onApproval?: OnApproval | undefined;
}
