/** The properties that are used of the input of a hook of the Claude Agent SDK. The functions among the options get it too. */
export interface ClaudeHookInput {
  readonly session_id: string;
  readonly hook_event_name?: string;
  readonly tool_name?: string;
  readonly tool_input?: unknown;
  readonly tool_use_id?: string;
  /** Set for the calls of a sub-agent. */
  readonly agent_id?: string;
  readonly agent_type?: string;
  readonly permission_mode?: string;
  readonly cwd?: string;
}

/** The answer of a PreToolUse hook. An empty answer leaves the decision to the CLI. */
export interface ClaudeHookOutput {
  hookSpecificOutput?: {
    hookEventName: 'PreToolUse';
    permissionDecision: 'allow' | 'deny' | 'ask' | 'defer';
    permissionDecisionReason?: string;
    updatedInput?: Record<string, unknown>;
  };
}

/** A PreToolUse hook. It never rejects, because by default the CLI runs a tool whose hook failed. */
export type ClaudeHook = (
  input: ClaudeHookInput,
  toolUseId: string | undefined,
  options: { signal: AbortSignal },
) => Promise<ClaudeHookOutput>;

/** One entry of the SDK's `hooks.PreToolUse`. */
export interface ClaudeHookMatcher {
  matcher?: string;
  /** In seconds. */
  timeout: number;
  onFailure: 'block';
  hooks: ClaudeHook[];
}
