// The OpenAI Agents SDK with its own scripted model: one guarded tool, the four effects, and an approval through the SDK's own interruption.
import { Agent, RunState, Runner, tool } from '@openai/agents';
import { ScriptedModel, assistantMessage, functionCall, modelResponder } from '@openai/agents/testing';
import { AegisModule } from 'aegislib';
import { guardTools } from 'aegislib/openai-agents';
import * as z from 'zod';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });

const tools = guardTools([
  tool({
    name: 'refund',
    description: 'Refunds an order',
    parameters: z.object({ order: z.string(), amount: z.number(), note: z.string() }),
    execute: async ({ order, amount, note }) => `refunded ${amount} for ${order} (${note})`,
  }),
]);
const runner = new Runner({ tracingDisabled: true });

/** An agent whose model calls the tool once and then repeats the answer. */
function agentCalling(input: { order: string; amount: number; note: string }): Agent {
  const repeat = modelResponder(({ request }) => {
    const last = typeof request.input === 'string' ? undefined : request.input.at(-1);
    const output = last?.type === 'function_call_result' ? last.output : '';
    return [assistantMessage(typeof output === 'object' && 'text' in output ? output.text : JSON.stringify(output))];
  });
  const model = new ScriptedModel([[functionCall('refund', input, { callId: `call-${input.order}` })], repeat]);
  return new Agent({ name: 'support', model, tools });
}

async function ask(input: { order: string; amount: number; note: string }): Promise<string> {
  return (await runner.run(agentCalling(input), 'go')).finalOutput ?? '';
}

show('allow', await ask({ order: 'order-1', amount: 20, note: 'late' }));
show('deny', await ask({ order: 'order-2', amount: 5_000, note: 'angry' }));
show('sanitize', await ask({ order: 'order-3', amount: 20, note: 'write to bob@example.com' }));

// a person has to decide: the run is interrupted, can be stored, and continues once the answer is there
const agent = agentCalling({ order: 'order-4', amount: 250, note: 'broken' });
const written = (await runner.run(agent, 'go')).state.toString();
show('approval', 'the run waits for a person');
for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
  await aegis.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
const state = await RunState.fromString(agent, written);
for (const interruption of state.getInterruptions()) state.approve(interruption);
show('approval', (await runner.run(agent, state)).finalOutput ?? '');
await aegis.close();
