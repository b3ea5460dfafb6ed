// An MCP server with one guarded tool, and a client of the same SDK: the four effects, and an approval that the call waits for.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { AegisModule } from 'aegislib';
import { guardServer } from 'aegislib/mcp';
import * as z from 'zod';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });

const server = guardServer(new McpServer({ name: 'shop', version: '1.0.0' }), { approval: 'wait' });
server.registerTool(
  'refund',
  { description: 'Refunds an order', inputSchema: { order: z.string(), amount: z.number(), note: z.string() } },
  async ({ order, amount, note }) => ({ content: [{ type: 'text', text: `refunded ${amount} for ${order} (${note})` }] }),
);

const client = new Client({ name: 'sample', version: '1.0.0' });
const [near, far] = InMemoryTransport.createLinkedPair();
await server.connect(far);
await client.connect(near);

async function ask(input: Record<string, unknown>): Promise<string> {
  // a client that asks for progress is notified while its call waits, and does not time out
  const options = { resetTimeoutOnProgress: true, onprogress: () => {} };
  const { content } = await client.callTool({ name: 'refund', arguments: input }, undefined, options);
  return (content as { text: string }[]).map(({ text }) => text).join('\n');
}

show('allow', await ask({ order: 'order-1', amount: 20, note: 'late' }));
show('deny', await ask({ order: 'order-2', amount: 5_000, note: 'angry' }));
show('sanitize', await ask({ order: 'order-3', amount: 20, note: 'write to bob@example.com' }));

// a person has to decide: the call waits
aegis.approvals.on('requested', ({ decisionId, digest, toolName }) => {
  show('approval', 'the call waits for a person');
  show('person', `ann approves ${toolName}`);
  void aegis.approvals.approve(decisionId, { by: 'ann', digest });
});
show('approval', await ask({ order: 'order-4', amount: 250, note: 'broken' }));
await client.close();
await aegis.close();
