import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError';
import { guardTools } from 'aegislib/anthropic';
import type { AnthropicTool } from 'aegislib/anthropic';
import { expect } from 'chai';
import * as z from 'zod';
import { serviceCalling, toldIn } from './anthropicRunner.js';
import type { Call, Service } from './anthropicRunner.js';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import { callsOf, moduleOf } from './mail.js';
import type { Mail } from './mail.js';

const inputSchema = z.object({ to: z.string(), amount: z.number() });
const sendTool = (body: (input: Mail) => unknown) =>
  betaZodTool({ name: 'send', description: 'sends', inputSchema, run: async (input) => (await body(input)) as string });

async function run(service: Service, tools: readonly AnthropicTool[], signal?: AbortSignal): Promise<void> {
  const params = { model: 'mock', max_tokens: 10, messages: [{ role: 'user' as const, content: 'go' }], tools: tools as never };
  await service.client.beta.messages.toolRunner(params, { signal }).runUntilDone();
}

for (const withClass of [false, true]) {
  behavesLikeAdapter({
    name: `Anthropic's tool runner, ${withClass ? 'with its ToolError' : 'without its ToolError'}`,
    native: false,
    async run(options, inputs, body, signal) {
      const service = serviceCalling([callsOf(inputs)]);
      await run(service, guardTools([sendTool(body)], { ...options, ...(withClass && { ToolError }) }), signal);
      return inputs.map((_, i) => toldIn(service, `call-${i + 1}`));
    },
  });
}

describe("Tools of Anthropic's runner", () => {
  it('keep what they are: nothing is changed in place, and no tool is asked for by what every object inherits', async () => {
    await using module = moduleOf();
    const send = sendTool(() => 'sent');
    const tools = [
      send,
      betaTool({ name: 'constructor', description: 'builds', inputSchema: { type: 'object' }, run: () => 'built' }),
    ] as const;
    const before = tools.map((tool) => ({ ...tool }));
    const guarded = guardTools(tools, { module });
    expect(tools.map((tool) => ({ ...tool }))).to.deep.equal(before);
    expect(guarded[0]).to.deep.include({ ...send, run: guarded[0].run });
    const service = serviceCalling([[{ id: 'c', name: 'constructor', input: { to: 'ann', amount: 1 } }]]);
    await run(service, guarded);
    expect(toldIn(service, 'c')).to.deep.equal({ text: 'built', refused: false });
  });

  it('are not shown in the block of their call what policy took out of their input', async () => {
    await using module = moduleOf();
    const seen: unknown[] = [];
    const send = betaZodTool({
      name: 'send',
      description: 'sends',
      inputSchema,
      run: (input, context) => `sent ${seen.push(input, context?.toolUse.input, context?.toolUseBlock.input)}`,
    });
    await run(serviceCalling([callsOf([{ to: 'bob@secret.example', amount: 5 }])]), guardTools([send], { module }));
    expect(seen).to.deep.equal(Array.from({ length: 3 }, () => ({ to: '[email]', amount: 5 })));
  });

  it('of a toolset are guarded one by one, by the name of the toolset and their own', async () => {
    await using module = moduleOf({
      policies: {
        text: `@id("see") permit (principal, action == Aegis::Action::"computer.screenshot", resource);
          @id("type") permit (principal, action == Aegis::Action::"computer.type", resource);
          @id("mask") @effect("sanitize") @sanitize("mask_email /text") forbid (principal, action == Aegis::Action::"computer.type", resource)
            when { context.input.text like "*@*" };`,
      },
    });
    const ran: unknown[] = [];
    const computer = {
      type: 'computer_toolset_20260801' as const,
      run: async (_: unknown, { name, input }: { readonly name: string; readonly input: unknown }) => {
        ran.push([name, input]);
        return [{ type: 'text' as const, text: 'done' }];
      },
    };
    const toolset = 'computer';
    const calls: Call[] = [
      { id: '1', name: 'screenshot', toolset, input: {} },
      { id: '2', name: 'type', toolset, input: { text: 'to bob@example.com' } },
      { id: '3', name: 'click', toolset, input: { x: 1 } },
    ];
    const service = serviceCalling([calls]);
    await run(service, guardTools([computer], { module, ToolError }));
    expect(ran).to.deep.equal([
      ['screenshot', {}],
      ['type', { text: 'to [email]' }],
    ]);
    expect(['1', '2', '3'].map((id) => toldIn(service, id).refused)).to.deep.equal([false, false, true]);
  });

  it('that the provider runs are refused, named, unless told otherwise', () => {
    const search = { type: 'web_search_20250305', name: 'web_search' } as const;
    expect(() => guardTools([search]))
      .to.throw(/'web_search' cannot be guarded/)
      .with.property('name', 'GuardDefinitionError');
    expect(guardTools([search], { unguardable: 'ignore' })[0]).to.equal(search);
  });
});
