// Compiled only: what must and what must not type-check.
import { interrupt } from '@langchain/langgraph';
import { ToolNode } from '@langchain/langgraph/prebuilt';
import { ToolMessage, createAgent, createMiddleware, tool } from 'langchain';
import type { AgentMiddleware, DynamicStructuredTool } from 'langchain';
import { aegisMiddleware, guardTools } from 'aegislib/langchain';
import type { LangChainCall, LangChainInterrupt } from 'aegislib/langchain';
import * as z from 'zod';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T | undefined => undefined;

const refund = tool(async ({ order, amount }) => `${order} ${amount}`, {
  name: 'refund',
  description: 'refunds',
  schema: z.object({ order: z.string(), amount: z.number() }),
});
const say = tool(async (text) => text.length, { name: 'say', description: 'says', schema: z.string() });

// a tuple stays that tuple
const tools = guardTools([refund, say], { ToolMessage });
holds<Equal<typeof tools, [typeof refund, typeof say]>>();
holds<Equal<(typeof tools)[0]['name'], 'refund'>>();
// a list stays that list
declare const list: DynamicStructuredTool[];
const guarded = guardTools(list, { ToolMessage, interrupt });
holds<Equal<typeof guarded, DynamicStructuredTool[]>>();
new ToolNode(tools);
await tools[0].invoke({ order: 'order-1', amount: 1 });
// @ts-expect-error: the input is that of the tool
await tools[0].invoke({ order: 7 });

// a middleware is what createMiddleware makes
const middleware = aegisMiddleware({ createMiddleware, ToolMessage, interrupt });
holds<typeof middleware extends AgentMiddleware ? true : false>();
declare const model: Parameters<typeof createAgent>[0]['model'];
createAgent({ model, tools: [refund], middleware: [middleware] });

// options may know the context of the run
aegisMiddleware({
  createMiddleware,
  ToolMessage,
  session: ({ context }: LangChainCall<{ user: string }>) => ({ user_id: context?.user ?? '' }),
});
guardTools([refund], { ToolMessage, scope: ({ configurable }) => String(configurable?.['thread_id']) });
// @ts-expect-error: nobody knows what the context is
guardTools([refund], { ToolMessage, session: ({ context }) => ({ user_id: context.user }) });
// @ts-expect-error: a refusal is a ToolMessage
guardTools([refund], {});
// @ts-expect-error: a middleware is made by createMiddleware
aegisMiddleware({ ToolMessage });
// @ts-expect-error: no such choice
guardTools([refund], { ToolMessage, approval: 'perhaps' });
// @ts-expect-error: no such option
guardTools([refund], { ToolMessage, agent: 'shop' });
// @ts-expect-error: a record is no list
guardTools({ refund }, { ToolMessage });
// @ts-expect-error: these are no tools
guardTools([{ title: 'refund' }], { ToolMessage });

declare const request: LangChainInterrupt;
holds<Equal<(typeof request)['actionRequests'][number]['decisionId'], string>>();
