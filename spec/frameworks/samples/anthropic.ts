// Anthropic's tool runner with a scripted service, offline: one guarded tool, the four effects, and an approval that the run waits for.
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError';
import { AegisModule } from 'aegislib';
import { guardTools } from 'aegislib/anthropic';
import * as z from 'zod';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });

const refund = betaZodTool({
  name: 'refund',
  description: 'Refunds an order',
  inputSchema: z.object({ order: z.string(), amount: z.number(), note: z.string() }),
  run: ({ order, amount, note }) => `refunded ${amount} for ${order} (${note})`,
});
const tools = guardTools([refund], { approval: 'wait', ToolError });

interface Block {
  readonly type: string;
  readonly content?: string;
}

/** A service whose model calls the tool with the prompt's arguments, and then repeats the answer. */
async function service(_: unknown, init?: { readonly body?: unknown }): Promise<Response> {
  const { messages } = JSON.parse(String(init?.body)) as { messages: { content: string | Block[] }[] };
  const content = messages.at(-1)?.content ?? '';
  const answer =
    typeof content === 'string'
      ? { type: 'tool_use', id: `call-${content.length}`, name: 'refund', input: JSON.parse(content) as unknown }
      : { type: 'text', text: content.find(({ type }) => type === 'tool_result')?.content ?? '' };
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = { id: 'message', type: 'message', role: 'assistant', model: 'mock', content: [answer], stop_sequence: null, usage };
  return Response.json({ ...message, stop_reason: answer.type === 'text' ? 'end_turn' : 'tool_use' });
}

const client = new Anthropic({ apiKey: 'none', fetch: service as never });

async function ask(input: object): Promise<string> {
  const messages = [{ role: 'user' as const, content: JSON.stringify(input) }];
  const { content } = await client.beta.messages.toolRunner({ model: 'mock', max_tokens: 100, messages, tools }).runUntilDone();
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}

show('allow', await ask({ order: 'order-1', amount: 20, note: 'late' }));
show('deny', await ask({ order: 'order-2', amount: 5_000, note: 'angry' }));
show('sanitize', await ask({ order: 'order-3', amount: 20, note: 'write to bob@example.com' }));

// a person has to decide: the call waits for the answer
const requested = new Promise<void>((resolve) => aegis.approvals.once('requested', () => resolve()));
const answer = ask({ order: 'order-4', amount: 250, note: 'broken' });
await requested;
show('approval', 'the call waits for a person');
for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
  await aegis.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
show('approval', await answer);
await aegis.close();
