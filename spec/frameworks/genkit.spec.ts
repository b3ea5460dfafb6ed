import { aegisMiddleware } from 'aegislib/genkit';
import type { GenkitOptions } from 'aegislib/genkit';
import { generateMiddleware, z } from 'genkit/beta';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import type { Mail } from './behavesLikeAdapter.js';
import { genkitCalling, toldIn } from './genkitModel.js';
import type { Call, Scripted } from './genkitModel.js';

const inputSchema = z.object({ to: z.string(), amount: z.number() });
const callsOf = (inputs: readonly Mail[]): Call[] => inputs.map((input, i) => ({ id: `call-${i + 1}`, input }));
const use = (options: GenkitOptions) => [generateMiddleware({ name: 'aegis' }, aegisMiddleware(options))()];
const sendTool = ({ ai }: Scripted, body: (input: Mail) => unknown) =>
  ai.defineTool(
    { name: 'send', description: 'sends', inputSchema, outputSchema: z.string() },
    async (input) => (await body(input)) as string,
  );

behavesLikeAdapter({
  name: 'Genkit',
  native: true,
  covers: false,
  async run(options, inputs, body, abortSignal) {
    const script = genkitCalling([callsOf(inputs)]);
    await script.ai.generate({ prompt: 'go', tools: [sendTool(script, body)], use: use(options), ...(abortSignal && { abortSignal }) });
    return inputs.map((_, i) => toldIn(script, `call-${i + 1}`));
  },
});
