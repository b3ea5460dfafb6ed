// What 'aegislib/ai-sdk' exports. Written by npm run api:update; review what changes here.

export type AdapterApproval = 'native' | 'defer' | 'wait' | 'deny';

export interface AdapterOptions<C = unknown> {
    readonly module?: AegisModule | AegisModuleView | undefined;
    readonly agentId?: string | ((context: C) => string) | undefined;
    readonly session?: ((context: C) => Session | null | undefined) | undefined;
    readonly scope?: ((context: C) => string | undefined) | undefined;
    readonly toolName?: ((name: string) => string) | undefined;
    readonly groups?: ((name: string) => readonly string[]) | undefined;
    readonly sensitive?: ((name: string) => Readonly<Record<string, SensitiveOption>> | undefined) | undefined;
    readonly preview?: ((name: string) => ((params: Params, signal: AbortSignal) => Awaitable<CallPreview>) | undefined) | undefined;
    readonly approval?: AdapterApproval | undefined;
    readonly waitMs?: number | undefined;
    readonly approvalTimeoutMs?: number | undefined;
    readonly verdictBy?: ((context: C) => string | undefined) | undefined;
}

export interface AiCallContext {
    readonly toolCallId?: string | undefined;
    readonly abortSignal?: AbortSignal | undefined;
    readonly messages?: readonly {
        readonly content: unknown;
    }[] | undefined;
}

export type AiContext<T> = {
    [K in keyof T]: T[K] extends {
        execute?: infer E;
    } ? ContextOf<NonNullable<E>> : never;
}[keyof T];

export interface AiRefusals {
    readonly tools: Readonly<Record<string, AiTool>>;
    readonly messages: AiCallContext['messages'];
    readonly toolsContext?: unknown;
    readonly experimental_context?: unknown;
}

export interface AiSdkOptions<C = AiCallContext> extends AdapterOptions<C> {
    readonly onDeny?: 'throw' | 'result' | undefined;
    readonly unguardable?: OnUnguardable | undefined;
}

export interface AiTool {
    readonly type?: string | undefined;
    readonly inputSchema?: unknown;
    readonly outputSchema?: unknown;
    readonly toModelOutput?: unknown;
    readonly execute?: Execute | undefined;
    readonly needsApproval?: unknown;
}

export interface AiToolApprovalCall {
    readonly toolCall: {
        readonly toolName: string;
        readonly toolCallId: string;
        readonly input: unknown;
    };
    readonly toolsContext?: unknown;
    readonly messages?: AiCallContext['messages'];
}

export type AiToolApprovalStatus = undefined | {
    readonly type: 'denied';
    readonly reason: string;
} | {
    readonly type: 'user-approval';
    readonly reason: string;
};

export type OnUnguardable = 'throw' | 'warn' | 'ignore';

export declare function aegisApproval(tools: Readonly<Record<string, AiTool>>): (call: AiToolApprovalCall) => Promise<AiToolApprovalStatus>;

export declare function guardTools<T extends Readonly<Record<string, AiTool>>>(tools: T, options?: AiSdkOptions<AiContext<T>>): T;

export declare function reportRefusals({ tools, messages, toolsContext, experimental_context }: AiRefusals): Promise<void>;
