import { createHash } from 'node:crypto';
import { isPlainObject } from '../../common/data/plainObject.js';
import type { AegisModule, AegisModuleView } from '../../guard/module/AegisModule.js';
import { scopedSession } from '../../guard/call/callContext.js';
import type { GuardedCall } from '../../guard/call/GuardedCall.js';
import { currentHandle, runtimeOf } from '../../guard/call/GuardRuntime.js';
import { AegisError } from '../../model/AegisError.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { Params } from '../../model/Params.js';
import type { ApprovalMode } from '../../model/Task.js';
import type { AdapterOptions } from './AdapterOptions.js';
import { sanitizedOnly } from './sanitizedOnly.js';
import type { ToolInvocation } from './ToolInvocation.js';

/** The one parameter of a tool whose input is no object. */
const INPUT = 'input';

/** The guard of all calls that their frameworks have named: an adapter that is made anew for each request still finds what was asked before. */
const NAMED = Object.freeze({});

/** Of a task's metadata: the framework had a yes to this call already when the approval was asked for, so that one is to none of its questions. */
export const APPROVED_BEFORE = 'approvedBefore';

/** A call of a tool as the guard takes it, and in which module. */
export interface ToolCall {
  readonly module: AegisModule | AegisModuleView;
  readonly call: Omit<GuardedCall<never>, 'onSettled'>;
  /** Params as the tool takes them. */
  readonly unwrap: (params: Params) => unknown;
}

/** What the calls of one adapter have in common. */
export interface ToolCallSource<C> {
  readonly framework: string;
  readonly options: AdapterOptions<C>;
  /** The same object for all calls of one tool. */
  readonly guardOf: (toolName: string) => object;
}

/** @throws AegisError and nothing else */
export function toolCall<C>(source: ToolCallSource<C>, invocation: ToolInvocation<C>, mode: ApprovalMode): ToolCall {
  try {
    return describe(source, invocation, mode);
  } catch (error) {
    if (AegisError.is(error)) throw error;
    throw callbackFailed(source.framework, error);
  }
}

/** What an option of the adapter threw may hold what no model is to read. */
export function callbackFailed(framework: string, cause: unknown): ParamsError {
  const message = `An option of the ${framework} adapter threw, so the call was refused.`;
  return new ParamsError('', message, { code: 'callback_failed', cause });
}

function describe<C>({ framework, options, guardOf }: ToolCallSource<C>, invocation: ToolInvocation<C>, mode: ApprovalMode): ToolCall {
  const { name, input, context, callId, signal, schema, knows, approvedThere } = invocation;
  const scope = options.scope?.(context) ?? invocation.scope;
  const module = options.module ?? (currentHandle() as AegisModuleView | undefined);
  if (module === undefined)
    throw new ConfigError([{ where: framework, message: 'no module is configured: call AegisModule.configure(), or give `module`.' }]);
  const runtime = runtimeOf(module);
  const agentId = (typeof options.agentId === 'function' ? options.agentId(context) : options.agentId) ?? runtime.agentId;
  if (agentId === undefined)
    throw new ConfigError([{ where: framework, message: 'no agentId: give one to the adapter, or to AegisModule.configure().' }]);
  const toolName = options.toolName?.(name) ?? name;
  const named = isPlainObject(input);
  const unwrap = (params: Params): unknown => (named ? params : params[INPUT]);
  const wrap = (value: unknown): unknown => (named ? value : { [INPUT]: value });
  // of a call that the framework has named, no other one is the same, however equal
  const identity = callId === undefined ? undefined : JSON.stringify([scope ?? '', callId]);
  const call = {
    agentId,
    toolName,
    params: wrap(input) as Params,
    mode,
    session: options.session?.(context) ?? (runtime.asyncLocal ? scopedSession() : undefined) ?? null,
    groups: options.groups?.(name),
    guard: identity === undefined ? guardOf(toolName) : NAMED,
    target: identity === undefined ? undefined : `${framework} ${toolName} ${identity}`,
    guardKey: identity === undefined ? undefined : `${toolName}#${createHash('sha256').update(identity).digest('base64url').slice(0, 32)}`,
    // what waits in the background ends with its process: there is no guard to be found by its key
    signature: mode === 'throw' ? framework : undefined,
    schema: schema && sanitizedOnly(schema, (params) => unwrap(params as Params), wrap),
    knows,
    signal,
    approvalTimeoutMs: options.approvalTimeoutMs,
    covers: true,
    metadata: Object.freeze({
      framework,
      ...(callId !== undefined && { callId }),
      ...(scope !== undefined && { scope }),
      ...(approvedThere === true && { [APPROVED_BEFORE]: true }),
    }),
  };
  return { module, call, unwrap };
}
