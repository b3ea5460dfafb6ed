// What 'aegislib/genkit' exports. Written by npm run api:update; review what changes here.

export type { AdapterApproval } from 'aegislib/ai-sdk';

export type { AdapterOptions } from 'aegislib/ai-sdk';

export type { ApprovalPayload } from 'aegislib/mastra';

export interface GenkitApproval extends ApprovalPayload {
    readonly reason: string;
}

export interface GenkitContext {
    readonly toolRequest: GenkitToolRequest['toolRequest'];
    readonly context: Readonly<Record<string, unknown>> | undefined;
    readonly resumed: unknown;
}

export interface GenkitHooks {
    generate<E, X extends {
        readonly abortSignal?: AbortSignal | undefined;
    }, R>(envelope: E, options: X, next: (envelope: E, options: X) => R): R;
    tool<Q extends GenkitToolRequest, X, R>(request: Q, options: X, next: (request: Q, options: X) => Promise<R>): Promise<R>;
}

export interface GenkitLike {
    readonly registry?: {
        lookupAction(key: string): PromiseLike<unknown>;
    } | undefined;
    currentContext?(): unknown;
}

export type GenkitOptions = AdapterOptions<GenkitContext>;

export interface GenkitToolRequest {
    readonly toolRequest: {
        readonly name: string;
        readonly ref?: string | undefined;
        readonly input?: unknown;
    };
    readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export declare function aegisMiddleware(options?: GenkitOptions): (genkit: {
    readonly ai: GenkitLike;
}) => GenkitHooks;
