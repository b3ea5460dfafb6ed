import { expect } from 'chai';
import { RunnableLambda } from '@langchain/core/runnables';
import { Command, MemorySaver, MessagesAnnotation, StateGraph, interrupt } from '@langchain/langgraph';
import { ToolNode } from '@langchain/langgraph/prebuilt';
import {
  AIMessage,
  DynamicStructuredTool,
  DynamicTool,
  HumanMessage,
  ToolMessage,
  createAgent,
  createMiddleware,
  fakeModel,
  tool,
  toolErrorMiddleware,
} from 'langchain';
import { aegisMiddleware, guardTools } from 'aegislib/langchain';
import type { LangChainInterrupt, LangChainOptions } from 'aegislib/langchain';
import * as z from 'zod';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import { approveAll, ASKED, moduleOf, SELF_APPROVED } from './mail.js';
import type { Told } from './behavesLikeAdapter.js';
import type { Mail } from './mail.js';
import { restoredElsewhere } from './restoredElsewhere.js';

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
const toolCall = (args: object, id = 'call-1') => ({ name: 'send', args: { ...args }, id, type: 'tool_call' }) as const;

/** The ways to guard an agent. */
const WAYS = {
  "LangChain's middleware": (body: (input: Mail) => unknown, options: Omit<LangChainOptions, 'ToolMessage'>) => ({
    tools: [sendTool(body)],
    middleware: [aegisMiddleware({ createMiddleware, ToolMessage, ...options })],
  }),
  "LangChain's tools": (body: (input: Mail) => unknown, options: Omit<LangChainOptions, 'ToolMessage'>) => ({
    tools: guardTools([sendTool(body)], { ToolMessage, ...options }),
    middleware: [],
  }),
};

