import { canonicalDigest } from '../../common/data/canonical.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { currentCall } from '../../guard/call/callContext.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { AegisError } from '../../model/AegisError.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { AdapterOptions, OnApproval } from '../tool/AdapterOptions.js';
import type { ClaudeHook, ClaudeHookInput, ClaudeHookMatcher, ClaudeHookOutput } from './hook.js';
import { DeferredCalls } from './DeferredCalls.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import { deniedText } from '../tool/toolText.js';

export type { AdapterOptions } from '../tool/AdapterOptions.js';
export type { ClaudeHook, ClaudeHookInput, ClaudeHookMatcher, ClaudeHookOutput } from './hook.js';

/** What the adapter of the Claude Agent SDK takes. */
export interface ClaudeOptions extends Omit<AdapterOptions<ClaudeHookInput>, 'onApproval' | 'verdictBy'> {
  /**
   * What a call does that needs a person. `wait`: the hook waits, and the tool runs once it is approved. `native`: the hook defers, the query ends with
   * `deferred_tool_use`, and a query with `resume` asks again; where the CLI does not defer, it refuses the call, unless a `canUseTool` of yours says yes to it.
   * `deny`: it is refused. Default `wait`.
   */
  readonly onApproval?: Exclude<OnApproval, 'pending'> | undefined;
  /**
   * What a call is that policy allows. `passthrough`: left to the CLI's own permissions. `grant`: allowed, so that the CLI does not ask. Default `passthrough`. One
   * that was sanitized, or that a person approved, is granted in any case: the CLI takes the new input, or goes on, with a grant only.
   */
  readonly allow?: 'grant' | 'passthrough' | undefined;
  /** The tools that are guarded, as the SDK matches them, such as `mcp__shop__.*`; all others are not. Default: every tool. */
  readonly matcher?: string | undefined;
  /** How long the hook may take, in milliseconds; then the call is denied. Default 60,000; in mode `wait` that much more than `waitMs`. */
  readonly timeoutMs?: number | undefined;
}

const FRAMEWORK = 'claude';
const WAIT_MS = 600_000;
const TIMEOUT_MS = 60_000;

/** What the CLI may run, and whether a person had to say so. */
interface Released {
  readonly input: Record<string, unknown>;
  readonly approved: boolean;
}

/**
 * Guards the tools of the Claude Agent SDK: hooks for the options of `query()`. Each call of a tool, also of a sub-agent and of an MCP server, is decided before the CLI
 * runs it; what is not allowed is denied, whatever `allowedTools` and `permissionMode` say. The hook decides and the CLI runs: that it runs the input that was
 * decided on, and once, rests on the CLI.
 *
 * @throws ConfigError
 * @example for await (const message of query({ prompt, options: { hooks: aegisHooks({ agentId: 'coder' }) } })) { … }
 */
export function aegisHooks(options: ClaudeOptions = {}): { PreToolUse: ClaudeHookMatcher[] } {
  const { onApproval = 'wait', allow = 'passthrough', matcher, waitMs = WAIT_MS } = options;
  if (!['wait', 'native', 'deny'].includes(onApproval))
    refuse('onApproval', 'is one of wait, native, deny: the CLI runs tools, so none can run later.');
  if (!['grant', 'passthrough'].includes(allow)) refuse('allow', 'is one of grant, passthrough.');
  const timeoutMs = options.timeoutMs ?? (onApproval === 'wait' ? waitMs : 0) + TIMEOUT_MS;
  if (!(timeoutMs > 0 && timeoutMs <= 2 ** 31 - 1)) refuse('timeoutMs', 'is a number of milliseconds above 0, and 24 days at most.');
  const guard = new ToolGuard<ClaudeHookInput>(FRAMEWORK, { ...options, onApproval, waitMs }, true);

  const deferred = new DeferredCalls();

  const decides: ClaudeHook = async (input, toolUseId, given) => {
    deferred.begin(callOf(input, toolUseId));
    const answer = await inTime(given, timeoutMs, (signal) => decide(guard, allow, input, toolUseId, signal)).catch((error: unknown) =>
      said('deny', deniedText(String(input?.tool_name), error as AegisError)),
    );
    const { permissionDecision, permissionDecisionReason } = answer.hookSpecificOutput ?? {};
    if (onApproval === 'native')
      deferred.tell(callOf(input, toolUseId), permissionDecision === 'defer' ? permissionDecisionReason : undefined);
    return answer;
  };
  // where the CLI ignores a defer, it goes by the other hooks, and refuses what it can ask nobody about
  const asks: ClaudeHook = async (input, toolUseId, given) => {
    const reason = await inTime(given, timeoutMs, () => deferred.hear(callOf(input, toolUseId))).catch((error: unknown) =>
      deniedText(String(input?.tool_name), error as AegisError),
    );
    return reason === undefined ? {} : said('ask', reason);
  };
  // the hook's own deadline comes first: what the CLI does with a hook that is late is its own matter
  const timeout = Math.ceil(timeoutMs / 1_000) + 5;
  return {
    PreToolUse: [
      {
        ...(matcher !== undefined && { matcher }),
        timeout,
        onFailure: 'block',
        hooks: onApproval === 'native' ? [decides, asks] : [decides],
      },
    ],
  };
}

