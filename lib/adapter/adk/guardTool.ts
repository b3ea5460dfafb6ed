import { AegisError } from '../../model/AegisError.js';
import { refuseUnguardable } from '../tool/AdapterOptions.js';
import { fitsSchema } from '../tool/fitsSchema.js';
import { deniedText } from '../tool/text.js';
import type { ToolGuard } from '../tool/ToolGuard.js';
import { parsedInput, toolSchema } from '../tool/toolSchema.js';
import type { AdkAgent, AdkCall, AdkCallback, AdkContext, AdkInvocation, AdkOptions, AdkResult, AdkTool } from './AdkOptions.js';
import { requestApproval } from './approval.js';

export const FRAMEWORK = 'adk';
const AGENT_TOOL = Symbol.for('google.adk.agentTool');
const guards = new WeakSet<object>();

/** Makes a callback that guards the tools of one agent. A tool whose agent has it counts as guarded. */
export function guardingCallback(guard: ToolGuard<AdkContext>): AdkCallback {
  const callback: AdkCallback = (call) => guardTool(guard, call, false);
  guards.add(callback);
  return callback;
}

/**
 * Decides on a call and runs the tool. Never resolves to `undefined`, because the ADK would then run the tool itself.
 *
 * @param canAsk whether the ADK can ask a person for a confirmation of this call
 */
export async function guardTool(guard: ToolGuard<AdkContext>, { tool, args, context }: AdkCall, canAsk: boolean): Promise<AdkResult> {
  const { name } = tool;
  const { functionCallId: callId, sessionId, userId, abortSignal: signal, toolConfirmation } = context;
  const { appName, pluginManager } = context.invocationContext as AdkInvocation;
  try {
    if (!isReached(tool)) {
      const { unguardable } = guard.options as AdkOptions;
      refuseUnguardable(FRAMEWORK, name, 'plugins do not reach its agent, which needs `beforeToolCallback: aegis.beforeTool`', unguardable);
    }
    const { parameters } = tool as { parameters?: unknown };
    const scope = JSON.stringify([appName, userId, sessionId]);
    const schema = toolSchema(parameters);
    const input = parsedInput(parameters, args);
    // the ADK checks the input when it runs the tool, and only with such a schema
    const fits = schema && ((): Promise<boolean> => fitsSchema(schema, input));
    const call = { name, input, context, callId, scope, signal, schema, fits };
    // the answer to the tool's own confirmation arrives here too: a no refuses both
    const outcome =
      toolConfirmation?.confirmed === false
        ? await guard.refuse(call)
        : await guard.call({ ...call, approvedThere: toolConfirmation?.confirmed === true }, (own) =>
            tool.runAsync({ args: own, toolContext: context } as never),
          );
    if (outcome.kind === 'ran') return adkResult(outcome.value);
    if (outcome.kind === 'denied') return { error: JSON.parse(outcome.text) };
    if (guard.interrupts) await requestApproval(context, outcome, canAsk);
    return JSON.parse(outcome.text) as AdkResult;
  } catch (error) {
    if (AegisError.is(error)) return { error: JSON.parse(deniedText(name, error)) };
    if (signal?.aborted === true || !(error instanceof Error)) throw error;
    const call = { tool, toolArgs: args, toolContext: context, error };
    return (await pluginManager?.runOnToolErrorCallback?.(call)) ?? { error: error.message };
  }
}

/** Turns what a tool returns into a result, as the ADK itself does. */
export function adkResult(value: unknown): AdkResult {
  if (typeof value !== 'object' || value === null) return { result: value };
  return Array.isArray(value) ? { results: value } : (value as AdkResult);
}

/** Whether the tools within this tool are guarded: a runner within a tool has no plugins. */
function isReached(tool: AdkTool): boolean {
  const { agent } = tool as { agent?: AdkAgent };
  return !(AGENT_TOOL in tool) || agent === undefined || isGuarded(agent);
}

function isGuarded({ canonicalBeforeToolCallbacks = [], subAgents = [] }: AdkAgent): boolean {
  return canonicalBeforeToolCallbacks.some((callback) => guards.has(callback)) && subAgents.every(isGuarded);
}
