// What the compiler says of the adapter of Mastra: `npm test` compiles this and runs nothing.
import { Agent } from '@mastra/core/agent';
import { createTool } from '@mastra/core/tools';
import type { ToolExecutionContext } from '@mastra/core/tools';
import { guardTools } from 'aegislib/mastra';
import * as z from 'zod';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const yes = <T extends true>(): T | undefined => undefined;

const tools = {
  send: createTool({
    id: 'send',
    description: 'sends',
    inputSchema: z.object({ to: z.string() }),
    outputSchema: z.object({ sent: z.number() }),
    execute: async ({ to }) => ({ sent: to.length }),
  }),
};
const guarded = guardTools(tools, {
  agentId: ({ requestContext }) => String(requestContext?.get('agent')),
  session: ({ agent }) => ({ user_id: agent?.resourceId ?? 'nobody' }),
});
yes<Same<typeof guarded, typeof tools>>();
const inline = guardTools({
  send: createTool({
    id: 'send',
    description: 'sends',
    inputSchema: z.object({ to: z.string() }),
    outputSchema: z.object({ sent: z.number() }),
    execute: async ({ to }, { requestContext }) => ({ sent: to.length + requestContext.size() }),
  }),
});
yes<Same<typeof inline, typeof tools>>();
export const agent = new Agent({ id: 'a', name: 'a', instructions: '', model: 'openai/gpt-5', tools: guarded });
export const sent = guarded.send.execute?.({ to: 'ann' }, {} as ToolExecutionContext as never);

// @ts-expect-error the tool's input is checked as before
export const wrong = guarded.send.execute?.({ to: 7 }, {} as never);
// @ts-expect-error no such tool
export const none = guarded.fetch;
// @ts-expect-error the context is Mastra's own
guardTools(tools, { session: ({ toolUse }) => ({ user_id: toolUse }) });
// @ts-expect-error there is no such mode
guardTools(tools, { approval: 'perhaps' });
// @ts-expect-error no record of tools
guardTools([tools.send, 'send']);
