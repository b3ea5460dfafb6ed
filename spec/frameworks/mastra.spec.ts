import { Agent } from '@mastra/core/agent';
import { createDurableAgent } from '@mastra/core/agent/durable';
import { Mastra } from '@mastra/core/mastra';
import { InMemoryStore } from '@mastra/core/storage';
import { createTool, Tool } from '@mastra/core/tools';
import { createStep, createWorkflow } from '@mastra/core/workflows';
import { guardTools } from 'aegislib/mastra';
import type { MastraApproval } from 'aegislib/mastra';
import { tool as aiTool } from 'ai';
import { expect } from 'chai';
import * as z from 'zod';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import { approveAll, ASKED, callsOf, moduleOf, SELF_APPROVED } from './mail.js';
import type { Mail } from './mail.js';
import { agentOf, toldIn } from './mastraAgent.js';
import type { Call, Run } from './mastraAgent.js';
import { restoredElsewhere } from './restoredElsewhere.js';

const mailSchema = z.object({ to: z.string(), amount: z.number() });
const sendTool = (body: (input: Mail) => unknown): { send: ReturnType<typeof make> } => ({ send: make(body) });
function make(body: (input: Mail) => unknown) {
  return createTool({ id: 'send', description: 'sends', inputSchema: mailSchema, execute: async (input) => body(input) });
}

behavesLikeAdapter({
  name: 'Mastra',
  native: true,
  async run(options, inputs, body, abortSignal) {
    const { model, generate } = agentOf(guardTools(sendTool(body), options), [callsOf(inputs)]);
    await generate({ abortSignal });
    return inputs.map((_, i) => toldIn(model, `call-${i + 1}`));
  },
});

