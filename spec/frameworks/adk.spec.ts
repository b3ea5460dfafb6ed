import { BasePlugin, FunctionTool } from '@google/adk';
import { aegisPlugin } from 'aegislib/adk';
import * as z from 'zod';
import { Conversation, toldIn } from './adkRunner.js';
import type { Call } from './adkRunner.js';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import type { Mail } from './behavesLikeAdapter.js';

const AegisPlugin = aegisPlugin(BasePlugin);
const parameters = z.object({ to: z.string(), amount: z.number() });
const callsOf = (inputs: readonly Mail[]): Call[] => inputs.map((input, i) => ({ id: `call-${i + 1}`, input }));
const sendTool = (body: (input: Mail) => unknown, more: object = {}) =>
  new FunctionTool({ name: 'send', description: 'sends', parameters, execute: body, ...more });

behavesLikeAdapter({
  name: "Google's ADK",
  native: true,
  covers: false,
  async run(options, inputs, body, signal) {
    const talk = new Conversation([new AegisPlugin(options)], [callsOf(inputs)], { tools: [sendTool(body)] });
    const events = await talk.say(undefined, signal);
    return inputs.map((_, i) => toldIn(events, `call-${i + 1}`));
  },
});
