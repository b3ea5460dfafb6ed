import { CliError } from './CliIo.js';

/** The options of `aegis mcp-gateway`, checked. */
export interface McpGatewayCommand {
  /** The server whose tools are guarded: a command that starts a stdio server, or a URL. */
  readonly upstream:
    { readonly kind: 'command'; readonly command: string; readonly args: readonly string[] } | { readonly kind: 'url'; readonly url: URL };
  /** Where to serve over HTTP; undefined serves over stdin and stdout. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  /** The path of the policies; undefined lets the environment choose the decision source, as `configure()` does. */
  readonly policies: string | undefined;
  readonly agentId: string;
  /** The SQLite file for approvals; undefined keeps them in memory. */
  readonly store?: string | undefined;
}

/** Serves until the gateway ends. */
export type ServeGateway = (command: McpGatewayCommand) => Promise<void>;

/** The options as the user typed them. */
export interface McpGatewayFlags {
  readonly listen?: string | undefined;
  readonly url?: string | undefined;
  readonly policies?: string | undefined;
  readonly agent?: string | undefined;
  readonly store?: string | undefined;
}

/** Checks the options of `aegis mcp-gateway`. @throws CliError that names the option and quotes nothing of its value */
export function mcpGatewayCommand(
  command: readonly string[],
  { listen, url, policies, agent = 'mcp-gateway', store }: McpGatewayFlags,
): McpGatewayCommand {
  const address = listen === undefined ? undefined : addressOf(listen);
  return { upstream: upstreamOf(command, url), listen: address, policies, agentId: agent, store };
}

function upstreamOf([command, ...args]: readonly string[], url: string | undefined): McpGatewayCommand['upstream'] {
  if ((command === undefined) === (url === undefined))
    throw new CliError('mcp-gateway needs a server to guard: either --url, or a command after --, and not both');
  if (command !== undefined) return { kind: 'command', command, args };
  const parsed = URL.canParse(url as string) ? new URL(url as string) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol))
    throw new CliError('--url must be an http or https URL, such as https://tools.example/mcp');
  // every user of this machine can read a command line
  if (parsed.username !== '' || parsed.password !== '')
    throw new CliError('--url must not contain credentials, because other users of this machine can read the command line');
  return { kind: 'url', url: parsed };
}

/** Parses `127.0.0.1:8080`, `[::1]:8080`, or a port alone, which listens on this machine only. */
function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(listen) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) throw new CliError('--listen must be a port from 0 to 65535, or host:port');
  return { host: bracketed ?? plain ?? '127.0.0.1', port };
}
