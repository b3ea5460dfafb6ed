// Compiled only: what must and what must not type-check.
import { Agent, codeInterpreterTool, tool } from '@openai/agents';
import type { FunctionTool, Tool } from '@openai/agents';
import { guardTools, rejectCall, tellRefusals } from 'aegislib/openai-agents';
import * as z from 'zod';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T | undefined => undefined;

interface Shop {
  readonly user: string;
}
const parameters = z.object({ order: z.string(), amount: z.number() });
const refund = tool<typeof parameters, Shop>({
  name: 'refund',
  description: 'refunds',
  parameters,
  execute: ({ order, amount }) => `${order} ${amount}`,
  errorFunction: tellRefusals,
});
const outputSchema = z.object({ open: z.boolean() });
const status = tool({ name: 'status', description: 'says', parameters: z.object({}), outputSchema, execute: () => ({ open: true }) });

// a tuple stays that tuple
const tools = guardTools([refund, status]);
holds<Equal<typeof tools, [typeof refund, typeof status]>>();
// a list stays that list
declare const list: FunctionTool<Shop>[];
const guarded = guardTools(list);
holds<Equal<typeof guarded, FunctionTool<Shop>[]>>();
declare const mixed: readonly Tool<Shop>[];
const agent = new Agent<Shop>({ name: 'shop', tools: [...guardTools(mixed, { unguardable: 'warn' }), codeInterpreterTool()] });
new Agent<Shop>({ name: 'shop', tools: guardTools([refund]) });

// options know the context of the run
guardTools([refund], { session: ({ user }) => ({ user_id: user }), agentId: ({ user }) => user, verdictBy: ({ user }) => user });
// @ts-expect-error: the context has no such property
guardTools([refund], { session: ({ tenant }) => ({ user_id: tenant }) });
// @ts-expect-error: no such choice
guardTools([refund], { approval: 'perhaps' });
// @ts-expect-error: no such choice
guardTools([refund], { onDeny: 'native' });
// @ts-expect-error: no such option
guardTools([refund], { agent: 'shop' });
// @ts-expect-error: a record is no list
guardTools({ refund });
// @ts-expect-error: these are no tools
guardTools([{ title: 'refund' }]);

declare const result: Awaited<ReturnType<typeof import('@openai/agents').run<typeof agent>>>;
for (const item of result.interruptions) await rejectCall(tools, result.state, item, 'no');
// @ts-expect-error: the item of another framework
await rejectCall(tools, result.state, { approvalId: 'a' });
