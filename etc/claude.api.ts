// What 'aegislib/claude' exports. Written by npm run api:update; review what changes here.

export type { AdapterOptions } from 'aegislib/ai-sdk';

export type ClaudeHook = (input: ClaudeHookInput, toolUseId: string | undefined, options: {
    signal: AbortSignal;
}) => Promise<ClaudeHookOutput>;

export interface ClaudeHookInput {
    readonly session_id: string;
    readonly hook_event_name?: string;
    readonly tool_name?: string;
    readonly tool_input?: unknown;
    readonly tool_use_id?: string;
    readonly agent_id?: string;
    readonly agent_type?: string;
    readonly permission_mode?: string;
    readonly cwd?: string;
}

export interface ClaudeHookMatcher {
    matcher?: string;
    timeout: number;
    onFailure: 'block';
    hooks: ClaudeHook[];
}

export interface ClaudeHookOutput {
    hookSpecificOutput?: {
        hookEventName: 'PreToolUse';
        permissionDecision: 'allow' | 'deny' | 'ask' | 'defer';
        permissionDecisionReason?: string;
        updatedInput?: Record<string, unknown>;
    };
}

export interface ClaudeOptions extends Omit<AdapterOptions<ClaudeHookInput>, 'approval' | 'verdictBy'> {
    readonly approval?: Exclude<AdapterApproval, 'defer'> | undefined;
    readonly allow?: 'grant' | 'passthrough' | undefined;
    readonly matcher?: string | undefined;
    readonly timeoutMs?: number | undefined;
}

export declare function aegisHooks(given?: ClaudeOptions): {
    PreToolUse: ClaudeHookMatcher[];
};
