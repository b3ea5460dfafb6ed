import { isLoopbackHost } from '../../common/transport/loopback.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { McpHttpListener } from './McpHttpListener.js';
import type { McpListen } from './McpHttpListener.js';
import { McpRelay, RELAY_OPTIONS } from './McpRelay.js';
import type { McpRelayOptions, McpSides } from './McpRelay.js';
import { loadMcpSdk } from './McpSdk.js';
import type { McpSdk } from './McpSdk.js';
import type { McpTransport } from './McpTransport.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** The options of a gateway: the server, by `command` or by `url`, and how clients reach the gateway. */
export interface GatewayOptions extends McpRelayOptions {
  /** Starts the server as a child process, without a shell. */
  readonly command?: string | undefined;
  /** Arguments of `command`. */
  readonly args?: readonly string[] | undefined;
  /** Environment variables for that process. Of this process's own variables it gets only the few that the MCP SDK passes on, such as PATH and HOME. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The folder that `command` runs in. Default: this one. */
  readonly cwd?: string | undefined;
  /** The address of a server that speaks Streamable HTTP. */
  readonly url?: string | URL | undefined;
  /** Headers that are sent to `url` with each request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Allows a `url` that is plain http to another machine.
   *
   * @defaultValue false
   */
  readonly allowInsecureHttp?: boolean | undefined;
  /**
   * Accepts clients over Streamable HTTP.
   *
   * @defaultValue one client, over stdin and stdout
   */
  readonly listen?: McpListen | undefined;
  /**
   * The transport classes of the MCP SDK.
   *
   * @defaultValue what `loadMcpSdk()` returns
   */
  readonly sdk?: McpSdk | undefined;
}

const GATEWAY_OPTIONS: OptionKinds<GatewayOptions> = {
  ...RELAY_OPTIONS,
  command: 'text',
  args: 'strings',
  env: 'object',
  cwd: 'text',
  url: 'string|object',
  headers: 'record',
  allowInsecureHttp: 'boolean',
  listen: 'object',
  sdk: 'object',
};
const LISTEN_OPTIONS: OptionKinds<McpListen> = {
  port: 'any',
  host: 'string',
  path: 'string',
  token: 'any',
  maxSessions: 'any',
  idleMs: 'any',
};

/** A running gateway. */
export interface Gateway {
  /** The URL for clients, if the gateway listens. */
  readonly url: string | undefined;
  /** Resolves when the gateway has ended: by `close()`, or, over stdio, because the client or the server is gone. */
  readonly closed: Promise<void>;
  /** Ends the gateway and its connections. */
  close(): Promise<void>;
}

/**
 * Guards an MCP server without changing it: clients connect to the gateway, which decides on each `tools/call` and relays everything else unchanged. Over stdio
 * the gateway has one client and writes only the protocol to stdout; with `listen`, each client has its own connection to the server.
 *
 * @throws ConfigError for invalid options, or if the MCP SDK is not installed
 * @example const gateway = await runGateway({ module: aegis, command: 'npx', args: ['-y', 'some-mcp-server'] });
 * await gateway.closed;
 */
export async function runGateway(given: GatewayOptions): Promise<Gateway> {
  const options = checkedOptions('mcp-gateway', given, GATEWAY_OPTIONS);
  const listen = options.listen && checkedOptions('mcp-gateway: listen', options.listen, LISTEN_OPTIONS);
  const upstream = upstreamOf(options);
  const relays = new Set<McpRelay>();
  const connect = async (client: McpTransport, over?: () => void): Promise<McpRelay> => {
    let relay: McpRelay;
    try {
      relay = new McpRelay({ client, upstream: upstream() }, options, GATEWAY_OPTIONS);
    } catch (error) {
      over?.();
      throw error;
    }
    relays.add(relay);
    relay.onclose = () => {
      relays.delete(relay);
      over?.();
    };
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
  return listen === undefined ? overStdio() : overHttp(listen);

  async function overStdio(): Promise<Gateway> {
    const relay = await connect(new (sdkOf(options).StdioServerTransport)());
    // the SDK does not notice the end of stdin
    process.stdin.once('end', () => void relay.close());
    const { onclose } = relay;
    relay.onclose = () => {
      onclose?.();
      ended();
    };
    return { url: undefined, closed, close: () => relay.close() };
  }

  async function overHttp(listen: McpListen): Promise<Gateway> {
    // reports invalid options now, not to the first client
    new McpRelay({ client: IDLE, upstream: IDLE }, options, GATEWAY_OPTIONS);
    const listener = new McpHttpListener(sdkOf(options), listen, async (client, over) => void (await connect(client, over)));
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
 * Guards the messages between two transports of your own: everything is relayed unchanged, except `tools/call`.
 *
 * @returns a function that closes both transports
 * @throws ConfigError for invalid options
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

/** Returns a function that opens a new connection to the server. */
function upstreamOf(options: GatewayOptions): () => McpTransport {
  const { command, args = [], env, cwd, url, headers, allowInsecureHttp = false } = options;
  const refuse = (message: string): ConfigError => new ConfigError([{ where: 'mcp-gateway', message }]);
  if ((command === undefined) === (url === undefined)) throw refuse('needs either `command` or `url`, the server to guard, and not both.');
  const sdk = sdkOf(options);
  if (url === undefined) {
    const parameters = { command, args: [...args], stderr: 'inherit', ...(env && { env: { ...env } }), ...(cwd !== undefined && { cwd }) };
    return () => new sdk.StdioClientTransport(parameters as never);
  }
  if (!URL.canParse(String(url))) throw refuse('`url` must be a complete URL, such as https://tools.example/mcp.');
  const target = new URL(url);
  if (target.protocol !== 'https:' && !(target.protocol === 'http:' && (allowInsecureHttp || isLoopbackHost(target.hostname))))
    throw refuse('`url` must be https, or http on this machine; set allowInsecureHttp: true if the network itself is trusted.');
  return () => new sdk.StreamableHTTPClientTransport(target as never, { requestInit: { headers: { ...headers } } } as never);
}
