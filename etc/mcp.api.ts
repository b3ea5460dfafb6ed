// What 'aegislib/mcp' exports. Written by npm run api:update; review what changes here.

export type { AdapterApproval } from 'aegislib/ai-sdk';

export type { AdapterOptions } from 'aegislib/ai-sdk';

export interface McpAuthInfo {
    readonly clientId?: string | undefined;
    readonly scopes?: readonly string[] | undefined;
    readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

export interface McpContext {
    readonly sessionId?: string | undefined;
    readonly authInfo?: McpAuthInfo | undefined;
    readonly requestInfo?: {
        readonly headers?: unknown;
    } | undefined;
    readonly requestId?: string | number | undefined;
    readonly http?: {
        readonly authInfo?: McpAuthInfo | undefined;
    } | undefined;
    readonly mcpReq?: {
        readonly id: string | number;
    } | undefined;
}

export interface McpOptions extends AdapterOptions<McpContext> {
    readonly approval?: AdapterApproval | undefined;
    readonly heartbeatMs?: number | undefined;
    readonly stateKey?: string | undefined;
    readonly requestState?: {
        mint(payload: string, context: never): string | Promise<string>;
    } | undefined;
}

export interface McpServerLike {
    readonly server: {
        readonly transport?: object | undefined;
    };
    registerTool(name: never, config: never, callback: never): object;
}

export declare function guardServer<S extends McpServerLike>(server: S, options?: McpOptions): S;
