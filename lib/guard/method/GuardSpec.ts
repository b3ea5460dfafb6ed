import { canonicalDigest } from '../../common/data/canonical.js';
import { scopedSession } from '../call/callContext.js';
import { digestOfSession } from '../call/CallRequest.js';
import { copyData } from '../../model/snapshot/copyData.js';
import { AegisError } from '../../model/AegisError.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { ConfigError, GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import { isId, TOOL_NAME } from '../../model/Params.js';
import type { Session } from '../../model/Params.js';
import type { CallToDecide } from '../call/GuardedCall.js';
import type { GuardInfo } from './guardMetadata.js';
import { agentDefaultsOf } from './guardMetadata.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { currentRuntime, runtimeOf } from '../call/GuardRuntime.js';
import type { LooseGuardOptions } from './LooseGuardOptions.js';
import { argumentsOf } from './argumentsOf.js';
import { MethodCall } from './MethodCall.js';
import type { AnyFunction, StoredCall } from './MethodCall.js';
import { ParamsBinding } from './ParamsBinding.js';
import { takeSession } from '../call/takeSession.js';

const MODES: readonly unknown[] = ['defer', 'wait', 'throw'];

/** One guard, read from its options once, at definition. */
export class GuardSpec {
  readonly info: GuardInfo;
  readonly binding: ParamsBinding;
  readonly options: LooseGuardOptions;
  readonly computesCaller: boolean;
  readonly joins: boolean;
  #signature: string | undefined;

  /** @throws GuardDefinitionError naming the method and the fix */
  constructor(method: string | symbol, length: number, options: LooseGuardOptions, joins: boolean = true) {
    this.joins = joins;
    const where = `The guard of ${String(method)}`;
    const refuse = (why: string): never => {
      throw new GuardDefinitionError(`${where}: ${why}`);
    };
    const toolName =
      options.toolName ??
      (typeof method === 'string' ? method.replace(/^#/, '') : refuse('a method named by a symbol needs a `toolName`.'));
    if (typeof toolName !== 'string' || !TOOL_NAME.test(toolName))
      refuse('a tool name is 1 to 128 letters, digits and _ . : / -; give a `toolName`.');
    const approval = options.approval ?? 'defer';
    if (!MODES.includes(approval)) refuse("`approval` is 'defer', 'wait' or 'throw'.");
    for (const name of ['waitMs', 'approvalTimeoutMs'] as const) {
      const ms = options[name];
      if (ms !== undefined && !(Number.isFinite(ms) && ms > 0)) refuse(`\`${name}\` is a number of milliseconds above 0.`);
    }
    const { agentId, groups = [], opaque = [], key, schema, idempotent = false } = options;
    if (agentId !== undefined && typeof agentId !== 'function' && !isId(agentId)) refuse('`agentId` is a text of 1 to 256 characters.');
    if (!Array.isArray(groups)) refuse('`groups` is a list of names.');
    for (const group of groups as readonly unknown[])
      if (typeof group !== 'string' || !TOOL_NAME.test(group)) refuse('a group is 1 to 128 letters, digits and _ . : / -.');
    if (key !== undefined && !isId(key)) refuse('`key` is a text of 1 to 256 characters.');
    if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function')
      refuse('`schema` is a Standard Schema, as of valibot, zod or arktype.');

    if (approval === 'throw' && opaque.length > 0) {
      refuse("mode 'throw' finds an approval again by the call's arguments, so none may be opaque; choose 'wait' or 'defer'.");
    }
    this.options = options;
    this.computesCaller = typeof agentId === 'function' || typeof options.session === 'function';
    this.binding = new ParamsBinding(where, length, options);
    this.info = Object.freeze({
      method,
      toolName,
      key: key ?? toolName,
      agentId: typeof agentId === 'string' ? agentId : undefined,
      approval,
      params: this.binding.names,
      groups: Object.freeze([...groups]),
      opaque: this.binding.opaque,
      idempotent,
    });
  }

  /** SHA-256 of what names the parameters: a stored call of another signature is no call of this guard. */
  get signature(): string {
    return (this.#signature ??= canonicalDigest([
      this.info.toolName,
      this.info.params ?? null,
      this.options.plain ?? [],
      this.info.opaque,
    ]));
  }

