import { pathToFileURL } from 'node:url';
import { terminalApprover } from '../decision/terminal/terminalApprover.js';
import { AegisModule } from '../guard/module/AegisModule.js';
import { CliError } from './CliIo.js';
import type { McpGatewayCommand } from './mcpGateway.js';

/**
 * Serves until the client or the server is gone, or a signal ends the gateway. The person at the terminal decides on approvals, if there is a terminal; with a store,
 * every approval desk on that store can decide too.
 *
 * @throws CliError if nothing says where decisions come from
 * @throws ConfigError if policies do not load, or the MCP SDK is missing
 */
export async function serveGateway({ upstream, listen, policies, agentId, store }: McpGatewayCommand): Promise<void> {
  const embedded = policies !== undefined || isSet('AEGIS_POLICIES');
  if (!embedded && !isSet('AEGIS_API_KEY')) {
    throw new CliError(
      'mcp-gateway needs to know where decisions come from: give --policies, or set AEGIS_POLICIES, or AEGIS_API_KEY for a Data Plane',
    );
  }
  const module = AegisModule.configure({
    agentId,
    ...(policies !== undefined && { policies }),
    // a Data Plane has approvers of its own
    ...(embedded && { approver: terminalApprover() }),
    ...(store !== undefined && { store }),
  });
  try {
    const { loadMcpSdk, runGateway } = await import('../adapter/mcp-gateway/index.js');
    // the SDK of the project in the current folder
    const sdk = loadMcpSdk(pathToFileURL(`${process.cwd()}/`));
    const server = upstream.kind === 'url' ? { url: upstream.url } : { command: upstream.command, args: upstream.args };
    const gateway = await runGateway({ module, sdk, listen, ...server });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void gateway.close());
    // stdout belongs to the protocol
    if (gateway.url !== undefined) process.stderr.write(`aegis: the gateway listens at ${gateway.url}\n`);
    await gateway.closed;
  } finally {
    await module.close();
  }
}

function isSet(variable: string): boolean {
  return (process.env[variable] ?? '') !== '';
}
