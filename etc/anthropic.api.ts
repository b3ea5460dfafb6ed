// What 'aegislib/anthropic' exports. Written by npm run api:update; review what changes here.

export type { AdapterApproval } from 'aegislib/ai-sdk';

export type { AdapterOptions } from 'aegislib/ai-sdk';

export interface AnthropicContext {
    readonly toolUse: {
        readonly id: string;
        readonly name?: string | undefined;
        readonly input: unknown;
        readonly toolset_name?: string | null | undefined;
    };
    readonly signal?: AbortSignal | null | undefined;
}

export interface AnthropicOptions extends AdapterOptions<AnthropicContext> {
    readonly ToolError?: (new (content: string) => Error) | undefined;
    readonly unguardable?: OnUnguardable | undefined;
}

export interface AnthropicTool {
    readonly name?: string | undefined;
    readonly type?: string | null | undefined;
    readonly run?: ((first: never, second: never) => unknown) | undefined;
    readonly parse?: ((content: unknown) => unknown) | undefined;
}

export type { OnUnguardable } from 'aegislib/ai-sdk';

export declare function guardTools<const T extends readonly AnthropicTool[]>(tools: T, options?: AnthropicOptions): {
    -readonly [K in keyof T]: T[K];
};