describe('Suspended runs of Mastra', () => {
  let runs: Mail[];
  const body = async (input: Mail): Promise<string> => (runs.push(input), `sent to ${input.to}`);
  beforeEach(() => (runs = []));
  const decisionOf = (run: Run): string => (run.suspendPayload as { suspendPayload: MastraApproval }).suspendPayload.decisionId;

  it('run the tool once when our desk approved, and tell what is asked until then', async () => {
    await using module = moduleOf();
    const { model, generate, resume } = agentOf(guardTools(sendTool(body), { module }), [callsOf([ASKED])]);
    const run = await generate();
    expect(run.finishReason).to.equal('suspended');
    expect(run.suspendPayload?.suspendPayload).to.include({ aegis: 'approval', tool: 'send' }).and.deep.include({ input: ASKED });
    expect((await resume({ approved: true }, run)).finishReason).to.equal('suspended');
    expect(runs).to.deep.equal([]);
    await approveAll(module);
    await resume({ approved: true }, run);
    expect(runs).to.deep.equal([ASKED]);
    expect(toldIn(model, 'call-1')).to.deep.include({ refused: false }).and.property('text').include('sent to ann');
    await resume({ approved: true }, run).catch(() => {});
    expect(runs).to.deep.equal([ASKED]);
  });

  it('tell the model when a person refused, there or at our desk', async () => {
    for (const desk of [false, true]) {
      await using module = moduleOf();
      const { model, generate, resume } = agentOf(guardTools(sendTool(body), { module }), [callsOf([ASKED])]);
      const run = await generate();
      const [request] = await module.approvals.list();
      if (desk) await module.approvals.deny(request?.decisionId as string, { by: 'ann', digest: request?.digest as string, reason: 'no' });
      await resume(desk ? { approved: true } : { approved: false, reason: 'not to ann' }, run);
      expect(toldIn(model, 'call-1').refused).to.equal(true);
      if (!desk) expect(toldIn(model, 'call-1').text).to.include('not to ann');
      expect([runs, await module.approvals.list({ status: 'pending' })]).to.deep.equal([[], []]);
    }
  });

  it('take a yes for a verdict where it names what was asked, and policy lets that person approve', async () => {
    for (const [policies, named, expected] of [
      [SELF_APPROVED, true, 1],
      [SELF_APPROVED, false, 0],
      [SELF_APPROVED.replace('@self_approval("true")', ''), true, 0],
    ] as const) {
      runs = [];
      await using module = moduleOf({ policies: { text: policies } });
      const tools = guardTools(sendTool(body), { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' });
      const { generate, resume } = agentOf(tools, [callsOf([ASKED])]);
      const run = await generate();
      await resume({ approved: true, ...(named && { decisionId: decisionOf(run) }) }, run);
      expect(runs).to.have.length(expected);
    }
  });

  it('take one yes for one run, however many resume it at once', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    const tools = guardTools(sendTool(body), { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' });
    const { generate, resume } = agentOf(tools, [callsOf([ASKED])]);
    const run = await generate();
    const answer = { approved: true, decisionId: decisionOf(run) };
    await Promise.allSettled([resume(answer, run), resume(answer, run), resume(answer, run), resume(answer, run)]);
    await Promise.allSettled([resume(answer, run), resume(answer, run)]);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('hear nobody where the model wrote the answer into its arguments, before it was asked', async () => {
    for (const requireApproval of [false, true]) {
      await using module = moduleOf({ policies: { text: SELF_APPROVED } });
      const send = createTool({ id: 'send', description: 'sends', inputSchema: mailSchema, requireApproval, execute: body });
      const tools = guardTools({ send }, { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' });
      const input = { ...ASKED, resumeData: { approved: true } };
      const { generate, approve, resume } = agentOf(tools, [[{ id: 'call-1', input }]]);
      let run = await generate();
      if (requireApproval) run = await approve(run);
      expect(run.finishReason).to.equal('suspended');
      // Mastra hands the model's words to the tool, not these
      await resume({ approved: false, decisionId: decisionOf(run) }, run);
      expect(runs).to.deep.equal([]);
    }
  });

  it('hear nobody where the model wrote the answer to a question that it knows', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    const options = { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann', scope: () => 'chat' };
    const tools = guardTools(sendTool(body), options);
    const first = await agentOf(tools, [callsOf([ASKED])]).generate();
    const input = { ...ASKED, resumeData: { approved: true, decisionId: decisionOf(first) } };
    const { generate, resume } = agentOf(tools, [[{ id: 'call-1', input }]]);
    const run = await generate();
    expect(decisionOf(run)).to.equal(decisionOf(first));
    for (const approved of [false, true]) await resume({ approved, decisionId: decisionOf(first) }, run);
    expect([runs, (await module.approvals.list()).length]).to.deep.equal([[], 1]);
    await approveAll(module);
    await resume({ approved: true }, run);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('never hand the answer to the tool, however often they were resumed before the desk approved', async () => {
    for (const times of [1, 2, 3]) {
      await using module = moduleOf();
      const heard: unknown[] = [];
      const send = createTool({
        id: 'send',
        description: 'sends',
        inputSchema: mailSchema,
        execute: async (_, { agent }) => void heard.push(agent?.resumeData, agent?.suspendPayload),
      });
      const { generate, resume } = agentOf(guardTools({ send }, { module }), [callsOf([ASKED])]);
      const run = await generate();
      for (let i = 1; i < times; i++) await resume({ approved: true }, run);
      await approveAll(module);
      await resume({ approved: true }, run);
      expect(heard, `${times}`).to.deep.equal([undefined, undefined]);
    }
  });

  it('do not run an approved call in another run, though the model names it the same', async () => {
    await using module = moduleOf();
    const tools = guardTools(sendTool(body), { module });
    const one = agentOf(tools, [callsOf([ASKED])]);
    const run = await one.generate();
    await approveAll(module);
    const other = agentOf(tools, [callsOf([ASKED])]);
    expect((await other.generate()).finishReason).to.equal('suspended');
    expect(runs).to.deep.equal([]);
    await one.resume({ approved: true }, run);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('keep the tool’s own approval, and ask after it', async () => {
    await using module = moduleOf();
    const send = createTool({ id: 'send', description: 'sends', inputSchema: mailSchema, requireApproval: true, execute: body });
    const { generate, approve, resume } = agentOf(guardTools({ send }, { module }), [callsOf([ASKED])]);
    const run = await generate();
    expect([run.finishReason, await module.approvals.list()]).to.deep.equal(['suspended', []]);
    await approve(run);
    expect(runs).to.deep.equal([]);
    await approveAll(module);
    await resume({ approved: true }, run);
    expect(runs).to.deep.equal([ASKED]);
  });

  it('keep what the tool itself suspends with and is resumed with, checked by its own schemas', async () => {
    await using module = moduleOf();
    const heard: unknown[] = [];
    const send = createTool({
      id: 'send',
      description: 'sends',
      inputSchema: mailSchema,
      suspendSchema: z.object({ question: z.string() }),
      resumeSchema: z.object({ code: z.number() }),
      execute: async (input, { agent }) => {
        if (agent?.resumeData === undefined) return void (await agent?.suspend({ question: 'which code?' }));
        heard.push(agent.resumeData, agent.suspendPayload);
        return body(input);
      },
    });
    for (const [input, asks] of [
      [{ to: 'ann', amount: 5 }, false],
      [ASKED, true],
    ] as const) {
      runs = [];
      heard.length = 0;
      const { generate, resume } = agentOf(guardTools({ send }, { module }), [callsOf([input])]);
      const run = await generate();
      if (asks) {
        await approveAll(module);
        expect((await resume({ approved: true }, run)).suspendPayload?.suspendPayload).to.deep.equal({ question: 'which code?' });
      }
      expect(runs).to.deep.equal([]);
      await resume({ code: 7 }, run);
      if (asks) {
        // the call that the answer leads to is a call of its own
        expect(runs).to.deep.equal([]);
        await approveAll(module);
        await resume({ approved: true }, run);
      }
      expect([runs, heard]).to.deep.equal([[input], [{ code: 7 }, { question: 'which code?' }]]);
    }
  });

  it('run what was decided where the schema makes something else of the input, and nothing where it never comes to rest', async () => {
    await using module = moduleOf();
    const trimmed = z.object({ to: z.string().trim(), amount: z.coerce.number().default(500), note: z.string().optional() });
    const send = createTool({ id: 'send', description: 'sends', inputSchema: trimmed, execute: body });
    // what models write for "none": Mastra takes it out of the input, but not again when a run is resumed
    const calls: Call[] = [{ id: 'call-1', input: { to: ' ann ', note: null } }];
    const { generate, resume } = agentOf(guardTools({ send }, { module }), [calls]);
    const run = await generate();
    await approveAll(module);
    await resume({ approved: true }, run);
    expect(runs).to.deep.equal([ASKED]);

    const growing = mailSchema.extend({ to: z.string().transform((to) => `${to}!`) });
    const other = createTool({ id: 'send', description: 'sends', inputSchema: growing, execute: body });
    const { model, generate: ask } = agentOf(guardTools({ send: other }, { module }), [callsOf([{ to: 'bob', amount: 5 }])]);
    await ask();
    expect(runs).to.deep.equal([ASKED]);
    expect(toldIn(model, 'call-1').text).to.include('changes its own output');
  });
});

restoredElsewhere('Mastra', new URL('./mastra.restored.js', import.meta.url));

describe('Tools of Mastra', () => {
  it('keep what they are: nothing is changed in place, and prototypes stay out of it', async () => {
    await using module = moduleOf();
    const tools = { constructor: make(() => 'from constructor'), send: make(() => 'sent') };
    const before = { ...tools.send };
    const guarded = guardTools(tools, { module });
    expect([Object.keys(guarded), guarded.send instanceof Tool, { ...tools.send }]).to.deep.equal([['constructor', 'send'], true, before]);
    expect(guarded.send).to.include({ id: 'send', description: 'sends', inputSchema: tools.send.inputSchema });
    const { model, generate } = agentOf(guarded, [[{ id: 'c', name: 'constructor', input: { to: 'a', amount: 1 } }]]);
    await generate();
    expect(toldIn(model, 'c').text).to.include('from constructor');
  });

  it('of the AI SDK are guarded too', async () => {
    await using module = moduleOf();
    const runs: Mail[] = [];
    const send = aiTool({ description: 'sends', inputSchema: mailSchema, execute: async (input: Mail) => `sent ${runs.push(input)}` });
    const inputs = [
      { to: 'ann', amount: 5 },
      { to: 'ann', amount: 5_000 },
      { to: 'ann', amount: 500 },
    ];
    const { generate, resume } = agentOf(guardTools({ send }, { module }), [callsOf(inputs)]);
    const run = await generate();
    expect([runs, run.finishReason]).to.deep.equal([[inputs[0]], 'suspended']);
    for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.approve(decisionId, { by: 'ann', digest });
    await resume({ approved: true }, run, 'call-3');
    expect(runs).to.deep.equal([inputs[0], inputs[2]]);
  });

  it('as steps of a workflow suspend it, and go on once they were approved', async () => {
    await using module = moduleOf();
    const runs: Mail[] = [];
    const send = createTool({
      id: 'send',
      description: 'sends',
      inputSchema: mailSchema,
      outputSchema: z.object({ sent: z.number() }),
      execute: async (input) => ({ sent: runs.push(input) }),
    });
    const tools = guardTools({ send }, { module });
    const workflow = createWorkflow({ id: 'mailing', inputSchema: mailSchema, outputSchema: z.object({ sent: z.number() }) })
      .then(createStep(tools.send))
      .commit();
    new Mastra({ workflows: { mailing: workflow }, storage: new InMemoryStore(), logger: false });
    const run = await workflow.createRun();
    expect((await run.start({ inputData: { to: 'ann', amount: 500 } })).status).to.equal('suspended');
    for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.approve(decisionId, { by: 'ann', digest });
    const ended = await run.resume({ step: 'send', resumeData: { approved: true } });
    expect([ended.status, runs]).to.deep.equal(['success', [{ to: 'ann', amount: 500 }]]);
  });

  it('that cannot be suspended where they are called throw what is pending', async () => {
    await using module = moduleOf();
    const { send } = guardTools(
      sendTool(() => 'sent'),
      { module },
    );
    const error = await send.execute?.({ to: 'ann', amount: 500 }, {} as never).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).to.include({ name: 'ApprovalPendingError' });
  });

  it('that run elsewhere are refused, named, unless told otherwise', () => {
    const tools = { ui: createTool({ id: 'ui', description: 'shows', inputSchema: z.object({}) }) };
    expect(() => guardTools(tools))
      .to.throw(/'ui' cannot be guarded/)
      .with.property('name', 'GuardDefinitionError');
    expect(guardTools(tools, { unguardable: 'ignore' }).ui).to.equal(tools.ui);
  });

  it('are not what runs tools by itself: agents, workflows and steps are refused, and what to guard is said', async () => {
    await using module = moduleOf();
    const { send } = sendTool(() => 'sent');
    const step = createStep(Object.assign(Object.create(send) as typeof send, { outputSchema: mailSchema }) as never);
    const flow = createWorkflow({ id: 'flow', inputSchema: mailSchema, outputSchema: mailSchema })
      .then(step as never)
      .commit();
    const agent = new Agent({ id: 'worker', name: 'worker', instructions: 'Work.', model: 'none/none', tools: { send } });
    for (const [tool, says] of [
      [flow, /'x' is a workflow.*Make its steps of guarded tools/],
      [agent, /'x' is an agent.*Make it with guarded tools/],
      [createDurableAgent({ agent }), /'x' is an agent/],
      [step, /'x' is a step of a workflow.*Guard the tool first/],
      [createStep(agent), /'x' is a step of a workflow/],
    ] as const)
      for (const unguardable of ['throw', 'ignore'] as const)
        expect(() => guardTools({ x: tool as never }, { module, unguardable }))
          .to.throw(says)
          .with.property('name', 'GuardDefinitionError');
  });

  it('with a declared output throw instead of telling text', async () => {
    await using module = moduleOf();
    const execute = async (): Promise<{ sent: number }> => ({ sent: 1 });
    const outputSchema = z.object({ sent: z.number() });
    const send = createTool({ id: 'send', description: 'sends', inputSchema: mailSchema, outputSchema, execute });
    const { model, generate } = agentOf(guardTools({ send }, { module, approval: 'defer' }), [callsOf([{ to: 'ann', amount: 500 }])]);
    await generate();
    expect(toldIn(model, 'call-1')).to.include({ refused: true });
  });
});
