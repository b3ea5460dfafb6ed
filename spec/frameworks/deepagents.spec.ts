// Every way in which deepagents hands tools to a sub-agent: a denied tool does not run, and where a sub-agent has no guard, none of its tools does.
import { GENERAL_PURPOSE_SUBAGENT, createDeepAgent, createSubAgentMiddleware, registerHarnessProfile } from 'deepagents';
import type { SubAgent } from 'deepagents';
import { AIMessage, HumanMessage, ToolMessage, createAgent, createMiddleware, fakeModel, tool, toolErrorMiddleware } from 'langchain';
import { Command, MemorySaver } from '@langchain/langgraph';
import type { StructuredTool } from '@langchain/core/tools';
import type { AegisModule } from 'aegislib';
import { aegisMiddleware, guardTools } from 'aegislib/langchain';
import type { LangChainInterrupt } from 'aegislib/langchain';
import { expect } from 'chai';
import * as z from 'zod';
import { counted } from './counted.js';
import { ALLOWED, approveAll, ASKED, DENIED, mailer } from './mail.js';
import type { Mail } from './mail.js';

type Model = ReturnType<typeof fakeModel>;
/** A program: what it makes of a model, the tool and the module. */
interface Program {
  readonly invoke: (input: { messages: HumanMessage[] }, config?: object) => Promise<unknown>;
}
type Make = (parts: { model: Model; send: ReturnType<typeof sendTool>; module: AegisModule }) => Program;

const go = { messages: [new HumanMessage('go')] };

function sendTool(ran: Mail[]) {
  const body = async (input: Mail): Promise<string> => (ran.push(input), `sent to ${input.to}`);
  return tool(body, { name: 'send', description: 'sends', schema: z.object({ to: z.string(), amount: z.number() }) });
}

/** One model for all agents: the first delegates (so do those below it, if there are more levels), the second sends, and all end. */
function delegating(input: Mail, to = 'general-purpose', levels = 1): Model {
  const model = fakeModel();
  for (let i = 0; i < levels; i++)
    model.respondWithTools([{ name: 'task', args: { description: 'send it', subagent_type: to }, id: `task-${i}` }]);
  model.respondWithTools([{ name: 'send', args: { ...input }, id: 'call-1' }]);
  for (let i = 0; i < 4; i++) model.respond((messages) => new AIMessage(`heard: ${messages.at(-1)?.text ?? ''}`));
  return model;
}

const aegis = (module: AegisModule, options: object = {}) => aegisMiddleware({ createMiddleware, ToolMessage, module, ...options });
const worker = (more: Partial<SubAgent>): SubAgent => ({ name: 'worker', description: 'works', systemPrompt: 'Work.', ...more });

/** Programs in which the sub-agent has no guard. */
const UNGUARDED: Record<string, { readonly to?: string; readonly levels?: number; readonly make: Make }> = {
  'the default sub-agent': {
    make: ({ model, send, module }) => createDeepAgent({ model, tools: [send], middleware: [aegis(module)] }),
  },
  'a sub-agent that inherits the tools': {
    to: 'worker',
    make: ({ model, send, module }) => createDeepAgent({ model, tools: [send], middleware: [aegis(module)], subagents: [worker({})] }),
  },
  'a sub-agent with tools of its own': {
    to: 'worker',
    make: ({ model, send, module }) => createDeepAgent({ model, middleware: [aegis(module)], subagents: [worker({ tools: [send] })] }),
  },
  'a sub-agent with other middleware, which catches errors': {
    to: 'worker',
    make: ({ model, send, module }) =>
      createDeepAgent({
        model,
        middleware: [aegis(module)],
        subagents: [worker({ tools: [send], middleware: [toolErrorMiddleware({ onError: () => 'failed' })] })],
      }),
  },
  'a compiled sub-agent': {
    to: 'worker',
    make: ({ model, send, module }) =>
      createDeepAgent({
        model,
        middleware: [aegis(module)],
        subagents: [{ name: 'worker', description: 'works', runnable: createAgent({ model, tools: [send] }) }],
      }),
  },
  'the default sub-agent of a guarded sub-agent': {
    levels: 2,
    make: ({ model, send, module }) => {
      const runnable = createDeepAgent({ model, tools: [send], middleware: [aegis(module)] });
      const lead = { ...GENERAL_PURPOSE_SUBAGENT, runnable };
      return createDeepAgent({ model, middleware: [aegis(module)], subagents: [lead] });
    },
  },
  'a sub-agent of createSubAgentMiddleware': {
    make: ({ model, send, module }) =>
      createAgent({ model, middleware: [createSubAgentMiddleware({ defaultModel: model, defaultTools: [send] }), aegis(module)] }),
  },
  'a sub-agent of a guarded tool': {
    make: ({ model, send, module }) => {
      const { tools = [] } = createSubAgentMiddleware({ defaultModel: model, defaultTools: [send] });
      return createAgent({ model, tools: guardTools(tools as StructuredTool[], { module, ToolMessage }) });
    },
  },
};

