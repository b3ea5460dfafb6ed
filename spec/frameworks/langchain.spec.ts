import { AIMessage, HumanMessage, ToolMessage, createAgent, createMiddleware, fakeModel, tool } from 'langchain';
import { aegisMiddleware, guardTools } from 'aegislib/langchain';
import * as z from 'zod';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import type { Mail, Told } from './behavesLikeAdapter.js';

const MAIL = z.object({ to: z.string(), amount: z.number() });

type Model = ReturnType<typeof fakeModel>;

function sendTool(body: (input: Mail) => unknown) {
  return tool(async (input: Mail) => body(input) as string, { name: 'send', description: 'sends', schema: MAIL });
}

/** A model that makes all of these calls in one answer, and then ends. */
function calling(...inputs: readonly object[]): Model {
  const model = fakeModel();
  if (inputs.length > 0) model.respondWithTools(inputs.map((args, i) => ({ name: 'send', args, id: `call-${i + 1}` })));
  return model.respond(new AIMessage('done')).respond(new AIMessage('done')).respond(new AIMessage('done'));
}

/** What the last prompt of a model says of a call. */
function toldIn(model: Model, callId: string): Told {
  const message = model.calls.at(-1)?.messages.find((one) => ToolMessage.isInstance(one) && one.tool_call_id === callId);
  return { text: message?.text ?? '', refused: (message as ToolMessage | undefined)?.status === 'error' };
}

const go = { messages: [new HumanMessage('go')] };

behavesLikeAdapter({
  name: "LangChain's middleware",
  native: true,
  async run(options, inputs, body, signal) {
    const middleware = [aegisMiddleware({ createMiddleware, ToolMessage, ...options })];
    const model = calling(...inputs);
    await createAgent({ model, tools: [sendTool(body)], middleware }).invoke(go, { ...(signal && { signal }) });
    return inputs.map((_, i) => toldIn(model, `call-${i + 1}`));
  },
});

behavesLikeAdapter({
  name: "LangChain's tools",
  native: true,
  async run(options, inputs, body, signal) {
    const tools = guardTools([sendTool(body)], { ToolMessage, ...options });
    const model = calling(...inputs);
    await createAgent({ model, tools }).invoke(go, { ...(signal && { signal }) });
    return inputs.map((_, i) => toldIn(model, `call-${i + 1}`));
  },
});
