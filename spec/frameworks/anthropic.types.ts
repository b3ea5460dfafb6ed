// What the compiler says of the adapter of Anthropic's tool runner: `npm test` compiles this and runs nothing.
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError';
import { guardTools } from 'aegislib/anthropic';
import * as z from 'zod';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const yes = <T extends true>(): T | undefined => undefined;

const send = betaZodTool({ name: 'send', description: 'sends', inputSchema: z.object({ to: z.string() }), run: ({ to }) => `sent ${to}` });
const list = betaTool({
  name: 'list',
  description: 'lists',
  inputSchema: { type: 'object', properties: { folder: { type: 'string' } }, required: ['folder'] },
  run: ({ folder }) => folder,
});
const guarded = guardTools([send, list], {
  ToolError,
  agentId: 'mailer',
  session: ({ toolUse }) => ({ user_id: 'ann', call: toolUse.id }),
});
yes<Same<typeof guarded, [typeof send, typeof list]>>();
export const runner = new Anthropic({ apiKey: '' }).beta.messages.toolRunner({ model: 'm', max_tokens: 1, messages: [], tools: guarded });
export const sent = guarded[0].run({ to: 'ann' });

// @ts-expect-error the tool's input is checked as before
export const wrong = guarded[0].run({ to: 7 });
// @ts-expect-error there are two
export const third = guarded[2];
// @ts-expect-error the runner cannot be asked who is there: its context has the call only
guardTools([send], { session: ({ user }) => ({ user_id: user }) });
declare const Coded: new (code: number) => Error;
// @ts-expect-error an error that takes no text
guardTools([send], { ToolError: Coded });
// @ts-expect-error no tool
guardTools(['send']);