/** Programs in which the sub-agent is guarded. */
const GUARDED: Record<string, { readonly to?: string; readonly make: Make }> = {
  'the default sub-agent, of guarded tools': {
    make: ({ model, send, module }) => createDeepAgent({ model, tools: guardTools([send], { module, ToolMessage }) }),
  },
  'the default sub-agent, replaced by one with the middleware': {
    make: ({ model, send, module }) =>
      createDeepAgent({
        model,
        tools: [send],
        middleware: [aegis(module)],
        subagents: [{ ...GENERAL_PURPOSE_SUBAGENT, middleware: [aegis(module)] }],
      }),
  },
  'a sub-agent with the middleware': {
    to: 'worker',
    make: ({ model, send, module }) =>
      createDeepAgent({ model, tools: [send], middleware: [aegis(module)], subagents: [worker({ middleware: [aegis(module)] })] }),
  },
  'a sub-agent with guarded tools, below the middleware': {
    to: 'worker',
    make: ({ model, send, module }) =>
      createDeepAgent({
        model,
        middleware: [aegis(module)],
        subagents: [worker({ tools: guardTools([send], { module, ToolMessage }) })],
      }),
  },
  'a compiled sub-agent with the middleware': {
    to: 'worker',
    make: ({ model, send, module }) => {
      const runnable = createAgent({ model, tools: [send], middleware: [aegis(module)] });
      return createDeepAgent({ model, middleware: [aegis(module)], subagents: [{ name: 'worker', description: 'works', runnable }] });
    },
  },
  'a forked sub-agent, which gets the middleware of its parent': {
    to: 'worker',
    make: ({ model, send, module }) =>
      createDeepAgent({ model, tools: [send], middleware: [aegis(module)], subagents: [worker({ mode: 'fork' } as object)] }),
  },
};

describe('A sub-agent of deepagents', () => {
  let ran: Mail[];
  let errors: unknown[][];
  const { error: printed } = console;
  beforeEach(() => {
    ran = [];
    errors = [];
    // LangChain prints what a callback handler throws
    console.error = (...args) => errors.push(args);
  });
  afterEach(() => (console.error = printed));

  /** What the first model heard of its call. */
  const run = async (make: Make, model: Model, module: AegisModule): Promise<string> => {
    const result = (await make({ model, send: sendTool(ran), module }).invoke(go)) as { messages: { text: string }[] };
    return result.messages.map(({ text }) => text).join('\n');
  };

  let wrong = 0;
  let cases = 0;
  after(() => counted({ what: 'A5 tools of sub-agents of deepagents', cases, wrong }));

  for (const [name, { to, levels, make }] of Object.entries(UNGUARDED))
    it(`runs no tool without a guard: ${name}`, async () => {
      for (const input of [DENIED, ALLOWED, ASKED]) {
        await using module = mailer();
        const heard = await run(make, delegating(input, to, levels), module);
        cases++;
        if (ran.length > 0) wrong++;
        expect(ran).to.deep.equal([]);
        expect(`${heard}${String(errors)}`)
          .to.include("tool 'send' has no guard")
          .and.include('guardTools()')
          .and.include('aegisMiddleware(…)');
      }
    });

  for (const [name, { to, make }] of Object.entries(GUARDED))
    it(`runs what policy allows, and nothing else: ${name}`, async () => {
      for (const [input, times] of [
        [DENIED, 0],
        [ASKED, 0],
        [ALLOWED, 1],
      ] as const) {
        await using module = mailer();
        const heard = await run(make, delegating(input, to), module);
        cases++;
        if (ran.length !== times) wrong++;
        expect(ran, name).to.have.length(times);
        if (times === 1) expect(heard).to.include('sent to ann');
        expect(errors).to.deep.equal([]);
      }
    });

  it('lets a tool without a guard run where the program says so', async () => {
    for (const subAgentTools of ['warn', 'ignore'] as const) {
      await using module = mailer();
      const make: Make = ({ model, send }) => createDeepAgent({ model, tools: [send], middleware: [aegis(module, { subAgentTools })] });
      const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
      await run(make, delegating(DENIED), module);
      expect(ran).to.deep.equal([DENIED]);
      ran = [];
      if (subAgentTools === 'warn') expect((await warned).message).to.include("tool 'send' has no guard");
    }
  });

  it('is guarded where a profile of deepagents copies its tools to describe them otherwise', async () => {
    registerHarnessProfile('aegis-spec', { toolDescriptionOverrides: { send: 'sends nothing' } });
    await using module = mailer();
    const model = delegating(DENIED);
    // by which deepagents looks for a profile
    Object.assign(model, { getName: () => 'ConfigurableModel', _defaultConfig: { modelProvider: 'aegis-spec' } });
    await run(({ send }) => createDeepAgent({ model, tools: guardTools([send], { module, ToolMessage }) }), model, module);
    expect(ran).to.deep.equal([]);
  });

  it('asks a person through the graph of its parent, and runs once', async () => {
    await using module = mailer();
    const model = delegating(ASKED, 'worker');
    const agent = createDeepAgent({
      model,
      tools: [],
      checkpointer: new MemorySaver(),
      middleware: [aegis(module)],
      subagents: [worker({ tools: guardTools([sendTool(ran)], { module, ToolMessage }) })],
    });
    const thread = { configurable: { thread_id: 'chat-1' } };
    const asked = (await agent.invoke(go, thread)) as { __interrupt__?: { value: LangChainInterrupt }[] };
    expect(asked.__interrupt__?.[0]?.value.actionRequests[0]).to.include({ name: 'send' });
    expect(ran).to.deep.equal([]);
    await approveAll(module);
    await agent.invoke(new Command({ resume: { decisions: [{ type: 'approve' }] } }), thread);
    expect(ran).to.deep.equal([ASKED]);
  });
});
