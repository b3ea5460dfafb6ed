// What 'aegislib/mastra' exports. Written by npm run api:update; review what changes here.

export type { AdapterApproval } from 'aegislib/ai-sdk';

export type { AdapterOptions } from 'aegislib/ai-sdk';

export interface ApprovalPayload {
    readonly aegis: 'approval';
    readonly tool: string;
    readonly taskId: string;
    readonly decisionId: string;
}

export interface MastraAnswer {
    readonly approved: boolean;
    readonly decisionId?: string | undefined;
    readonly reason?: string | undefined;
}

export interface MastraApproval extends ApprovalPayload {
    readonly reason: string;
    readonly input: unknown;
    readonly resumed?: {
        readonly resumeData: unknown;
        readonly suspendPayload: unknown;
    } | undefined;
}

export interface MastraCallContext extends Suspendable {
    readonly agent?: (Suspendable & {
        readonly toolCallId?: string | undefined;
        readonly threadId?: string | undefined;
    }) | undefined;
    readonly workflow?: (Suspendable & {
        readonly runId?: string | undefined;
        readonly workflowId?: string | undefined;
    }) | undefined;
    readonly runId?: string | undefined;
    readonly threadId?: string | undefined;
    readonly toolCallId?: string | undefined;
    readonly abortSignal?: AbortSignal | undefined;
}

export type MastraContext<T> = {
    [K in keyof T]: T[K] extends {
        execute?: infer E;
    } ? ContextOf<NonNullable<E>> : never;
}[keyof T];

export interface MastraOptions<C = MastraCallContext> extends AdapterOptions<C> {
    readonly unguardable?: OnUnguardable | undefined;
}

export interface MastraTool {
    readonly inputSchema?: unknown;
    readonly outputSchema?: unknown;
    readonly suspendSchema?: unknown;
    readonly resumeSchema?: unknown;
    readonly toModelOutput?: unknown;
    readonly execute?: unknown;
}

export type { OnUnguardable } from 'aegislib/ai-sdk';

export declare function guardTools<T extends Readonly<Record<string, MastraTool>>>(tools: T, options?: MastraOptions<MastraContext<T>>): T;
