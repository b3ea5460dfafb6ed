// The ways in which LangChain and LangGraph run an agent, a graph or a loop of one's own within a tool, or beside another agent.
import { Command, END, MessagesAnnotation, StateGraph } from '@langchain/langgraph';
import { ToolNode, toolsCondition } from '@langchain/langgraph/prebuilt';
import { AIMessage, DynamicStructuredTool, HumanMessage, ToolMessage, createAgent, createMiddleware, fakeModel, tool } from 'langchain';
import type { RunnableConfig } from '@langchain/core/runnables';
import type { AegisModule } from 'aegislib';
import { aegisMiddleware, guardTools } from 'aegislib/langchain';
import { expect } from 'chai';
import * as z from 'zod';
import { counted } from './counted.js';
import { ALLOWED, DENIED, mailer, until } from './mail.js';
import type { Mail } from './mail.js';

type Model = ReturnType<typeof fakeModel>;
type Send = ReturnType<typeof sendTool>;

const go = { messages: [new HumanMessage('go')] };
const MAIL = z.object({ to: z.string(), amount: z.number() });
const TASK = z.object({ task: z.string() });
const about = { name: 'delegate', description: 'delegates', schema: TASK };

function sendTool(ran: Mail[]) {
  return tool(async (input: Mail) => (ran.push(input), `sent to ${input.to}`), { name: 'send', description: 'sends', schema: MAIL });
}

function ending(model: Model): Model {
  for (let i = 0; i < 4; i++) model.respond((messages) => new AIMessage(`heard: ${messages.at(-1)?.text ?? ''}`));
  return model;
}
const sending = (input: Mail): Model => ending(fakeModel().respondWithTools([{ name: 'send', args: { ...input }, id: 'call-1' }]));
const delegating = (): Model => ending(fakeModel().respondWithTools([{ name: 'delegate', args: { task: 'send it' }, id: 'task-1' }]));

