import { createRequire } from 'node:module';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { McpTransport } from './McpTransport.js';

type TransportClass = new (...args: never[]) => McpTransport;

/** The transports of `@modelcontextprotocol/sdk`, by their own names. */
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
 * Loads what the gateway needs of `@modelcontextprotocol/sdk`, an optional peer. Required, not imported: an import would bring its type declarations along.
 *
 * @param from the file or folder (with a `/` at its end) whose node_modules has it, as a path or file URL. Default: this package
 * @throws ConfigError where it is not installed
 */
export function loadMcpSdk(from: string | URL = import.meta.url): McpSdk {
  const require = createRequire(from);
  const classOf = (name: keyof McpSdk): TransportClass => {
    try {
      const found = (require(`@modelcontextprotocol/sdk/${FILES[name]}`) as Partial<McpSdk>)[name];
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
  const message = 'the gateway needs the MCP SDK, version 1: npm install @modelcontextprotocol/sdk';
  return new ConfigError([{ where: '@modelcontextprotocol/sdk', message }], { cause });
}