/** @throws AegisError and nothing else */
async function inTime<T>(
  given: { signal: AbortSignal } | undefined,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    const signal = AbortSignal.any([...(given?.signal instanceof AbortSignal ? [given.signal] : []), deadline.signal]);
    return await Promise.race([work(signal), aborted(signal)]);
  } catch (error) {
    if (AegisError.is(error)) throw error;
    if (given?.signal?.aborted !== true && !deadline.signal.aborted) publishCallbackError('guarding a tool of Claude', error);
    // nothing is told to the model but what was written to be told
    const why = deadline.signal.aborted ? 'The call could not be decided in time.' : 'The call could not be decided.';
    throw new DecisionUnavailableError('service_threw', why);
  } finally {
    clearTimeout(timer);
  }
}

function callOf(input: ClaudeHookInput | undefined, toolUseId: string | undefined): string {
  return JSON.stringify([String(input?.session_id), String(input?.tool_use_id ?? toolUseId)]);
}

async function decide(
  guard: ToolGuard<ClaudeHookInput>,
  allow: 'grant' | 'passthrough',
  input: ClaudeHookInput,
  toolUseId: string | undefined,
  signal: AbortSignal,
): Promise<ClaudeHookOutput> {
  const { tool_name: name, tool_input: given, session_id: scope, tool_use_id: callId = toolUseId } = input;
  if (!isPlainObject(given)) throw new ParamsError('', 'The input of the tool is no object.');
  // without these nobody could say which call an approval is for
  if (!isText(name) || !isText(callId) || !isText(scope))
    throw new ParamsError('', 'The CLI names no tool, call or session.', { code: 'invalid_call' });
  const run = (own: Record<string, unknown>): Released => ({ input: own, approved: currentCall()?.taskId !== undefined });
  const outcome = await guard.call({ name, input: given, context: input, callId, scope, signal, knows: () => false }, run);
  if (signal.aborted) return aborted(signal);
  if (outcome.kind === 'ran') return released(outcome.value, allow, given);
  if (outcome.kind === 'denied') return said('deny', outcome.text);
  if (ASKING.has(input.permission_mode)) return said('defer', outcome.text);
  await outcome.pending.cancel();
  throw new ForbiddenError(
    `Tool '${name.slice(0, 128)}' is not allowed: a person would have to approve it, and in this permission mode nobody can be asked.`,
    {
      code: 'approval_refused',
      toolName: name,
    },
  );
}

/** The modes in which the CLI asks a person, or refuses, where a hook says `ask`. What others do is not known. */
const ASKING: ReadonlySet<unknown> = /* @__PURE__ */ new Set(['default', 'dontAsk', 'plan', 'acceptEdits', 'bypassPermissions']);

function released({ input, approved }: Released, allow: 'grant' | 'passthrough', given: object): ClaudeHookOutput {
  if (canonicalDigest(input) !== canonicalDigest(given)) return { hookSpecificOutput: { ...GRANT, updatedInput: input } };
  return allow === 'grant' || approved ? { hookSpecificOutput: { ...GRANT } } : {};
}

const GRANT = { hookEventName: 'PreToolUse', permissionDecision: 'allow' } as const;

function said(permissionDecision: 'deny' | 'ask' | 'defer', permissionDecisionReason: string): ClaudeHookOutput {
  return { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision, permissionDecisionReason } };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function refuse(option: string, message: string): never {
  throw new ConfigError([{ where: `${FRAMEWORK}: ${option}`, message }]);
}
