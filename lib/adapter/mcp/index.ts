// `aegislib/mcp`: guards the tools of an MCP server.
export { guardServer } from './guardServer.js';
export type { McpServerLike } from './guardServer.js';
export type { McpAuthInfo, McpContext } from './context.js';
export type { McpOptions } from './McpToolCalls.js';
export type { AdapterApproval, AdapterOptions } from '../tool/AdapterOptions.js';
