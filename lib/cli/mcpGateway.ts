import { CliError } from './exitCodes.js';

/** What `aegis mcp-gateway` was told. */
export interface GatewayOptions {
  /** The server whose tools are guarded: a command that speaks MCP on its standard streams, or an address. */
  readonly upstream:
    { readonly kind: 'command'; readonly command: string; readonly args: readonly string[] } | { readonly kind: 'url'; readonly url: URL };
  /** Where to serve over HTTP. Undefined: on this process's standard streams. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  /** A path; undefined leaves the source of decisions to the environment, as `configure()` does. */
  readonly policies: string | undefined;
  readonly agentId: string;
  /** A SQLite file for approvals; undefined keeps them in memory. */
  readonly store?: string | undefined;
}

/** Serves until it is told to end. */
export type RunGateway = (options: GatewayOptions) => Promise<void>;

/** The options as they were typed. */
export interface GatewayFlags {
  readonly listen?: string | undefined;
  readonly url?: string | undefined;
  readonly policies?: string | undefined;
  readonly agent?: string | undefined;
  readonly store?: string | undefined;
}

/** @throws CliError naming the option, and nothing of its value */
export function gatewayOptions(
  command: readonly string[],
  { listen, url, policies, agent = 'mcp-gateway', store }: GatewayFlags,
): GatewayOptions {
  const address = listen === undefined ? undefined : addressOf(listen);
  return { upstream: upstreamOf(command, url), listen: address, policies, agentId: agent, store };
}

function upstreamOf([command, ...args]: readonly string[], url: string | undefined): GatewayOptions['upstream'] {
  if ((command === undefined) === (url === undefined)) throw new CliError('mcp-gateway: give either --url or, after --, a command');
  if (command !== undefined) return { kind: 'command', command, args };
  const parsed = URL.canParse(url as string) ? new URL(url as string) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol)) throw new CliError('--url: is no http or https address');
  // a command line is seen by everybody on the machine
  if (parsed.username !== '' || parsed.password !== '') throw new CliError('--url: must not hold credentials');
  return { kind: 'url', url: parsed };
}

/** `127.0.0.1:8080`, `[::1]:8080`, or a port alone, which is for this machine only. */
function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(listen) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) throw new CliError('--listen: is a port, or host:port');
  return { host: bracketed ?? plain ?? '127.0.0.1', port };
}
