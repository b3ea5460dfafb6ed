// deepagents with LangChain's own fake model: a deep agent whose sub-agents are guarded as it is, the four effects, and an approval that interrupts the graph.
import { Command, MemorySaver } from '@langchain/langgraph';
import { GENERAL_PURPOSE_SUBAGENT, createDeepAgent } from 'deepagents';
import { AIMessage, HumanMessage, ToolMessage, createMiddleware, fakeModel, tool } from 'langchain';
import { AegisModule } from 'aegislib';
import { aegisMiddleware } from 'aegislib/langchain';
import * as z from 'zod';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });

interface Refund {
  readonly order: string;
  readonly amount: number;
  readonly note: string;
}
const refund = tool(async ({ order, amount, note }: Refund) => `refunded ${amount} for ${order} (${note})`, {
  name: 'refund',
  description: 'Refunds an order',
  schema: z.object({ order: z.string(), amount: z.number(), note: z.string() }),
});
const middleware = [aegisMiddleware({ createMiddleware, ToolMessage })];
const go = { messages: [new HumanMessage('go')] };

/** A deep agent whose sub-agent calls the tool once; both then repeat the answer. */
function agentCalling(input: Refund) {
  const task = { description: `refund ${input.order}`, subagent_type: GENERAL_PURPOSE_SUBAGENT.name };
  const model = fakeModel()
    .respondWithTools([{ name: 'task', args: task, id: `task-${input.order}` }])
    .respondWithTools([{ name: 'refund', args: { ...input }, id: `call-${input.order}` }])
    .respond((messages) => new AIMessage(messages.at(-1)?.text ?? ''))
    .respond((messages) => new AIMessage(messages.at(-1)?.text ?? ''));
  const subagents = [{ ...GENERAL_PURPOSE_SUBAGENT, middleware }];
  return createDeepAgent({ model, tools: [refund], middleware, subagents, checkpointer: new MemorySaver() });
}

async function ask(input: Refund): Promise<string> {
  const { messages } = await agentCalling(input).invoke(go, { configurable: { thread_id: input.order } });
  return messages.at(-1)?.text ?? '';
}

show('allow', await ask({ order: 'order-1', amount: 20, note: 'late' }));
show('deny', await ask({ order: 'order-2', amount: 5_000, note: 'angry' }));
show('sanitize', await ask({ order: 'order-3', amount: 20, note: 'write to bob@example.com' }));

// a person has to decide: the graphs of both agents are interrupted, and continue once the answer is there
const agent = agentCalling({ order: 'order-4', amount: 250, note: 'broken' });
const thread = { configurable: { thread_id: 'order-4' } };
await agent.invoke(go, thread);
show('approval', 'the graph waits for a person');
for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
  await aegis.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
const { messages } = await agent.invoke(new Command({ resume: { decisions: [{ type: 'approve' }] } }), thread);
show('approval', messages.at(-1)?.text ?? '');
await aegis.close();
