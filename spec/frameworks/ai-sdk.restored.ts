import { guardTools } from 'aegislib/ai-sdk';
import * as z from 'zod';
import { SDKS } from './aiSdks.js';
import type { Message, Sdk } from './aiSdks.js';
import { runErrand } from './restoredElsewhere.js';

await runErrand(async (errand, module) => {
  const [sdk] = SDKS as [Sdk];
  let runs = 0;
  const execute = async (): Promise<number> => (runs += 1);
  const tools = guardTools(
    { send: sdk.tool({ inputSchema: z.object({ to: z.string(), amount: z.number() }), execute }) as never },
    { module },
  );
  if (errand.do === 'ask') {
    const prompt: Message = { role: 'user', content: 'go' };
    const model = sdk.model([[{ id: 'call-1', input: { to: 'ann', amount: 500 } }]]);
    const { content, response } = await sdk.generateText({ model, tools, messages: [prompt] });
    const request = content.find(({ type }) => type === 'tool-approval-request');
    return { runs, state: { messages: [prompt, ...response.messages], approvalId: request?.['approvalId'] } };
  }
  const { messages, approvalId } = errand.state as { messages: Message[]; approvalId: string };
  const answer: Message = { role: 'tool', content: [{ type: 'tool-approval-response', approvalId, approved: errand.approved }] };
  await sdk.generateText({ model: sdk.model([]), tools, messages: [...messages, answer] });
  return { runs };
});
