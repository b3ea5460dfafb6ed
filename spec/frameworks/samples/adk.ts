// Google's ADK with a scripted model, offline: a plugin guards the agent's tool, the four effects, and an approval through the ADK's own confirmation.
import { BaseLlm, BasePlugin, FunctionTool, InMemoryRunner, LlmAgent, LogLevel, setLogLevel } from '@google/adk';
import type { BaseLlmConnection, LlmRequest, LlmResponse } from '@google/adk';
import { AegisModule } from 'aegislib';
import { aegisPlugin } from 'aegislib/adk';
import * as z from 'zod';
import { POLICIES } from './policies.js';
import { show } from './show.js';

setLogLevel(LogLevel.ERROR);
const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });
const AegisPlugin = aegisPlugin(BasePlugin);

const refund = new FunctionTool({
  name: 'refund',
  description: 'Refunds an order',
  parameters: z.object({ order: z.string(), amount: z.number(), note: z.string() }),
  execute: ({ order, amount, note }) => `refunded ${amount} for ${order} (${note})`,
});

/** A model that calls the tool with the prompt's arguments, and then repeats the answer. */
class Mock extends BaseLlm {
  async *generateContentAsync({ contents }: LlmRequest): AsyncGenerator<LlmResponse, void> {
    const last = contents.flatMap(({ parts = [] }) => parts).findLast(({ text, functionResponse }) => text ?? functionResponse);
    const args = JSON.parse(last?.text ?? '{}') as Record<string, unknown>;
    const part =
      last?.functionResponse === undefined
        ? { functionCall: { id: `call-${last?.text?.length}`, name: 'refund', args } }
        : { text: JSON.stringify(last.functionResponse.response) };
    yield { content: { role: 'model', parts: [part] } };
  }
  connect(): Promise<BaseLlmConnection> {
    return Promise.reject(new Error('there is no live connection'));
  }
}

const agent = new LlmAgent({ name: 'support', model: new Mock({ model: 'mock' }), tools: [refund] });
const runner = new InMemoryRunner({ agent, appName: 'support', plugins: [new AegisPlugin()] });
const { userId, id: sessionId } = await runner.sessionService.createSession({ appName: 'support', userId: 'bob' });

/** What the agent answers, and the confirmation that it asks for. */
async function say(part: object): Promise<{ readonly text: string; readonly confirmation: string | undefined }> {
  let text = '';
  let confirmation: string | undefined;
  for await (const { content } of runner.runAsync({ userId, sessionId, newMessage: { role: 'user', parts: [part] } }))
    for (const { text: said, functionCall } of content?.parts ?? []) {
      text = said ?? text;
      if (functionCall?.name === 'adk_request_confirmation') confirmation = functionCall.id;
    }
  return { text, confirmation };
}
const ask = (input: object): ReturnType<typeof say> => say({ text: JSON.stringify(input) });

show('allow', (await ask({ order: 'order-1', amount: 20, note: 'late' })).text);
show('deny', (await ask({ order: 'order-2', amount: 5_000, note: 'angry' })).text);
show('sanitize', (await ask({ order: 'order-3', amount: 20, note: 'write to bob@example.com' })).text);

// a person has to decide: the run ends with a request for confirmation, and continues once the answer is there
const { confirmation: id } = await ask({ order: 'order-4', amount: 250, note: 'broken' });
show('approval', 'the run waits for a person');
for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
  await aegis.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
show('approval', (await say({ functionResponse: { id, name: 'adk_request_confirmation', response: { confirmed: true } } })).text);
await aegis.close();
