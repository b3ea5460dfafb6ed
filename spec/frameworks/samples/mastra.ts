// Mastra with its own mock model: one guarded tool, the four effects, and an approval that suspends the run and resumes it.
import { Agent } from '@mastra/core/agent';
import { Mastra } from '@mastra/core/mastra';
import { InMemoryStore } from '@mastra/core/storage';
import { MastraLanguageModelV2Mock } from '@mastra/core/test-utils/llm-mock';
import { createTool } from '@mastra/core/tools';
import { AegisModule } from 'aegislib';
import { guardTools } from 'aegislib/mastra';
import * as z from 'zod';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });

const tools = guardTools({
  refund: createTool({
    id: 'refund',
    description: 'Refunds an order',
    inputSchema: z.object({ order: z.string(), amount: z.number(), note: z.string() }),
    execute: async ({ order, amount, note }) => `refunded ${amount} for ${order} (${note})`,
  }),
});

/** A model that calls the tool with the prompt's arguments, and then repeats the answer. */
const model = new MastraLanguageModelV2Mock({
  doGenerate: async ({ prompt }) => {
    const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
    const last = prompt.at(-1);
    const [part] = Array.isArray(last?.content) ? last.content : [];
    if (part?.type === 'text') {
      const call = { type: 'tool-call', toolCallId: `call-${part.text.length}`, toolName: 'refund', input: part.text } as const;
      return { content: [call], finishReason: 'tool-calls', usage, warnings: [] };
    }
    const text = part?.type === 'tool-result' ? JSON.stringify(part.output.value) : '';
    return { content: [{ type: 'text', text }], finishReason: 'stop', usage, warnings: [] };
  },
});

const agent = new Agent({ id: 'support', name: 'support', instructions: 'Help.', model: model as never, tools });
// stores suspended runs
const mastra = new Mastra({ agents: { support: agent }, storage: new InMemoryStore(), logger: false });
const support = mastra.getAgent('support');
const ask = (input: object): ReturnType<typeof support.generate> => support.generate(JSON.stringify(input));

show('allow', (await ask({ order: 'order-1', amount: 20, note: 'late' })).text);
show('deny', (await ask({ order: 'order-2', amount: 5_000, note: 'angry' })).text);
show('sanitize', (await ask({ order: 'order-3', amount: 20, note: 'write to bob@example.com' })).text);

// a person has to decide: the run is suspended, and resumed once the answer is there
const { runId, finishReason } = await ask({ order: 'order-4', amount: 250, note: 'broken' });
show('approval', `the run is ${finishReason} for a person`);
for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
  await aegis.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
show('approval', (await support.resumeGenerate({ approved: true }, { runId: runId as string })).text);
await aegis.close();
