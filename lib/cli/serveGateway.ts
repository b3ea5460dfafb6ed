import { pathToFileURL } from 'node:url';
import { terminalApprover } from '../decision/terminal/terminalApprover.js';
import { AegisModule } from '../guard/module/AegisModule.js';
import type { GatewayOptions } from './mcpGateway.js';

/**
 * Serves until the client or the server is gone, or a signal ends it. The person at the terminal decides what needs one, if there is a terminal; with a store, so
 * does whoever has a desk on it.
 *
 * @throws ConfigError where policies or the MCP SDK are missing
 */
export async function serveGateway({ upstream, listen, policies, agentId, store }: GatewayOptions): Promise<void> {
  const source = policies === undefined ? {} : { policies };
  const module = AegisModule.configure({ agentId, approver: terminalApprover(), ...source, ...(store !== undefined && { store }) });
  try {
    const { loadMcpSdk, runGateway } = await import('../adapter/mcp-gateway/index.js');
    // of the project that it is run in
    const sdk = loadMcpSdk(pathToFileURL(`${process.cwd()}/`));
    const server = upstream.kind === 'url' ? { url: upstream.url } : { command: upstream.command, args: upstream.args };
    const gateway = await runGateway({ module, sdk, listen, ...server });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void gateway.close());
    // standard output is the protocol's
    if (gateway.url !== undefined) process.stderr.write(`aegis: guarding at ${gateway.url}\n`);
    await gateway.closed;
  } finally {
    await module.close();
  }
}
