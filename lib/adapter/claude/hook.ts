/** What is used of the input of a hook of the Claude Agent SDK, and what the options' functions get. */
export interface ClaudeHookInput {
  readonly session_id: string;
  readonly hook_event_name?: string;
  readonly tool_name?: string;
  readonly tool_input?: unknown;
  readonly tool_use_id?: string;
  /** Set in a sub-agent. */
  readonly agent_id?: string;
  readonly agent_type?: string;
  readonly permission_mode?: string;
  readonly cwd?: string;
}

/** What a PreToolUse hook answers with. Empty: nothing to say. */
export interface ClaudeHookOutput {
  hookSpecificOutput?: {
    hookEventName: 'PreToolUse';
    permissionDecision: 'allow' | 'deny' | 'ask' | 'defer';
    permissionDecisionReason?: string;
    updatedInput?: Record<string, unknown>;
  };
}

/** A PreToolUse hook. It never rejects: the CLI runs a tool whose hook failed, unless told otherwise. */
export type ClaudeHook = (
  input: ClaudeHookInput,
  toolUseId: string | undefined,
  options: { signal: AbortSignal },
) => Promise<ClaudeHookOutput>;

/** One entry of the SDK's `hooks.PreToolUse`. */
export interface ClaudeHookMatcher {
  matcher?: string;
  /** Seconds. */
  timeout: number;
  onFailure: 'block';
  hooks: ClaudeHook[];
}
