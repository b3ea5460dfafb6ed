import { aegisMiddleware } from 'aegislib/genkit';
import { generateMiddleware, restartTool, z } from 'genkit/beta';
import type { MessageData, ToolRequestPart } from 'genkit/beta';
import { genkitCalling } from './genkitModel.js';
import { runErrand } from './restoredElsewhere.js';

await runErrand(async (errand, module) => {
  let runs = 0;
  const { ai } = genkitCalling(errand.do === 'ask' ? [[{ id: 'call-1', input: { to: 'ann', amount: 500 } }]] : []);
  const inputSchema = z.object({ to: z.string(), amount: z.number() });
  const tools = [ai.defineTool({ name: 'send', description: 'sends', inputSchema, outputSchema: z.number() }, async () => (runs += 1))];
  const use = [generateMiddleware({ name: 'aegis' }, aegisMiddleware({ module }))()];
  if (errand.do === 'ask') {
    const { messages } = await ai.generate({ prompt: 'go', tools, use });
    return { runs, state: messages };
  }
  const messages = errand.state as MessageData[];
  const part = messages.at(-1)?.content.find(({ toolRequest }) => toolRequest !== undefined) as ToolRequestPart;
  await ai.generate({ messages, tools, use, resume: { restart: [restartTool(part, { approved: errand.approved })] } });
  return { runs };
});
