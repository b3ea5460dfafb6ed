// What 'aegislib/langchain' exports. Written by npm run api:update; review what changes here.

export type { AdapterApproval } from 'aegislib/ai-sdk';

export type { AdapterOptions } from 'aegislib/ai-sdk';

export interface LangChainCall<C = unknown> {
    readonly context?: C | undefined;
    readonly configurable?: Readonly<Record<string, unknown>> | undefined;
    readonly toolCall?: {
        readonly id?: string | undefined;
        readonly name: string;
    } | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly interrupt?: unknown;
}

export interface LangChainInterrupt {
    readonly actionRequests: readonly {
        readonly name: string;
        readonly args: unknown;
        readonly description: string;
        readonly decisionId: string;
    }[];
    readonly reviewConfigs: readonly {
        readonly actionName: string;
        readonly allowedDecisions: readonly ['approve', 'reject'];
    }[];
}

export interface LangChainMiddlewareOptions<W, C = unknown> extends LangChainOptions<C> {
    readonly createMiddleware: (config: {
        name: string;
        wrapToolCall: WrapToolCall;
    }) => W;
}

export interface LangChainOptions<C = unknown> extends AdapterOptions<LangChainCall<C>> {
    readonly ToolMessage: ToolMessageClass;
    readonly interrupt?: ((value: LangChainInterrupt) => unknown) | undefined;
    readonly subAgentTools?: OnUnguardable | undefined;
}

export interface LangChainRequest {
    readonly toolCall: {
        readonly name: string;
        readonly args: unknown;
        readonly id?: string | undefined;
    };
    readonly tool: unknown;
    readonly runtime: unknown;
}

export interface LangChainTool {
    readonly name: string;
    readonly invoke: (...args: never) => unknown;
}

export interface LangChainToolOptions<C = unknown> extends LangChainOptions<C> {
    readonly unguardable?: OnUnguardable | undefined;
}

export type { OnUnguardable } from 'aegislib/ai-sdk';

export type ToolMessageClass = new (fields: {
    content: string;
    tool_call_id: string;
    name: string;
    status: 'error';
}) => unknown;

export type WrapToolCall = <R extends LangChainRequest, M>(request: R, handler: (request: R) => M | Promise<M>) => Promise<M>;

export declare function aegisMiddleware<W, C = unknown>(options: LangChainMiddlewareOptions<W, C>): W;

export declare function guardTools<const T extends readonly LangChainTool[], C = unknown>(tools: T, options: LangChainToolOptions<C>): {
    -readonly [K in keyof T]: T[K];
};
