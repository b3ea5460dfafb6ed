// An MCP server that knows nothing of a guard: tools, a prompt, a resource, and a tool that asks the client's user.
import { pathToFileURL } from 'node:url';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import * as z from 'zod';

const text = (said: string): { content: { type: 'text'; text: string }[] } => ({ content: [{ type: 'text', text: said }] });

export function upstream(send: (input: never) => unknown = ({ to }: { to: string }) => `sent to ${to}`): McpServer {
  const server = new McpServer({ name: 'upstream', version: '1.0.0' }, { capabilities: { logging: {} } });
  const inputSchema = { to: z.string(), amount: z.number(), note: z.string().nullish() };
  server.registerTool('send', { inputSchema, description: 'sends' }, async (input) => text(String(await send(input as never))));
  server.registerTool('count', { inputSchema: { amount: z.number() } }, async ({ amount }, { _meta, sendNotification }) => {
    for (let progress = 1; progress <= amount; progress++)
      await sendNotification({ method: 'notifications/progress', params: { progressToken: _meta?.progressToken ?? '', progress } });
    await server.sendLoggingMessage({ level: 'info', data: 'counted' });
    return text(`counted to ${amount}`);
  });
  server.registerTool('confirm', {}, async () => {
    const { action } = await server.server.elicitInput({ message: 'Really?', requestedSchema: { type: 'object', properties: {} } });
    return text(`the user said ${action}`);
  });
  server.registerTool('environment', {}, async () =>
    text(JSON.stringify([process.env['AEGIS_STATE_KEY'], process.env['SAID'], process.argv.slice(2)])),
  );
  server.registerPrompt('greet', { argsSchema: { name: z.string() } }, ({ name }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}` } }],
  }));
  server.registerResource('terms', 'memo://terms', {}, async ({ href }) => ({ contents: [{ uri: href, text: 'be kind' }] }));
  return server;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await upstream().connect(new StdioServerTransport());
