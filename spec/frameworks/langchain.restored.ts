import { Command, MemorySaver } from '@langchain/langgraph';
import { AIMessage, HumanMessage, ToolMessage, createAgent, createMiddleware, fakeModel, tool } from 'langchain';
import { aegisMiddleware } from 'aegislib/langchain';
import * as z from 'zod';
import { runErrand } from './restoredElsewhere.js';

/** The checkpoints of a MemorySaver are bytes that it has serialized itself: here they are written down, and read in another process. */
interface Kept {
  storage: object;
  writes: object;
}
const asText = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value;
const asBytes = (_: string, value: unknown): unknown => {
  const bytes = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : undefined;
  return typeof bytes === 'string' ? new Uint8Array(Buffer.from(bytes, 'base64')) : value;
};
/** Node's Buffer has a `toJSON` that is asked first. */
delete (Buffer.prototype as { toJSON?: unknown }).toJSON;

await runErrand(async (errand, module) => {
  let runs = 0;
  const send = tool(async () => `sent ${(runs += 1)}`, {
    name: 'send',
    description: 'sends',
    schema: z.object({ to: z.string(), amount: z.number() }),
  });
  const checkpointer = new MemorySaver();
  const kept = checkpointer as unknown as Kept;
  const model = fakeModel();
  if (errand.do === 'ask') model.respondWithTools([{ name: 'send', args: { to: 'ann', amount: 500 }, id: 'call-1' }]);
  model.respond(new AIMessage('done'));
  const middleware = [aegisMiddleware({ createMiddleware, ToolMessage, module })];
  const agent = createAgent({ model, tools: [send], middleware, checkpointer });
  const thread = { configurable: { thread_id: 'chat-1' } };
  if (errand.do === 'ask') {
    await agent.invoke({ messages: [new HumanMessage('go')] }, thread);
    return { runs, state: JSON.stringify({ storage: kept.storage, writes: kept.writes }, asText) };
  }
  Object.assign(kept, JSON.parse(errand.state as string, asBytes));
  await agent.invoke(new Command({ resume: { decisions: [{ type: errand.approved ? 'approve' : 'reject' }] } }), thread);
  return { runs };
});
