// `aegislib/mcp-gateway`: guards an MCP server that cannot be changed.
export { relayGuarded, runGateway } from './runGateway.js';
export type { Gateway, GatewayOptions } from './runGateway.js';
export type { McpListen } from './McpHttpListener.js';
export type { McpRelayOptions, McpSides } from './McpRelay.js';
export { loadMcpSdk } from './McpSdk.js';
export type { McpSdk } from './McpSdk.js';
export type { McpMessage, McpTransport } from './McpTransport.js';
export type { McpAuthInfo, McpContext } from '../mcp/context.js';
export type { AdapterApproval, AdapterOptions } from '../tool/AdapterOptions.js';
