import type { AegisModule, AegisModuleView } from '../../guard/module/AegisModule.js';
import type { Session } from '../../model/Params.js';

/**
 * What a call does that needs a person. `native`: the framework's own interruption asks, and the tool runs when it is called again and our approval is
 * there. `pending`: the model is told so, the tool runs in the background once it is approved, and its result is in the task registry. `wait`: the
 * call waits. `deny`: it is refused.
 */
export type OnApproval = 'native' | 'pending' | 'wait' | 'deny';

/** What every adapter takes. `C` is what the framework hands to a tool beside its arguments. */
export interface AdapterOptions<C = unknown> {
  /** Default: the one that `AegisModule.configure()` made. With `verdictBy` it must be the module itself, which has the desk. */
  readonly module?: AegisModule | AegisModuleView | undefined;
  /** Whose calls these are. Default: the module's agentId. */
  readonly agentId?: string | ((context: C) => string) | undefined;
  /** Who the agent works for. Default: the session of `withSession()`, else none. */
  readonly session?: ((context: C) => Session | null | undefined) | undefined;
  /**
   * What the framework's call ids are unique in, such as a conversation: an approval is for one call of one scope. Default: what the framework knows of it.
   */
  readonly scope?: ((context: C) => string | undefined) | undefined;
  /** The name that policies know a tool by. Default: the framework's own name of it. */
  readonly toolName?: ((name: string) => string) | undefined;
  /** Action groups of a tool, for policies. Default: none. */
  readonly groups?: ((name: string) => readonly string[]) | undefined;
  /** What a call does that needs a person. Default: `native` where the framework can be interrupted, else `pending`. */
  readonly onApproval?: OnApproval | undefined;
  /** How long a call of mode `wait` waits, in milliseconds. Default: as long as the approval may take. */
  readonly waitMs?: number | undefined;
  /** How long the approval may take, in milliseconds. Default: the module's. */
  readonly approvalTimeoutMs?: number | undefined;
  /**
   * The person, authenticated by your host, who speaks when the framework is told yes or no. Such a yes is a verdict at our desk, where policies say whether it
   * counts (`@self_approval`, `@approvers`). Without it a framework's yes changes nothing: the approval has to be given at the desk.
   */
  readonly verdictBy?: ((context: C) => string | undefined) | undefined;
}

/** What tools that cannot be guarded do, such as those that a provider runs. Default `throw`. */
export type OnUnguardable = 'throw' | 'warn' | 'ignore';
