// Compiled, never run: what of the SDK's options the hooks have to fit, written down as the SDK has it, which is not installed here.
import { aegisHooks } from 'aegislib/claude';
import type { ClaudeOptions } from 'aegislib/claude';

interface BaseHookInput {
  session_id: string;
  transcript_path: string;
  cwd: string;
  permission_mode?: string;
  agent_id?: string;
}
type HookInput =
  | (BaseHookInput & { hook_event_name: 'PreToolUse'; tool_name: string; tool_input: unknown; tool_use_id: string })
  | (BaseHookInput & { hook_event_name: 'SessionStart'; source: string });
type HookOutput =
  | { async: true }
  | {
      continue?: boolean;
      hookSpecificOutput?:
        | {
            hookEventName: 'PreToolUse';
            permissionDecision?: 'allow' | 'deny' | 'ask' | 'defer';
            permissionDecisionReason?: string;
            updatedInput?: Record<string, unknown>;
          }
        | { hookEventName: 'SessionStart'; additionalContext?: string };
    };
type HookCallback = (input: HookInput, toolUseID: string | undefined, options: { signal: AbortSignal }) => Promise<HookOutput>;
interface HookCallbackMatcher {
  matcher?: string;
  hooks: HookCallback[];
  timeout?: number;
  onFailure?: 'continue' | 'block';
}
interface SdkOptions {
  hooks?: Partial<Record<'PreToolUse' | 'PostToolUse', HookCallbackMatcher[]>>;
}

export const options: SdkOptions = { hooks: aegisHooks({ agentId: 'coder', approval: 'native' }) };
export const merged: SdkOptions = { hooks: { ...aegisHooks(), PostToolUse: [] } };
export const whose: ClaudeOptions = { agentId: ({ agent_type }) => agent_type ?? 'coder', session: ({ cwd }) => ({ cwd: cwd ?? '' }) };
// @ts-expect-error: the CLI runs the tools, so none runs later
export const pending: ClaudeOptions = { approval: 'defer' };
// @ts-expect-error: a yes that the CLI was told cannot be seen
export const asked: ClaudeOptions = { verdictBy: () => 'ann' };
// @ts-expect-error: there is no such mode
export const perhaps: ClaudeOptions = { allow: 'ask' };
