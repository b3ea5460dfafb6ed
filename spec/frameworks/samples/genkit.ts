// Genkit with a scripted model, offline: one tool guarded by a middleware, the four effects, and an approval through Genkit's own interrupts.
import { AegisModule } from 'aegislib';
import { aegisMiddleware } from 'aegislib/genkit';
import { generateMiddleware, genkit, z } from 'genkit/beta';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const module = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });

const ai = genkit({ model: 'mock' });
const aegis = generateMiddleware({ name: 'aegis' }, aegisMiddleware());

const refund = ai.defineTool(
  {
    name: 'refund',
    description: 'Refunds an order',
    inputSchema: z.object({ order: z.string(), amount: z.number(), note: z.string() }),
    outputSchema: z.string(),
  },
  async ({ order, amount, note }) => `refunded ${amount} for ${order} (${note})`,
);

/** A model that calls the tool with the prompt's arguments, and then repeats the answer. */
ai.defineModel({ name: 'mock', supports: { tools: true, multiturn: true } }, async ({ messages }) => {
  const { text = '', toolResponse } = messages.at(-1)?.content[0] ?? {};
  const part =
    toolResponse === undefined
      ? { toolRequest: { name: 'refund', ref: `call-${text.length}`, input: JSON.parse(text) as unknown } }
      : { text: String(toolResponse.output) };
  return { message: { role: 'model', content: [part] }, finishReason: 'stop' };
});

const ask = (input: object): ReturnType<typeof ai.generate> =>
  ai.generate({ prompt: JSON.stringify(input), tools: [refund], use: [aegis()] });

show('allow', (await ask({ order: 'order-1', amount: 20, note: 'late' })).text);
show('deny', (await ask({ order: 'order-2', amount: 5_000, note: 'angry' })).text);
show('sanitize', (await ask({ order: 'order-3', amount: 20, note: 'write to bob@example.com' })).text);

// a person has to decide: generate() is interrupted, and the call restarted once the answer is there
const { messages, interrupts, finishReason } = await ask({ order: 'order-4', amount: 250, note: 'broken' });
show('approval', `the run is ${finishReason} for a person`);
for (const { decisionId, digest, toolName } of await module.approvals.list()) {
  await module.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
const restart = interrupts.map((part) => refund.restart(part, { approved: true }));
show('approval', (await ai.generate({ messages, tools: [refund], use: [aegis()], resume: { restart } })).text);
await module.close();
