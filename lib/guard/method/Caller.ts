import { AegisError } from '../../model/AegisError.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { isId } from '../../model/Params.js';
import type { Session } from '../../model/Params.js';
import { scopedSession } from '../call/callContext.js';
import { digestOfSession } from '../../model/bindingBase.js';
import { currentRuntime, runtimeOf } from '../call/GuardRuntime.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { takeSession } from '../call/validateParams.js';
import { agentDefaultsOf } from './guardMetadata.js';
import type { AgentDefaults } from './guardMetadata.js';
import type { GuardSpec } from './GuardSpec.js';

/** A plain function has no `this`, and then no class. */
const defaultsOf = (self: unknown): AgentDefaults | undefined => (self === undefined ? undefined : agentDefaultsOf(self));

/** Whom a call is made for. */
export interface Caller {
  readonly agentId: string;
  readonly session: Session | null;
}

/** The module that guards a call. @throws ConfigError where no module is configured */
export function resolveRuntime(spec: GuardSpec, self: unknown): GuardRuntime {
  const { module } = spec.options;
  // a module has one runtime for its whole life, so it is looked up once
  if (typeof module === 'object') return (spec.runtime ??= runtimeOf(module));
  if (module !== undefined) return runtimeOf(callBack('module', () => module(self)));
  const onClass = defaultsOf(self)?.module;
  return onClass === undefined ? currentRuntime() : runtimeOf(onClass);
}

/**
 * The agent of a call: of the guard, else of the class, else of the module.
 *
 * @param args makes a copy of the arguments of the call, as its snapshot has them
 * @throws ConfigError where none of them names one
 * @throws ParamsError where a callback throws, or returns something that is not an agent id
 */
export function resolveAgentId(spec: GuardSpec, runtime: GuardRuntime, self: unknown, args: () => readonly unknown[]): string {
  const { agentId } = spec.options;
  const given = typeof agentId === 'function' ? callBack('agentId', () => agentId(self, args())) : agentId;
  const found: unknown = given ?? defaultsOf(self)?.agentId ?? runtime.agentId;
  if (found === undefined) {
    throw new ConfigError([
      {
        where: spec.info.toolName,
        message: `has no agentId; give one to the guard, to @AegisAgent on its class, or to AegisModule.configure().${spec.isMethod && self === undefined ? ' The call had no `this`: a method that is taken off its object, as in `const { send } = mailer`, has to be bound.' : ''}`,
      },
    ]);
  }
  // the agents of guard and module were checked where they were given
  if (found !== agentId && found !== runtime.agentId && !isId(found)) {
    throw new ParamsError('', "The guard's `agentId` callback must return a string of 1 to 256 characters.", { code: 'invalid_agent' });
  }
  return found as string;
}

/**
 * The session of a call: of the guard, else of the scope.
 *
 * @param args as of {@link resolveAgentId}
 * @throws ParamsError
 */
export function resolveSession(
  { options: { session } }: GuardSpec,
  runtime: GuardRuntime,
  self: unknown,
  args: () => readonly unknown[],
  scope: Session | null,
): Session | null {
  const given = (typeof session === 'function' ? callBack('session', () => session(self, args())) : session) ?? scope;
  return given === null ? null : takeSession(given, runtime.limits);
}

/** The session of `withSession()`, where the module looks for one. */
export function sessionOfScope(runtime: GuardRuntime): Session | null {
  return (runtime.asyncLocal ? scopedSession() : undefined) ?? null;
}

/**
 * Makes the check that an approval does just before its call runs: agent and session are computed again from the arguments of the call.
 *
 * @param args makes the arguments of the call again
 * @returns a function that says why the call must not run
 */
export function recheckOf(
  spec: GuardSpec,
  runtime: GuardRuntime,
  self: unknown,
  args: () => readonly unknown[],
  caller: Caller,
): () => string | undefined {
  // the scope of the original caller, not of the code that runs the approved call
  const scope = sessionOfScope(runtime);
  const digest = digestOfSession(caller.session);
  return () => {
    if (resolveAgentId(spec, runtime, self, args) !== caller.agentId) return OTHER_AGENT;
    return digestOfSession(resolveSession(spec, runtime, self, args, scope)) === digest ? undefined : OTHER_SESSION;
  };
}

/**
 * The session of a stored call on an instance of this process. Agent and session are derived again; a session that `withSession()` gave is the stored one.
 *
 * @returns why the call must not run, as a text, where it is not the caller that was stored
 */
export function resolveStoredSession(
  spec: GuardSpec,
  runtime: GuardRuntime,
  self: unknown,
  args: () => readonly unknown[],
  stored: Caller,
): { readonly session: Session | null } | string {
  if (resolveAgentId(spec, runtime, self, args) !== stored.agentId) return OTHER_AGENT;
  const scope = runtime.asyncLocal || spec.options.session === undefined ? stored.session : null;
  const session = resolveSession(spec, runtime, self, args, scope);
  return digestOfSession(session) === digestOfSession(stored.session) ? { session } : OTHER_SESSION;
}

const OTHER_AGENT = 'it would run for another agent than it was approved for.';
const OTHER_SESSION = 'its session is not the one it was approved in.';

/** Calls back into the program. What the callback throws is an error of the call, and nothing runs. */
export function callBack<T>(name: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (AegisError.is(error)) throw error;
    throw new ParamsError('', `The guard's \`${name}\` callback threw, so the call was refused. See \`cause\` for its error.`, {
      code: 'callback_failed',
      cause: error,
    });
  }
}
