// The Vercel AI SDK with its own mock model: one guarded tool, the four effects, and an approval through the SDK's own tool approval.
import { generateText, isStepCount, tool, type ModelMessage } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { AegisModule } from 'aegislib';
import { aegisApproval, guardTools } from 'aegislib/ai-sdk';
import * as z from 'zod';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });

const tools = guardTools({
  refund: tool({
    description: 'Refunds an order',
    inputSchema: z.object({ order: z.string(), amount: z.number(), note: z.string() }),
    execute: async ({ order, amount, note }) => `refunded ${amount} for ${order} (${note})`,
  }),
});

/** A model that calls the tool once and then repeats the answer. */
function modelCalling(input: object): MockLanguageModelV4 {
  const usage = { inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 }, outputTokens: { total: 1, text: 1, reasoning: 0 } };
  let called = false;
  return new MockLanguageModelV4({
    doGenerate: async ({ prompt }) => {
      const last = prompt.at(-1);
      if (!called && last?.role === 'user') {
        called = true;
        const call = {
          type: 'tool-call',
          toolCallId: `call-${JSON.stringify(input).length}`,
          toolName: 'refund',
          input: JSON.stringify(input),
        } as const;
        return { content: [call], finishReason: { unified: 'tool-calls', raw: 'tool_use' }, usage, warnings: [] };
      }
      const result = last?.role === 'tool' ? last.content.find((part) => part.type === 'tool-result') : undefined;
      const told =
        result === undefined ? '' : 'value' in result.output ? JSON.stringify(result.output.value) : (result.output.reason ?? '');
      return { content: [{ type: 'text', text: told }], finishReason: { unified: 'stop', raw: 'stop' }, usage, warnings: [] };
    },
  });
}

async function ask(input: object): Promise<string> {
  const { text } = await generateText({
    model: modelCalling(input),
    tools,
    toolApproval: aegisApproval(tools),
    stopWhen: isStepCount(3),
    prompt: 'go',
  });
  return text;
}

show('allow', await ask({ order: 'order-1', amount: 20, note: 'late' }));
show('deny', await ask({ order: 'order-2', amount: 5_000, note: 'angry' }));
show('sanitize', await ask({ order: 'order-3', amount: 20, note: 'write to bob@example.com' }));

// a person has to decide: the SDK's run ends with a request, and continues once the answer is there
const messages: ModelMessage[] = [{ role: 'user', content: 'go' }];
const model = modelCalling({ order: 'order-4', amount: 250, note: 'broken' });
const first = await generateText({ model, tools, toolApproval: aegisApproval(tools), stopWhen: isStepCount(3), messages });
const asked = first.content.find((part) => part.type === 'tool-approval-request');
if (asked === undefined) throw new Error('no approval was asked for');
show('approval', 'the run waits for a person');
for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
  await aegis.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
messages.push(...first.response.messages, {
  role: 'tool',
  content: [{ type: 'tool-approval-response', approvalId: asked.approvalId, approved: true }],
});
const second = await generateText({ model, tools, toolApproval: aegisApproval(tools), stopWhen: isStepCount(3), messages });
show('approval', second.text);
await aegis.close();
