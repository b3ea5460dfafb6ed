// What 'aegislib/adk' exports. Written by npm run api:update; review what changes here.

export type { AdapterApproval } from 'aegislib/ai-sdk';

export type { AdapterOptions } from 'aegislib/ai-sdk';

export type AdkApproval = ApprovalPayload;

export interface AdkCall {
    readonly tool: AdkTool;
    readonly args: Record<string, unknown>;
    readonly context: AdkContext;
}

export interface AdkContext {
    readonly functionCallId?: string | undefined;
    readonly sessionId: string;
    readonly userId: string;
    readonly abortSignal?: AbortSignal | undefined;
    readonly toolConfirmation?: {
        readonly confirmed: boolean;
        readonly payload?: unknown;
    } | undefined;
    readonly actions: object;
    readonly invocationContext: object;
    requestConfirmation(request: {
        hint?: string;
        payload?: unknown;
    }): void;
}

export interface AdkHooks {
    readonly beforeTool: (call: AdkCall) => Promise<Record<string, unknown>>;
}

export interface AdkOptions<C = AdkContext> extends AdapterOptions<C> {
    readonly name?: string | undefined;
    readonly unguardable?: OnUnguardable | undefined;
}

export interface AdkTool {
    readonly name: string;
    runAsync(request: never): PromiseLike<unknown>;
}

export type { ApprovalPayload } from 'aegislib/mastra';

export type { OnUnguardable } from 'aegislib/ai-sdk';

export declare function aegisPlugin<B extends Plugin>(BasePlugin: B): new (options?: AdkOptions<ContextOf<B>>) => InstanceType<B> & AdkHooks;