  /** @throws ConfigError where no module is configured */
  runtime(self: unknown): GuardRuntime {
    const { module } = this.options;
    if (module !== undefined) return runtimeOf(typeof module === 'function' ? callback('module', () => module(self)) : module);
    const onClass = agentDefaultsOf(self)?.module;
    return onClass === undefined ? currentRuntime() : runtimeOf(onClass);
  }

  /** Describes one call. Callbacks of the guard are called here, once. */
  call(runtime: GuardRuntime, fn: AnyFunction, self: unknown, args: readonly unknown[]): CallToDecide {
    const { signal } = this.options;
    const named = this.binding.name(args, runtime.limits);
    const agentId = this.#agentId(runtime, self, args);
    const session = this.#session(runtime, self, args, scopeOf(runtime));
    const abort = typeof signal === 'function' ? callback('signal', () => signal(self, args)) : signal;
    return new MethodCall(this, fn, runtime, self, args, named, agentId, session, abort);
  }

  /**
   * What an approval checks just before it runs: agent and session are computed again from the arguments as they were. Only what a callback
   * computes can have changed.
   */
  recheck(
    runtime: GuardRuntime,
    self: unknown,
    args: () => readonly unknown[],
    agentId: string,
    session: Session | null,
  ): (() => string | undefined) | undefined {
    if (!this.computesCaller) return undefined;
    // the scope is the caller's, whoever runs the approved call
    const scope = scopeOf(runtime);
    const digest = digestOfSession(session);
    return () => {
      const given = args();
      if (this.#agentId(runtime, self, given) !== agentId) return 'it would run for another agent than it was approved for.';
      const now = digestOfSession(this.#session(runtime, self, given, scope));
      return now === digest ? undefined : 'its session is not the one it was approved in.';
    };
  }

  /**
   * Describes a stored call again, on an instance of this process. Agent and session are derived again; a session that `withSession()` gave is the
   * stored one.
   *
   * @returns why it must not run, where it is not the call that was stored
   */
  storedCall(runtime: GuardRuntime, fn: AnyFunction, self: unknown, stored: StoredCall): MethodCall | string {
    const { params, argumentCount } = stored;
    const args = (): readonly unknown[] => argumentsOf(copyData(params), this.binding.names, this.binding.rest, argumentCount);
    if (this.#agentId(runtime, self, args()) !== stored.agentId) return 'it would run for another agent than it was approved for.';
    const session = this.#session(runtime, self, args(), runtime.asyncLocal || this.options.session === undefined ? stored.session : null);
    if (digestOfSession(session) !== digestOfSession(stored.session)) return 'its session is not the one it was approved in.';
    return MethodCall.stored(this, fn, runtime, self, stored, session);
  }

  #agentId(runtime: GuardRuntime, self: unknown, args: readonly unknown[]): string {
    const { agentId } = this.options;
    const given = typeof agentId === 'function' ? callback('agentId', () => agentId(self, args)) : agentId;
    const found: unknown = given ?? agentDefaultsOf(self)?.agentId ?? runtime.agentId;
    if (found === undefined) {
      throw new ConfigError([
        { where: this.info.toolName, message: 'has no agentId; give one to the guard, to @AegisAgent, or to AegisModule.configure().' },
      ]);
    }
    if (!isId(found)) throw new ParamsError('', "The guard's agentId is no text of 1 to 256 characters.", { code: 'invalid_agent' });
    return found;
  }

  #session(runtime: GuardRuntime, self: unknown, args: readonly unknown[], scope: Session | null): Session | null {
    const { session } = this.options;
    // the callback gets the caller's own arguments; what it makes of them is copied at once
    const given = (typeof session === 'function' ? callback('session', () => session(self, args)) : session) ?? scope;
    return given === null ? null : takeSession(given, runtime.limits);
  }
}

/** The session of `withSession()`, where the module looks for one. */
function scopeOf(runtime: GuardRuntime): Session | null {
  return (runtime.asyncLocal ? scopedSession() : undefined) ?? null;
}

/** Calls back into the program; a throw is an error of the call, and nothing runs. */
function callback<T>(name: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (AegisError.is(error)) throw error;
    throw new ParamsError('', `The guard's \`${name}\` callback threw, so the call was refused.`, {
      code: 'callback_failed',
      cause: error,
    });
  }
}
