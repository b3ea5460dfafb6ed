import type { AegisModule, AegisModuleView } from '../../guard/module/AegisModule.js';
import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Params, Session } from '../../model/Params.js';
import type { CallPreview } from '../../model/preview/CallPreview.js';
import type { SensitiveOption } from '../../model/sensitive/Sensitive.js';
import type { OptionKinds } from '../../common/readOptions.js';

/**
 * How a call that needs a person is handled. `native`: the framework's own interruption asks the person, and the tool runs when the framework calls it again
 * and the approval desk has approved. `defer`: the model is told that the call is pending, the tool runs in the background once it is approved, and the task
 * registry has its result. `wait`: the call waits. `deny`: the call is refused.
 */
export type AdapterApproval = 'native' | 'defer' | 'wait' | 'deny';

/** The options that every adapter takes. `C` is what the framework passes to a tool beside its arguments. */
export interface AdapterOptions<C = unknown> {
  /**
   * The module that decides. With `verdictBy` it must be what `AegisModule.configure()` or `AegisModule.create()` returned, because that has the approval desk.
   *
   * @defaultValue the module that `AegisModule.configure()` made
   */
  readonly module?: AegisModule | AegisModuleView | undefined;
  /**
   * The agent whose calls these are.
   *
   * @defaultValue the module's `agentId`
   */
  readonly agentId?: string | ((context: C) => string) | undefined;
  /**
   * The session of a call: whom the agent works for.
   *
   * @defaultValue the session of `withSession()`, if there is one
   */
  readonly session?: ((context: C) => Session | null | undefined) | undefined;
  /**
   * What a call belongs to, such as a conversation. Duplicate calls of one scope share a question to a person, and a refusal is remembered for them; an approval
   * is never used by a call of another scope.
   *
   * @defaultValue the scope that the framework itself reports
   */
  readonly scope?: ((context: C) => string | undefined) | undefined;
  /**
   * The name that policies know a tool by.
   *
   * @defaultValue the framework's name of the tool
   */
  readonly toolName?: ((name: string) => string) | undefined;
  /**
   * The action groups of a tool, for policies.
   *
   * @defaultValue no groups
   */
  readonly groups?: ((name: string) => readonly string[]) | undefined;
  /**
   * What of a tool's arguments is not shown to everyone, by JSON pointer, as the option of a guard has it: `{ '/card/number': 'secret' }`.
   *
   * @defaultValue everything is shown
   */
  readonly sensitive?: ((name: string) => Readonly<Record<string, SensitiveOption>> | undefined) | undefined;
  /**
   * Says what a tool's call would do, for the person who decides it, as the option of a guard does: it gets a copy of the arguments that would run, and a signal.
   *
   * @defaultValue no previews
   */
  readonly preview?: ((name: string) => ((params: Params, signal: AbortSignal) => Awaitable<CallPreview>) | undefined) | undefined;
  /**
   * How a call that needs a person is handled.
   *
   * @defaultValue `native` where the framework can be interrupted, else `defer`
   */
  readonly approval?: AdapterApproval | undefined;
  /**
   * How long a call with `approval: 'wait'` waits, in milliseconds.
   *
   * @defaultValue as long as the approval may take
   */
  readonly waitMs?: number | undefined;
  /**
   * How long an approval may take, in milliseconds.
   *
   * @defaultValue the module's `approvalTimeoutMs`
   */
  readonly approvalTimeoutMs?: number | undefined;
  /**
   * The id of the person who answers the framework's question, as your host has authenticated that person. With it, a yes or no is a verdict at the approval desk,
   * where policies decide whether it counts (`@self_approval`, `@approvers`). Without it, a yes to the framework changes nothing: the desk has to approve the call.
   */
  readonly verdictBy?: ((context: C) => string | undefined) | undefined;
}

/** The kinds of these options; an adapter adds its own. `approval` is checked by ToolGuard, which knows what its framework can do. */
export const ADAPTER_OPTIONS: OptionKinds<AdapterOptions> = {
  module: 'object',
  agentId: 'text|function',
  session: 'function',
  scope: 'function',
  toolName: 'function',
  groups: 'function',
  sensitive: 'function',
  preview: 'function',
  approval: 'any',
  waitMs: 'ms',
  approvalTimeoutMs: 'ms',
  verdictBy: 'function',
};

/** The kind of {@link OnUnguardable}. */
export const UNGUARDABLE = "'throw'|'warn'|'ignore'";

/**
 * What an adapter does with a tool that cannot be guarded, for instance because the provider runs it: `throw` an error, `warn` and leave it unguarded, or
 * `ignore` it, which leaves it unguarded without a word.
 *
 * @defaultValue `throw`
 */
export type OnUnguardable = 'throw' | 'warn' | 'ignore';

/**
 * Handles a tool that runs where it cannot be guarded.
 *
 * @throws GuardDefinitionError unless `unguardable` is `warn` or `ignore`
 */
export function refuseUnguardable(framework: string, name: string, why: string, unguardable: OnUnguardable = 'throw'): void {
  const message = `${framework}: tool '${name.slice(0, 128)}' cannot be guarded: ${why}.`;
  if (unguardable === 'throw')
    throw new GuardDefinitionError(`${message} Leave it out, or set \`unguardable\` to 'warn' or 'ignore' to use it without a guard.`);
  if (unguardable === 'warn') process.emitWarning(message, { type: 'AegisWarning', code: 'unguardable_tool' });
}
