import { isLoopbackHost } from '../../common/transport/loopback.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { McpHttpListener } from './McpHttpListener.js';
import type { McpListen } from './McpHttpListener.js';
import { McpRelay } from './McpRelay.js';
import type { McpRelayOptions, McpSides } from './McpRelay.js';
import { loadMcpSdk } from './McpSdk.js';
import type { McpSdk } from './McpSdk.js';
import type { McpTransport } from './McpTransport.js';

export type { AdapterOptions, OnApproval } from '../tool/AdapterOptions.js';
export type { McpAuthInfo, McpContext } from '../mcp/context.js';
export type { McpListen } from './McpHttpListener.js';
export type { McpRelayOptions, McpSides } from './McpRelay.js';
export { loadMcpSdk } from './McpSdk.js';
export type { McpSdk } from './McpSdk.js';
export type { McpMessage, McpTransport } from './McpTransport.js';

/** What a gateway takes: the server, by `command` or by `url`, and how its clients come. */
export interface GatewayOptions extends McpRelayOptions {
  /** Starts the server as a process of its own, without a shell. */
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  /** For that process, beside the few variables that the MCP SDK hands on, such as PATH and HOME. It gets none of ours. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Where the server speaks Streamable HTTP. */
  readonly url?: string | URL | undefined;
  /** Sent to `url` with each request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Takes a `url` that is plain http to another machine. Default false. */
  readonly allowInsecureHttp?: boolean | undefined;
  /** Takes clients over Streamable HTTP. Default: one client, over stdin and stdout. */
  readonly listen?: McpListen | undefined;
  /** The transports of the MCP SDK. Default: `loadMcpSdk()`. */
  readonly sdk?: McpSdk | undefined;
}

/** A gateway that runs. */
export interface Gateway {
  /** Where it takes clients, if it `listen`s. */
  readonly url: string | undefined;
  /** Settles when it has ended: by `close()`, or, over stdio, because the client or the server is gone. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/**
 * Guards an MCP server that knows nothing of it: clients speak to the gateway, which decides each `tools/call` and hands everything else on as it is. Over stdio
 * it has one client and writes nothing but the protocol to stdout; with `listen` each client has a connection of its own.
 *
 * @throws ConfigError for options that cannot be, or where the MCP SDK is not installed
 * @example const gateway = await runGateway({ module: aegis, command: 'npx', args: ['-y', 'some-mcp-server'] });
 * await gateway.closed;
 */
export async function runGateway(options: GatewayOptions): Promise<Gateway> {
  const upstream = upstreamOf(options);
  const relays = new Set<McpRelay>();
  const connect = async (client: McpTransport): Promise<McpRelay> => {
    const relay = new McpRelay({ client, upstream: upstream() }, options);
    relays.add(relay);
    relay.onclose = () => relays.delete(relay);
    try {
      await relay.start();
    } catch (error) {
      await relay.close();
      throw error;
    }
    return relay;
  };
  let ended: () => void = () => {};
  const closed = new Promise<void>((resolve) => (ended = resolve));
  return options.listen === undefined ? overStdio() : overHttp(options.listen);

  async function overStdio(): Promise<Gateway> {
    const relay = await connect(new (sdkOf(options).StdioServerTransport)());
    // the SDK does not look at the end of stdin
    process.stdin.once('end', () => void relay.close());
    const { onclose } = relay;
    relay.onclose = () => {
      onclose?.();
      ended();
    };
    return { url: undefined, closed, close: () => relay.close() };
  }

  async function overHttp(listen: McpListen): Promise<Gateway> {
    // what cannot be is said now, not to the first client
    new McpRelay({ client: IDLE, upstream: IDLE }, options);
    const listener = new McpHttpListener(sdkOf(options), listen, async (client) => void (await connect(client)));
    const url = await listener.start();
    const close = async (): Promise<void> => {
      await listener.close();
      await Promise.all([...relays].map((relay) => relay.close()));
      ended();
    };
    return { url, closed, close };
  }
}

/**
 * A guard between two transports of your own: everything is handed on as it is, but for `tools/call`.
 *
 * @throws ConfigError
 * @example const close = await relayGuarded({ client: fromTheClient, upstream: toTheServer }, { module: aegis });
 */
export async function relayGuarded(sides: McpSides, options: McpRelayOptions = {}): Promise<() => Promise<void>> {
  const relay = new McpRelay(sides, options);
  await relay.start();
  return () => relay.close();
}

const IDLE: McpTransport = { start: async () => {}, send: async () => {}, close: async () => {} };

function sdkOf({ sdk }: GatewayOptions): McpSdk {
  return sdk ?? loadMcpSdk();
}

/** A new connection to the server, each time. */
function upstreamOf(options: GatewayOptions): () => McpTransport {
  const { command, args = [], env, cwd, url, headers, allowInsecureHttp = false } = options;
  const refuse = (message: string): ConfigError => new ConfigError([{ where: 'mcp-gateway', message }]);
  if ((command === undefined) === (url === undefined)) throw refuse('needs either `command` or `url`: the server that it guards.');
  const sdk = sdkOf(options);
  if (url === undefined) {
    const parameters = { command, args: [...args], stderr: 'inherit', ...(env && { env: { ...env } }), ...(cwd !== undefined && { cwd }) };
    return () => new sdk.StdioClientTransport(parameters as never);
  }
  if (!URL.canParse(String(url))) throw refuse('`url` is no URL; write it in full, as in https://tools.example/mcp.');
  const target = new URL(url);
  if (target.protocol !== 'https:' && !(target.protocol === 'http:' && (allowInsecureHttp || isLoopbackHost(target.hostname))))
    throw refuse('`url` has to be https, or http on this machine; or set allowInsecureHttp: true where the network itself is trusted.');
  return () => new sdk.StreamableHTTPClientTransport(target as never, { requestInit: { headers: { ...headers } } } as never);
}
