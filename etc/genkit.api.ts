// What 'aegislib/genkit' exports. Written by npm run api:update; review what changes here.

export type { AdapterOptions } from 'aegislib/ai-sdk';

export interface GenkitApproval {
    readonly aegis: 'approval';
    readonly tool: string;
    readonly reason: string;
    readonly taskId: string;
    readonly decisionId: string;
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

export type { OnApproval } from 'aegislib/ai-sdk';

export declare function aegisMiddleware(options?: GenkitOptions): (genkit: {
    readonly ai: GenkitLike;
}) => GenkitHooks;
