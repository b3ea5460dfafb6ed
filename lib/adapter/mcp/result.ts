import type { McpToolResult } from './context.js';

/** What a client is told instead of a result: never an error of the protocol, which some clients end the conversation over. */
export function refusedResult(text: string): McpToolResult {
  return { isError: true, content: [{ type: 'text', text }], _meta: { 'aegis/decision': JSON.parse(text) as unknown } };
}