/** A graph of one's own: a model, and a node that runs its tools. */
function graphOf(model: Model, tools: readonly Send[]) {
  return new StateGraph(MessagesAnnotation)
    .addNode('agent', async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addNode('tools', new ToolNode([...tools]))
    .addEdge('__start__', 'agent')
    .addConditionalEdges('agent', toolsCondition, ['tools', END])
    .addEdge('tools', 'agent')
    .compile();
}

/** The tools that hand work to something that sends with `send`, without a guard of its own. */
const WAYS: Record<string, (model: Model, send: Send) => DynamicStructuredTool> = {
  'an agent, with the run’s config': (model, send) =>
    tool(
      async (_, config: RunnableConfig) => (await createAgent({ model, tools: [send] }).invoke(go, config)).messages.at(-1)?.text,
      about,
    ),
  'an agent, without a config': (model, send) =>
    tool(async () => (await createAgent({ model, tools: [send] }).invoke(go)).messages.at(-1)?.text, about),
  'an agent that is streamed': (model, send) =>
    tool(async () => {
      for await (const _ of await createAgent({ model, tools: [send] }).stream(go));
      return 'streamed';
    }, about),
  'a graph with a ToolNode': (model, send) => tool(async () => JSON.stringify(await graphOf(model, [send]).invoke(go)), about),
  'a loop that passes on the calls of its model': (model, send) =>
    tool(async () => {
      const { tool_calls: calls = [] } = await model.invoke('go');
      return String(await Promise.all(calls.map(async (call) => (await send.invoke({ ...call, type: 'tool_call' })) as unknown)));
    }, about),
  'a loop that passes on the arguments that its model wrote': (model, send) =>
    tool(async () => {
      const { tool_calls: calls = [] } = await model.invoke('go');
      return String(await Promise.all(calls.map(({ args }) => send.invoke(args as Mail))));
    }, about),
  'work that is not awaited': (model, send) =>
    tool(async () => {
      let isOver = false;
      void createAgent({ model, tools: [send] })
        .invoke(go)
        .catch(() => undefined)
        .finally(() => (isOver = true));
      await until(() => isOver);
      return 'started';
    }, about),
  'a graph as a tool': (model, send) =>
    graphOf(model, [send]).asTool({
      name: 'delegate',
      description: 'delegates',
      schema: TASK.transform(() => go) as never,
    }) as unknown as DynamicStructuredTool,
};

/** How the first agent is guarded. */
const GUARDS = {
  'the middleware': (module: AegisModule, delegate: DynamicStructuredTool) =>
    createAgent({ model: delegating(), tools: [delegate], middleware: [aegisMiddleware({ createMiddleware, ToolMessage, module })] }),
  'guarded tools': (module: AegisModule, delegate: DynamicStructuredTool) =>
    createAgent({ model: delegating(), tools: guardTools([delegate], { module, ToolMessage }) }),
};

describe('A tool of LangChain that runs an agent of its own', () => {
  let ran: Mail[];
  let errors: string;
  const { error: printed } = console;
  beforeEach(() => {
    ran = [];
    errors = '';
    // LangChain prints what a callback handler throws
    console.error = (...args) => (errors += args.join(' '));
  });
  afterEach(() => (console.error = printed));

  let wrong = 0;
  let cases = 0;
  after(() => counted({ what: 'A5 tools of sub-agents of LangChain and LangGraph', cases, wrong }));

  for (const [guard, agentOf] of Object.entries(GUARDS))
    for (const [name, way] of Object.entries(WAYS)) {
      // guardTools() refuses a tool that is not a StructuredTool
      if (guard === 'guarded tools' && name === 'a graph as a tool') continue;
      it(`runs no tool without a guard, below ${guard}: ${name}`, async () => {
        for (const input of [DENIED, ALLOWED]) {
          await using module = mailer();
          const { messages } = (await agentOf(module, way(sending(input), sendTool(ran))).invoke(go)) as { messages: { text: string }[] };
          cases++;
          wrong += ran.length;
          expect(ran).to.deep.equal([]);
          expect(`${errors}${messages.map(({ text }) => text).join()}`).to.include("tool 'send' has no guard");
        }
      });

      it(`runs guarded tools as policy says, below ${guard}: ${name}`, async () => {
        for (const [input, times] of [
          [DENIED, 0],
          [ALLOWED, 1],
        ] as const) {
          await using module = mailer();
          const [send] = guardTools([sendTool(ran)], { module, ToolMessage });
          await agentOf(module, way(sending(input), send)).invoke(go);
          cases++;
          if (ran.length !== times) wrong++;
          expect(ran).to.have.length(times);
          expect(errors).to.equal('');
        }
      });
    }

  it('may call other tools itself', async () => {
    for (const agentOf of Object.values(GUARDS)) {
      await using module = mailer();
      const send = sendTool(ran);
      await agentOf(
        module,
        tool(async () => send.invoke(ALLOWED), about),
      ).invoke(go);
    }
    expect(ran).to.have.length(2);
    expect(errors).to.equal('');
  });

  it('says which tool has no guard also where that has no run name', async () => {
    await using module = mailer();
    class Sending extends DynamicStructuredTool {
      override async call(...args: Parameters<DynamicStructuredTool['call']>): Promise<never> {
        return super.call(args[0], { ...(args[1] as object), runName: undefined } as never) as never;
      }
    }
    const { name, description, schema } = sendTool(ran);
    const send = new Sending({ name, description, schema, func: async (input: Mail) => String(ran.push(input)) });
    const delegate = tool(async () => JSON.stringify(await createAgent({ model: sending(DENIED), tools: [send] }).invoke(go)), about);
    await createAgent({
      model: delegating(),
      tools: [delegate],
      middleware: [aegisMiddleware({ createMiddleware, ToolMessage, module })],
    }).invoke(go);
    expect(ran).to.deep.equal([]);
    expect(errors).to.include('has no guard');
  });
});

describe('Agents of LangGraph that hand over to each other', () => {
  it('run what policy allows: as nodes of one graph, each with a guard of its own', async () => {
    for (const [input, times] of [
      [DENIED, 0],
      [ALLOWED, 1],
    ] as const)
      for (const kind of ['middleware', 'tools', 'graph'] as const) {
        const ran: Mail[] = [];
        await using module = mailer();
        const guards = { module, ToolMessage };
        const model = sending(input);
        const [guarded] = guardTools([sendTool(ran)], guards);
        const second = {
          middleware: () =>
            createAgent({ model, tools: [sendTool(ran)], middleware: [aegisMiddleware({ createMiddleware, ...guards })] }).graph,
          tools: () => createAgent({ model, tools: [guarded] }).graph,
          graph: () => graphOf(model, [guarded]),
        }[kind]();
        const handover = tool(
          async (_, { toolCall }: { toolCall?: { id?: string | undefined } | undefined }) =>
            new Command({
              goto: 'second',
              graph: Command.PARENT,
              update: { messages: [new ToolMessage({ content: 'handed over', tool_call_id: toolCall?.id ?? '' })] },
            }),
          about,
        );
        const first = createAgent({ model: delegating(), tools: guardTools([handover], guards) }).graph;
        const graph = new StateGraph(MessagesAnnotation)
          .addNode('first', first as never, { ends: ['second', END] })
          .addNode('second', second as never)
          .addEdge('__start__', 'first')
          .compile();
        await graph.invoke(go);
        expect(ran, kind).to.have.length(times);
      }
  });
});
