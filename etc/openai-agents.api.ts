// What 'aegislib/openai-agents' exports. Written by npm run api:update; review what changes here.

export type { AdapterApproval } from 'aegislib/ai-sdk';

export type { AdapterOptions } from 'aegislib/ai-sdk';

export type { OnUnguardable } from 'aegislib/ai-sdk';

export interface OpenAiAgentsOptions<C = unknown> extends AdapterOptions<C> {
    readonly onDeny?: 'throw' | 'result' | undefined;
    readonly unguardable?: OnUnguardable | undefined;
}

export interface OpenAiCallDetails {
    readonly toolCall?: {
        readonly callId?: string | undefined;
        readonly name?: string | undefined;
        readonly arguments?: string | undefined;
    } | undefined;
    readonly signal?: AbortSignal | undefined;
}

export type OpenAiContext<T extends readonly OpenAiTool[]> = ContextOf<T[number]>;

export interface OpenAiInterruption {
    readonly rawItem: unknown;
}

export interface OpenAiRunState<I> {
    readonly reject: (item: I, options?: {
        message?: string;
    }) => void;
    readonly _context?: unknown;
}

export interface OpenAiTool {
    readonly type: string;
    readonly name: string;
    readonly parameters?: unknown;
    readonly outputSchema?: unknown;
    readonly errorFunction?: unknown;
    readonly needsApproval?: unknown;
    readonly inputGuardrails?: unknown;
    readonly invoke?: ((runContext: never, input: string, details?: never) => Promise<unknown>) | undefined;
}

export declare function guardTools<const T extends readonly OpenAiTool[]>(tools: T, options?: OpenAiAgentsOptions<OpenAiContext<T>>): {
    -readonly [K in keyof T]: T[K];
};

export declare function rejectCall<I extends OpenAiInterruption>(tools: readonly OpenAiTool[], state: OpenAiRunState<I>, item: I, reason?: string): Promise<void>;

export declare function tellRefusals(_runContext: unknown, error: unknown, details?: OpenAiCallDetails): string;
