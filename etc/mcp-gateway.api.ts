// What 'aegislib/mcp-gateway' exports. Written by npm run api:update; review what changes here.

export type { AdapterApproval } from 'aegislib/ai-sdk';

export type { AdapterOptions } from 'aegislib/ai-sdk';

export interface Gateway {
    readonly url: string | undefined;
    readonly closed: Promise<void>;
    close(): Promise<void>;
}

export interface GatewayOptions extends McpRelayOptions {
    readonly command?: string | undefined;
    readonly args?: readonly string[] | undefined;
    readonly env?: Readonly<Record<string, string>> | undefined;
    readonly cwd?: string | undefined;
    readonly url?: string | URL | undefined;
    readonly headers?: Readonly<Record<string, string>> | undefined;
    readonly allowInsecureHttp?: boolean | undefined;
    readonly listen?: McpListen | undefined;
    readonly sdk?: McpSdk | undefined;
}

export type { McpAuthInfo } from 'aegislib/mcp';

export type { McpContext } from 'aegislib/mcp';

export interface McpListen {
    readonly port: number;
    readonly host?: string | undefined;
    readonly path?: string | undefined;
    readonly token?: string | undefined;
    readonly maxSessions?: number | undefined;
    readonly idleMs?: number | undefined;
}

export interface McpMessage {
    readonly jsonrpc: '2.0';
    readonly id?: string | number | null | undefined;
    readonly method?: string | undefined;
    readonly params?: Readonly<Record<string, unknown>> | undefined;
    readonly result?: unknown;
    readonly error?: unknown;
}

export interface McpRelayOptions extends Omit<AdapterOptions<McpContext>, 'approval' | 'verdictBy'> {
    readonly approval?: 'defer' | 'wait' | 'deny' | undefined;
    readonly heartbeatMs?: number | undefined;
    readonly nulls?: 'refuse' | 'drop' | undefined;
}

export interface McpSdk {
    readonly StdioClientTransport: TransportClass;
    readonly StdioServerTransport: TransportClass;
    readonly StreamableHTTPClientTransport: TransportClass;
    readonly StreamableHTTPServerTransport: TransportClass;
}

export interface McpSides {
    readonly client: McpTransport;
    readonly upstream: McpTransport;
}

export interface McpTransport {
    onclose?: (() => void) | undefined;
    onerror?: ((error: Error) => void) | undefined;
    onmessage?: ((message: never, extra?: never) => void) | undefined;
    start(): Promise<void>;
    send(message: never, options?: never): Promise<void>;
    close(): Promise<void>;
    setProtocolVersion?: ((version: string) => void) | undefined;
}

export declare function loadMcpSdk(from?: string | URL): McpSdk;

export declare function relayGuarded(sides: McpSides, options?: McpRelayOptions): Promise<() => Promise<void>>;

export declare function runGateway(given: GatewayOptions): Promise<Gateway>;
