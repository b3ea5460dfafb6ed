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
import { schemaOfParameter } from './toolSchema.js';
import type { ToolInvocation } from './ToolInvocation.js';

/** The only parameter of a tool whose input is not an object. */
const INPUT = 'input';

/** The guard of all calls: an adapter that is created for each request then finds what an earlier request asked for. */
const TOOLS = Object.freeze({});

/** A key of a task's metadata: the framework had a yes to this call before the approval was requested, so that yes answers none of its questions. */
export const APPROVED_BEFORE = 'approvedBefore';

/** A tool's call in the form that the guard takes, with its module. */
export interface ToolCall {
  readonly module: AegisModule | AegisModuleView;
  readonly call: Omit<GuardedCall<never>, 'onSettled'>;
  /** Turns params into the tool's input. */
  readonly unwrap: (params: Params) => unknown;
}

/** What all calls of one adapter share. */
export interface ToolCallSource<C> {
  readonly framework: string;
  readonly options: AdapterOptions<C>;
  /** Whether the framework is interrupted: a call that runs when it is made again must not join one that runs by itself. */
  readonly interrupts: boolean;
}

/**
 * Turns a tool's invocation into a call for the guard.
 *
 * @param joins whether the call shares the question, and the remembered refusal, of a duplicate call
 * @throws AegisError and nothing else
 */
export function toolCall<C>(source: ToolCallSource<C>, invocation: ToolInvocation<C>, mode: ApprovalMode, joins: boolean): ToolCall {
  try {
    return describe(source, invocation, mode, joins);
  } catch (error) {
    if (AegisError.is(error)) throw error;
    throw callbackFailed(source.framework, error);
  }
}

/** The error for an option that threw. What it threw is the cause only: a model must not read it. */
export function callbackFailed(framework: string, cause: unknown): ParamsError {
  const message = `A function among the options of the ${framework} adapter threw, so the call was refused; the error's cause says why.`;
  return new ParamsError('', message, { code: 'callback_failed', cause });
}

function describe<C>(
  { framework, options, interrupts }: ToolCallSource<C>,
  invocation: ToolInvocation<C>,
  mode: ApprovalMode,
  joins: boolean,
): ToolCall {
  const { name, input, context, callId, connection, signal, schema, knows, approvedThere } = invocation;
  const scope = options.scope?.(context) ?? invocation.scope;
  const module = options.module ?? (currentHandle() as AegisModuleView | undefined);
  if (module === undefined)
    throw new ConfigError([
      { where: framework, message: 'no module is configured: call AegisModule.configure(), or pass `module` to the adapter.' },
    ]);
  const runtime = runtimeOf(module);
  const agentId = (typeof options.agentId === 'function' ? options.agentId(context) : options.agentId) ?? runtime.agentId;
  if (agentId === undefined)
    throw new ConfigError([
      { where: framework, message: 'no agent is named: pass `agentId` to the adapter or to AegisModule.configure().' },
    ]);
  const toolName = options.toolName?.(name) ?? name;
  const named = isPlainObject(input);
  const unwrap = (params: Params): unknown => (named ? params : params[INPUT]);
  // without the call's id: an agent that repeats a call, each time under a new id, asks a person once
  const identity = JSON.stringify([framework, toolName, scope ?? '', connection ?? '']);
  const call = {
    agentId,
    toolName,
    params: (named ? input : { [INPUT]: input }) as Params,
    mode,
    session: options.session?.(context) ?? (runtime.asyncLocal ? scopedSession() : undefined) ?? null,
    groups: options.groups?.(name),
    sensitive: options.sensitive?.(name),
    preview: options.preview?.(name),
    guard: joins ? TOOLS : undefined,
    target: `${identity} ${interrupts ? 'native' : 'background'}`,
    guardKey: `${toolName}#${createHash('sha256').update(identity).digest('base64url').slice(0, 32)}`,
    // a deferred call ends with its process: no other process has a guard that could run it
    signature: joins && mode === 'throw' ? framework : undefined,
    schema: schema && (named ? schema : schemaOfParameter(schema, INPUT)),
    // the framework has checked the input; a schema that transforms need not accept its own output
    schemaAppliesTo: 'sanitized' as const,
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