for (const [name, way] of Object.entries(WAYS)) {
  behavesLikeAdapter({
    name,
    native: true,
    // a middleware is asked before the tool checks its arguments and tells its callbacks
    entersAtOnce: name !== "LangChain's middleware",
    async run(options, inputs, body, signal) {
      const model = calling(...inputs);
      await createAgent({ model, ...way(body, options) }).invoke(go, { ...(signal && { signal }) });
      return inputs.map((_, i) => toldIn(model, `call-${i + 1}`));
    },
  });

  describe(`Native approvals with ${name}`, () => {
    let runs: Mail[];
    const body = async (input: Mail): Promise<string> => (runs.push(input), `sent to ${input.to}`);
    const thread = { configurable: { thread_id: 'chat-1' } };
    beforeEach(() => (runs = []));

    const agentOf = (model: Model, options: object, checkpointer = new MemorySaver()) =>
      createAgent({ model, ...way(body, options), checkpointer });
    const asked = async (agent: ReturnType<typeof agentOf>): Promise<LangChainInterrupt> => {
      const { __interrupt__: interrupts } = (await agent.invoke(go, thread)) as { __interrupt__?: { value: LangChainInterrupt }[] };
      expect(interrupts).to.have.length(1);
      return interrupts?.[0]?.value as LangChainInterrupt;
    };
    const answer = (...decisions: object[]) => new Command({ resume: { decisions } });

    it('interrupt the graph as its own middleware would, and run the tool once when both said yes', async () => {
      await using module = moduleOf();
      const model = calling(ASKED);
      const agent = agentOf(model, { module });
      const { actionRequests, reviewConfigs } = await asked(agent);
      const [request] = await module.approvals.list();
      expect(actionRequests).to.have.length(1);
      expect(actionRequests[0]).to.include({ name: 'send', decisionId: request?.decisionId }).and.have.deep.property('args', ASKED);
      expect(actionRequests[0]?.description).to.include('over a hundred needs a person');
      expect(reviewConfigs).to.deep.equal([{ actionName: 'send', allowedDecisions: ['approve', 'reject'] }]);
      await approveAll(module);
      expect(runs).to.deep.equal([]);
      await agent.invoke(answer({ type: 'approve' }), thread);
      expect(runs).to.deep.equal([ASKED]);
      expect(toldIn(model, 'call-1')).to.deep.equal({ text: 'sent to ann', refused: false });
      expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
    });

    it('do not run what only the graph was told yes for', async () => {
      await using module = moduleOf();
      const model = calling(ASKED);
      const agent = agentOf(model, { module });
      const { actionRequests } = await asked(agent);
      const yes = answer({ type: 'approve', decisionId: actionRequests[0]?.decisionId });
      // the graph goes on waiting for the desk
      for (let i = 0; i < 2; i++) {
        const { __interrupt__: interrupts } = (await agent.invoke(yes, thread)) as { __interrupt__?: { value: LangChainInterrupt }[] };
        expect(interrupts?.[0]?.value.actionRequests).to.deep.equal(actionRequests);
        expect(runs).to.deep.equal([]);
      }
      await approveAll(module);
      await agent.invoke(yes, thread);
      expect(runs).to.deep.equal([ASKED]);
      expect(toldIn(model, 'call-1').text).to.equal('sent to ann');
      expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
    });

    it('take a no of the graph that comes after its yes', async () => {
      await using module = moduleOf();
      const agent = agentOf(calling(ASKED), { module });
      await asked(agent);
      await agent.invoke(answer({ type: 'approve' }), thread);
      await agent.invoke(answer({ type: 'reject', message: 'no' }), thread);
      expect([runs, await module.approvals.list({ status: 'pending' })]).to.deep.equal([[], []]);
    });

    it('take the yes that names the approval for a verdict, where policy lets the person approve the own call', async () => {
      for (const [self, named, ran] of [
        [false, true, 0],
        [true, false, 0],
        [true, true, 1],
      ] as const) {
        await using module = moduleOf({ policies: { text: self ? SELF_APPROVED : SELF_APPROVED.replace('@self_approval("true")', '') } });
        const agent = agentOf(calling(ASKED), { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' });
        const { actionRequests } = await asked(agent);
        await agent.invoke(answer({ type: 'approve', ...(named && { decisionId: actionRequests[0]?.decisionId }) }), thread);
        expect(runs).to.have.length(ran);
      }
    });

    it('take one yes for one of two calls only, though the graph hands it to both', async () => {
      await using module = moduleOf({ policies: { text: SELF_APPROVED } });
      const options = { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' };
      const agent = agentOf(calling({ to: 'ann', amount: 1 }, { to: 'bob', amount: 1 }), options);
      const { __interrupt__: interrupts = [] } = (await agent.invoke(go, thread)) as { __interrupt__?: { value: LangChainInterrupt }[] };
      expect(interrupts).to.have.length(2);
      const second = interrupts
        .map(({ value }) => value.actionRequests[0])
        .find((request) => (request?.args as Mail | undefined)?.to === 'bob');
      await agent.invoke(answer({ type: 'approve', decisionId: second?.decisionId }), thread);
      expect(runs).to.deep.equal([{ to: 'bob', amount: 1 }]);
    });

    it('do not run again where a graph goes back to before the call and is told the same', async () => {
      await using module = moduleOf({ policies: { text: SELF_APPROVED } });
      const agent = agentOf(calling(ASKED), { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' });
      const { actionRequests } = await asked(agent);
      const { config } = await agent.graph.getState(thread);
      const yes = answer({ type: 'approve', decisionId: actionRequests[0]?.decisionId });
      await agent.invoke(yes, thread);
      expect(runs).to.have.length(1);
      await agent.invoke(yes, config as never);
      expect(runs).to.have.length(1);
    });

    it('tell the model what the person said who refused, and never run', async () => {
      await using module = moduleOf();
      for (const verdictBy of [undefined, () => 'ann']) {
        const model = calling(ASKED);
        const agent = agentOf(model, { module, verdictBy });
        await asked(agent);
        await agent.invoke(answer({ type: 'reject', message: 'not to ann' }), thread);
        expect(toldIn(model, 'call-1').text).to.include('not to ann');
        expect([runs, await module.approvals.list({ status: 'pending' })]).to.deep.equal([[], []]);
      }
      const [denied] = await module.approvals.list({ status: 'denied' });
      expect(denied?.verdicts.map(({ by, reason }) => [by, reason])).to.deep.equal([['ann', 'not to ann']]);
    });

    it('listen to a person who refuses what our desk approved', async () => {
      await using module = moduleOf();
      const agent = agentOf(calling(ASKED), { module });
      await asked(agent);
      await approveAll(module);
      await agent.invoke(answer({ type: 'reject' }), thread);
      expect(runs).to.deep.equal([]);
    });

    it('do not run what the graph was resumed with nonsense for, or with other arguments', async () => {
      for (const resume of [
        true,
        'approve',
        { decisions: [] },
        { decisions: [{ type: 'approve' }, { type: 'approve' }] },
        { decisions: [null] },
        { decisions: [{ type: 'edit', editedAction: { name: 'send', args: { to: 'eve', amount: 1 } } }] },
      ]) {
        await using module = moduleOf();
        const model = calling(ASKED);
        const agent = agentOf(model, { module });
        await asked(agent);
        await approveAll(module);
        await agent.invoke(new Command({ resume }), thread);
        expect(runs, JSON.stringify(resume)).to.deep.equal([]);
        expect(toldIn(model, 'call-1')).to.include({ refused: true });
      }
    });

    it('do not take the approval of one thread for the same call id in another', async () => {
      await using module = moduleOf();
      const again = [{ name: 'send', args: { ...ASKED }, id: 'call-1' }];
      const model = fakeModel()
        .respondWithTools(again)
        .respondWithTools(again)
        .respond(new AIMessage('done'))
        .respond(new AIMessage('done'));
      const agent = agentOf(model, { module });
      await asked(agent);
      await approveAll(module);
      const elsewhere = { configurable: { thread_id: 'chat-2' } };
      await agent.invoke(go, elsewhere);
      await agent.invoke(answer({ type: 'approve' }), elsewhere);
      expect(runs).to.deep.equal([]);
      await agent.invoke(answer({ type: 'approve' }), thread);
      expect(runs).to.deep.equal([ASKED]);
    });

    it('are told to the model where no checkpointer is there to keep the graph', async () => {
      await using module = moduleOf();
      const model = calling(ASKED);
      await createAgent({ model, ...way(body, { module }) }).invoke(go);
      expect(toldIn(model, 'call-1').text).to.include('"aegis":"pending"');
      const ran = new Promise((resolve) => module.tasks.once('completed', resolve));
      await approveAll(module);
      await ran;
      expect(runs).to.deep.equal([ASKED]);
    });
  });
}

restoredElsewhere('LangGraph', new URL('./langchain.restored.js', import.meta.url));

describe('Guarded tools of LangChain', () => {
  it('stay what they are, and nothing is changed in place', async () => {
    await using module = moduleOf();
    const original = sendTool(() => 'sent');
    const before = { ...original };
    const [guarded] = guardTools([original], { ToolMessage, module });
    expect({ ...original }).to.deep.equal(before);
    expect(guarded).to.be.instanceOf(DynamicStructuredTool);
    expect([guarded.name, guarded.description, guarded.schema]).to.deep.equal(['send', 'sends', MAIL]);
  });

  it('answer a call with a message, and a program that calls them with what it asked for or an error', async () => {
    await using module = moduleOf();
    const [guarded] = guardTools([sendTool(({ to }) => `sent to ${to}`)], { ToolMessage, module });
    expect(await guarded.invoke({ to: 'ann', amount: 1 })).to.equal('sent to ann');
    const message = (await guarded.invoke(toolCall({ to: 'ann', amount: 1 }))) as ToolMessage;
    expect([message.text, message.status]).to.deep.equal(['sent to ann', 'success']);
    const refused = (await guarded.invoke(toolCall({ to: 'ann', amount: 5_000 }))) as ToolMessage;
    expect([ToolMessage.isInstance(refused), refused.status, refused.tool_call_id]).to.deep.equal([true, 'error', 'call-1']);
    const errorOf = (input: Mail): Promise<unknown> => guarded.invoke(input).catch((error: unknown) => error);
    expect(await errorOf({ to: 'ann', amount: 5_000 })).to.include({ name: 'ForbiddenError' });
    expect(await errorOf(ASKED)).to.include({ name: 'ApprovalPendingError' });
    // and whoever takes the function out of them finds it guarded
    const func = (guarded as unknown as { func: (input: Mail) => Promise<unknown> }).func;
    expect(await func({ to: 'ann', amount: 5_000 }).catch((error: unknown) => error)).to.include({ name: 'ForbiddenError' });
  });

  it('with an artifact answer with a message all the same', async () => {
    await using module = moduleOf();
    const pair = tool(async ({ to }: Mail) => [`sent to ${to}`, { sent: true }], {
      name: 'send',
      description: 'sends',
      schema: MAIL,
      responseFormat: 'content_and_artifact',
    });
    const [guarded] = guardTools([pair], { ToolMessage, module });
    const ran = (await guarded.invoke(toolCall({ to: 'ann', amount: 1 }))) as ToolMessage;
    expect([ran.text, ran.artifact]).to.deep.equal(['sent to ann', { sent: true }]);
    const refused = (await guarded.invoke(toolCall({ to: 'ann', amount: 5_000 }))) as ToolMessage;
    expect([refused.status, refused.text.includes('over a thousand')]).to.deep.equal(['error', true]);
  });

  it('of one text are guarded, and sanitized, by the name `input`', async () => {
    await using module = moduleOf({
      policies: {
        text: `@id("all") permit (principal, action, resource);
          @id("mask") @effect("sanitize") @sanitize("mask_email /input") forbid (principal, action, resource) when { context.input.input like "*@*" };`,
      },
    });
    const got: string[] = [];
    const say = new DynamicTool({ name: 'say', description: 'says', func: async (text) => (got.push(text), 'said') });
    const [guarded] = guardTools([say], { ToolMessage, module });
    await guarded.invoke('to bob@example.com');
    const model = fakeModel()
      .respondWithTools([{ name: 'say', args: { input: 'to eve@example.com' }, id: 'call-1' }])
      .respond(new AIMessage('done'));
    await createAgent({ model, tools: [say], middleware: [aegisMiddleware({ createMiddleware, ToolMessage, module })] }).invoke(go);
    expect(got).to.deep.equal(['to [email]', 'to [email]']);
  });

  it('that stream do so, also when nobody listens any more', async () => {
    await using module = moduleOf();
    let parts = 0;
    const streaming = tool(
      async function* ({ to }: Mail) {
        for (const part of ['one', 'two']) {
          parts += 1;
          yield part;
        }
        return `sent to ${to}`;
      },
      { name: 'send', description: 'sends', schema: MAIL },
    );
    const [guarded] = guardTools([streaming], { ToolMessage, module });
    expect(((await guarded.invoke(toolCall({ to: 'ann', amount: 1 }))) as ToolMessage).text).to.equal('sent to ann');
    await guarded.invoke(toolCall(ASKED, 'call-2'));
    const ran = new Promise<{ result?: unknown }>((resolve) => module.tasks.once('completed', resolve));
    for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.approve(decisionId, { by: 'ann', digest });
    expect((await ran).result).to.equal('sent to ann');
    expect(parts).to.equal(4);
  });

  it('work in a ToolNode of a graph of one’s own, where each call is interrupted by itself', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    const runs: string[] = [];
    const options = { ToolMessage, module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' };
    const node = new ToolNode(guardTools([sendTool(({ to }) => (runs.push(to), `sent to ${to}`))], options));
    const graph = new StateGraph(MessagesAnnotation)
      .addNode('tools', node)
      .addEdge('__start__', 'tools')
      .compile({ checkpointer: new MemorySaver() });
    const thread = { configurable: { thread_id: 'chat-1' } };
    const calls = [toolCall({ to: 'ann', amount: 1 }), toolCall({ to: 'bob', amount: 1 }, 'call-2')];
    type Interrupted = { __interrupt__?: { value: LangChainInterrupt }[]; messages?: unknown };
    let state: Interrupted = await graph.invoke({ messages: [new AIMessage({ content: '', tool_calls: calls })] }, thread);
    for (let round = 0; round < 4 && state.__interrupt__ !== undefined; round++) {
      const [request] = state.__interrupt__[0]?.value.actionRequests ?? [];
      state = await graph.invoke(new Command({ resume: { decisions: [{ type: 'approve', decisionId: request?.decisionId }] } }), thread);
    }
    // one node runs all calls, and is run again from its start: no yes is counted for another call, and none twice
    expect(new Set(runs).size).to.equal(runs.length);
  });

  it('that the provider runs, or that do not come by their own function, are refused, named, unless told otherwise', () => {
    const like = { name: 'search', invoke: async () => 'found' };
    const patched = Object.assign(
      sendTool(() => 'sent'),
      { invoke: async () => 'sent' },
    );
    for (const one of [like, patched]) {
      expect(() => guardTools([one], { ToolMessage }))
        .to.throw(new RegExp(`'${one.name}' cannot be guarded`))
        .with.property('name', 'GuardDefinitionError');
      expect(guardTools([one], { ToolMessage, unguardable: 'ignore' })[0]).to.equal(one);
    }
  });
});

describe('The middleware for LangChain', () => {
  it('guards a tool that other middleware adds, and one that it makes up', async () => {
    await using module = moduleOf();
    let ran = 0;
    const added = sendTool(() => (ran += 1));
    const adding = createMiddleware({ name: 'Adding', tools: [added] });
    const makingUp = createMiddleware({
      name: 'MakingUp',
      wrapModelCall: (request, handler) => handler({ ...request, tools: [...request.tools, added] }),
      wrapToolCall: (request, handler) => handler({ ...request, tool: added }),
    });
    for (const before of [adding, makingUp]) {
      const guarding = aegisMiddleware({ createMiddleware, ToolMessage, module });
      for (const middleware of [
        [before, guarding],
        [guarding, before],
      ]) {
        const model = calling({ to: 'ann', amount: 5_000 });
        await createAgent({ model, tools: [], middleware }).invoke(go);
        expect(toldIn(model, 'call-1').text).to.include('over a thousand is too much');
      }
    }
    expect(ran).to.equal(0);
  });

  it('has policies see what the schema makes of the arguments, and reports what does not fit without a stack trace', async () => {
    await using module = moduleOf();
    const got: unknown[] = [];
    const schema = z.object({ to: z.string(), amount: z.coerce.number().default(5_000) });
    const send = tool(async (input) => (got.push(input), 'sent'), { name: 'send', description: 'sends', schema });
    const told = async (args: object): Promise<Told> => {
      const model = calling(args);
      const middleware = [aegisMiddleware({ createMiddleware, ToolMessage, module })];
      await createAgent({ model, tools: [send], middleware }).invoke(go);
      return toldIn(model, 'call-1');
    };
    expect((await told({ to: 'ann' })).text).to.include('over a thousand is too much');
    expect((await told({ to: 'ann', amount: '7' })).text).to.equal('sent');
    const wrong = await told({ to: 7 });
    expect(wrong.refused).to.equal(true);
    expect(wrong.text)
      .to.include('do not fit')
      .and.not.match(/\bat .*\.[jt]s:\d/);
    expect(got).to.deep.equal([{ to: 'ann', amount: 7 }]);
  });

  it('knows the run it is in', async () => {
    await using module = moduleOf();
    const seen: unknown[] = [];
    const middleware = [
      aegisMiddleware({
        createMiddleware,
        ToolMessage,
        module,
        session: ({ context, configurable, toolCall: call }) => {
          seen.push([context, configurable?.['thread_id'], call?.name, call?.id]);
          return null;
        },
      }),
    ];
    const agent = createAgent({
      model: calling({ to: 'ann', amount: 1 }),
      tools: [sendTool(() => 'sent')],
      middleware,
      contextSchema: z.object({ user: z.string() }),
    });
    await agent.invoke(go, { context: { user: 'ann' }, configurable: { thread_id: 'chat-1' } });
    expect(seen).to.deep.equal([[{ user: 'ann' }, 'chat-1', 'send', 'call-1']]);
  });

  it('guards what is no StructuredTool, too', async () => {
    await using module = moduleOf();
    const runs: Mail[] = [];
    const like = RunnableLambda.from((input: Mail) => (runs.push(input), 'sent')).asTool({
      name: 'send',
      description: 'sends',
      schema: MAIL,
    });
    const model = calling({ to: 'ann', amount: 1 }, { to: 'ann', amount: 5_000 });
    const middleware = [aegisMiddleware({ createMiddleware, ToolMessage, module })];
    await createAgent({ model, tools: [like], middleware }).invoke(go);
    expect(toldIn(model, 'call-2').text).to.include('over a thousand is too much');
    expect(runs).to.deep.equal([{ to: 'ann', amount: 1 }]);
  });

  it('leaves what a tool throws, and what it interrupts the graph with, to others', async () => {
    await using module = moduleOf();
    const guarding = aegisMiddleware({ createMiddleware, ToolMessage, module });
    const failing = sendTool(() => {
      throw new Error('the mailbox is full');
    });
    const model = calling({ to: 'ann', amount: 1 });
    await createAgent({
      model,
      tools: [failing],
      middleware: [toolErrorMiddleware({ onError: (error) => String(error) }), guarding],
    }).invoke(go);
    expect(toldIn(model, 'call-1')).to.include({ refused: true }).and.have.property('text').that.includes('the mailbox is full');

    const asking = sendTool(() => `sent as ${interrupt('as whom?')}`);
    const other = calling({ to: 'ann', amount: 1 });
    const agent = createAgent({ model: other, tools: [asking], middleware: [guarding], checkpointer: new MemorySaver() });
    const thread = { configurable: { thread_id: 'chat-1' } };
    await agent.invoke(go, thread);
    await agent.invoke(new Command({ resume: 'bob' }), thread);
    expect(toldIn(other, 'call-1')).to.deep.equal({ text: 'sent as bob', refused: false });
  });
});
