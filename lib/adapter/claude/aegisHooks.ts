import { canonicalDigest } from '../../common/data/canonical.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { didYouMean } from '../../common/didYouMean.js';
import { currentCall } from '../../guard/call/callContext.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { AegisError } from '../../model/AegisError.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { ADAPTER_OPTIONS } from '../tool/AdapterOptions.js';
import type { AdapterApproval, AdapterOptions } from '../tool/AdapterOptions.js';
import type { ClaudeHook, ClaudeHookInput, ClaudeHookMatcher, ClaudeHookOutput } from './ClaudeHook.js';
import { DeferredCalls } from './DeferredCalls.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import { deniedText } from '../tool/text.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** The options of the adapter of the Claude Agent SDK. */
export interface ClaudeOptions extends Omit<AdapterOptions<ClaudeHookInput>, 'approval' | 'verdictBy'> {
  /**
   * How a call that needs a person is handled. `wait`: the hook waits, and the tool runs once the call is approved. `native`: the hook defers, the query ends with
   * `deferred_tool_use`, and a query with `resume` asks again; where the CLI cannot defer, it refuses the call unless your `canUseTool` allows it.
   * `deny`: the call is refused.
   *
   * @defaultValue `wait`
   */
  readonly approval?: Exclude<AdapterApproval, 'defer'> | undefined;
  /**
   * What happens to a call that policy allows. `passthrough`: the CLI's own permissions decide. `grant`: the hook allows the call, so that the CLI does not ask. A call
   * that was sanitized, or that a person approved, is always granted: otherwise the CLI would not take the new input, or would not continue.
   *
   * @defaultValue `passthrough`
   */
  readonly allow?: 'grant' | 'passthrough' | undefined;
  /**
   * Selects the guarded tools by the SDK's own patterns, such as `mcp__shop__.*`. All other tools are not guarded.
   *
   * @defaultValue every tool
   */
  readonly matcher?: string | undefined;
  /**
   * How long the hook may take, in milliseconds, before the call is denied.
   *
   * @defaultValue 60,000; with `approval: 'wait'`, 60,000 more than `waitMs`
   */
  readonly timeoutMs?: number | undefined;
}

const FRAMEWORK = 'claude';
const { verdictBy: _never, ...SHARED } = ADAPTER_OPTIONS;
const OPTIONS: OptionKinds<ClaudeOptions> = { ...SHARED, allow: 'any', matcher: 'string', timeoutMs: 'any' };
const WAIT_MS = 600_000;
const TIMEOUT_MS = 60_000;

/** An input that the CLI may run the tool with, and whether a person approved it. */
interface Released {
  readonly input: Record<string, unknown>;
  readonly approved: boolean;
}

/**
 * Makes hooks for the options of the Claude Agent SDK's `query()`. They decide on each call of a tool, also of sub-agents and MCP servers, before the CLI
 * runs it; a call that policy does not allow is denied, regardless of `allowedTools` and `permissionMode`. The hook only decides. That the tool runs with the decided
 * input, and only once, depends on the CLI.
 *
 * @throws ConfigError for invalid options
 * @example for await (const message of query({ prompt, options: { hooks: aegisHooks({ agentId: 'coder' }) } })) { … }
 */
export function aegisHooks(given: ClaudeOptions = {}): { PreToolUse: ClaudeHookMatcher[] } {
  const options = checkedOptions(FRAMEWORK, given, OPTIONS);
  const { approval = 'wait', allow = 'passthrough', matcher, waitMs = WAIT_MS } = options;
  if (!['wait', 'native', 'deny'].includes(approval))
    refuse('approval', 'must be one of wait, native, deny; the CLI runs the tools, so a call cannot run later in the background.');
  if (!['grant', 'passthrough'].includes(allow))
    refuse('allow', `must be one of grant, passthrough${didYouMean(allow, ['grant', 'passthrough']) || '.'}`);
  const timeoutMs = options.timeoutMs ?? (approval === 'wait' ? waitMs : 0) + TIMEOUT_MS;
  if (!(timeoutMs > 0 && timeoutMs <= 2 ** 31 - 1))
    refuse('timeoutMs', 'must be a number of milliseconds above 0 and at most 2,147,483,647 (24 days).');
  const guard = new ToolGuard<ClaudeHookInput>(FRAMEWORK, { ...options, approval, waitMs }, true, { ...OPTIONS, verdictBy: 'any' }, true);

  const deferred = new DeferredCalls();

  const decides: ClaudeHook = async (input, toolUseId, given) => {
    deferred.begin(callOf(input, toolUseId));
    const answer = await inTime(given, timeoutMs, (signal) => decide(guard, allow, input, toolUseId, signal)).catch((error: unknown) =>
      said('deny', deniedText(String(input?.tool_name), error as AegisError)),
    );
    const { permissionDecision, permissionDecisionReason } = answer.hookSpecificOutput ?? {};
    if (approval === 'native')
      deferred.answer(callOf(input, toolUseId), permissionDecision === 'defer' ? permissionDecisionReason : undefined);
    return answer;
  };
  // where the CLI ignores a defer, the answer of the other hooks counts, and it refuses a call that it can ask no one about
  const asks: ClaudeHook = async (input, toolUseId, given) => {
    const reason = await inTime(given, timeoutMs, () => deferred.receive(callOf(input, toolUseId))).catch((error: unknown) =>
      deniedText(String(input?.tool_name), error as AegisError),
    );
    return reason === undefined ? {} : said('ask', reason);
  };
  // the hook's own deadline comes first, because the CLI's handling of a late hook is not ours to choose
  const timeout = Math.ceil(timeoutMs / 1_000) + 5;
  return {
    PreToolUse: [
      {
        ...(matcher !== undefined && { matcher }),
        timeout,
        onFailure: 'block',
        hooks: approval === 'native' ? [decides, asks] : [decides],
      },
    ],
  };
}

/** Runs work within a deadline. @throws AegisError and nothing else */
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
    // the model must read only texts that were written for it
    const why = deadline.signal.aborted
      ? `There was no decision within ${timeoutMs} ms, so the call was denied.`
      : 'There was no decision, so the call was denied.';
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
  if (!isPlainObject(given)) throw new ParamsError('', "The tool's input must be an object.");
  // without these, an approval could not be tied to one call
  if (!isText(name) || !isText(callId) || !isText(scope))
    throw new ParamsError('', 'The CLI did not name the tool, the call and the session, so the call was denied.', { code: 'invalid_call' });
  const run = (own: Record<string, unknown>): Released => ({ input: own, approved: currentCall()?.taskId !== undefined });
  const outcome = await guard.call({ name, input: given, context: input, callId, scope, signal, knows: () => false }, run);
  if (signal.aborted) return aborted(signal);
  if (outcome.kind === 'ran') return released(outcome.value, allow, given);
  if (outcome.kind === 'denied') return said('deny', outcome.text);
  if (ASKING.has(input.permission_mode)) return said('defer', outcome.text);
  // the question of a duplicate call that could ask is left open
  if (!outcome.deduplicated) await outcome.pending.cancel();
  throw new ForbiddenError(
    `Tool '${name.slice(0, 128)}' is not allowed: a person would have to approve it, and in this permission mode no one can be asked.`,
    {
      code: 'approval_refused',
      toolName: name,
    },
  );
}

/** The modes in which `ask` of a hook makes the CLI ask a person or refuse. The behavior in other modes is not known. */
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
