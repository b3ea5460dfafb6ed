import { createTool } from '@mastra/core/tools';
import { guardTools } from 'aegislib/mastra';
import * as z from 'zod';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import type { Mail } from './behavesLikeAdapter.js';
import { agentOf, toldIn } from './mastraAgent.js';

const mailSchema = z.object({ to: z.string(), amount: z.number() });
const callsOf = (inputs: readonly Mail[]): { id: string; input: Mail }[] => inputs.map((input, i) => ({ id: `call-${i + 1}`, input }));
const sendTool = (body: (input: Mail) => unknown): { send: ReturnType<typeof make> } => ({ send: make(body) });
function make(body: (input: Mail) => unknown) {
  return createTool({ id: 'send', description: 'sends', inputSchema: mailSchema, execute: async (input) => body(input) });
}

behavesLikeAdapter({
  name: 'Mastra',
  native: true,
  async run(options, inputs, body, abortSignal) {
    const { model, generate } = agentOf(guardTools(sendTool(body), options), [callsOf(inputs)]);
    await generate({ abortSignal });
    return inputs.map((_, i) => toldIn(model, `call-${i + 1}`));
  },
});
