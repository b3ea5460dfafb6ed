import { findPackage } from '../../common/findPackage.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { McpTransport } from './McpTransport.js';

type TransportClass = new (...args: never[]) => McpTransport;

/** The transport classes of `@modelcontextprotocol/sdk`, by their own names. */
export interface McpSdk {
  readonly StdioClientTransport: TransportClass;
  readonly StdioServerTransport: TransportClass;
  readonly StreamableHTTPClientTransport: TransportClass;
  readonly StreamableHTTPServerTransport: TransportClass;
}

const FILES: Readonly<Record<keyof McpSdk, string>> = {
  StdioClientTransport: 'client/stdio.js',
  StdioServerTransport: 'server/stdio.js',
  StreamableHTTPClientTransport: 'client/streamableHttp.js',
  StreamableHTTPServerTransport: 'server/streamableHttp.js',
};

/**
 * Loads the transport classes of `@modelcontextprotocol/sdk`, which is an optional peer dependency.
 *
 * @param from the file or folder (with a `/` at its end) from which the SDK is resolved, as a path or file URL; by default this package
 * @throws ConfigError if the SDK is not installed
 */
export function loadMcpSdk(from?: string | URL): McpSdk {
  // required, not imported: an import would make the SDK's type declarations necessary
  const classOf = (name: keyof McpSdk): TransportClass => {
    try {
      const { require, path } = findPackage(`@modelcontextprotocol/sdk/${FILES[name]}`, { from });
      const found = (require(path) as Partial<McpSdk>)[name];
      if (typeof found === 'function') return found;
    } catch (error) {
      throw missing(error);
    }
    throw missing(undefined);
  };
  return {
    StdioClientTransport: classOf('StdioClientTransport'),
    StdioServerTransport: classOf('StdioServerTransport'),
    StreamableHTTPClientTransport: classOf('StreamableHTTPClientTransport'),
    StreamableHTTPServerTransport: classOf('StreamableHTTPServerTransport'),
  };
}

function missing(cause: unknown): ConfigError {
  const message = 'the gateway needs version 1 of the MCP SDK, which could not be loaded; run npm install @modelcontextprotocol/sdk.';
  return new ConfigError([{ where: '@modelcontextprotocol/sdk', message }], { cause });
}
