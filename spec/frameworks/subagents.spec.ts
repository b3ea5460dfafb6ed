// Sub-agents of the frameworks whose tools are guarded one by one, or by hooks: a denied tool that is handed to one does not run.
import { AgentTool, BasePlugin, FunctionTool, LlmAgent, LoopAgent, ParallelAgent, SequentialAgent } from '@google/adk';
import { Agent as MastraAgent } from '@mastra/core/agent';
import { createTool } from '@mastra/core/tools';
import { Agent, Runner, handoff, setTracingDisabled, tool as openaiTool } from '@openai/agents';
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing';
import { ToolLoopAgent, isStepCount, tool } from 'ai';
import type { LanguageModel } from 'ai';
import type { AegisModule } from 'aegislib';
import { aegisPlugin } from 'aegislib/adk';
import { guardTools as guardAiSdk } from 'aegislib/ai-sdk';
import { aegisHooks } from 'aegislib/claude';
import { guardTools as guardMastra } from 'aegislib/mastra';
import { guardTools as guardOpenAi } from 'aegislib/openai-agents';
import { expect } from 'chai';
import * as z from 'zod';
import { Conversation, ScriptedLlm } from './adkRunner.js';
import { SDKS } from './aiSdks.js';
import { counted } from './counted.js';
import { ALLOWED, ASKED, DENIED, mailer } from './mail.js';
import type { Mail } from './mail.js';
import { modelCalling } from './mastraAgent.js';

setTracingDisabled(true);

const MAIL = z.object({ to: z.string(), amount: z.number() });
const TASK = z.object({ task: z.string() });
/** What is tried, and what of it runs. */
const TRIED: readonly (readonly [Mail, number])[] = [
  [DENIED, 0],
  [ASKED, 0],
  [ALLOWED, 1],
];

/** Runs an agent whose sub-agent sends with this input. `send` is the tool's function. */
type Way = (module: AegisModule, input: Mail, send: (input: Mail) => string) => Promise<unknown>;

const [ai7] = SDKS;
/** A model of the AI SDK that makes one call, and then ends. */
const aiModel = (name: string, input: object): LanguageModel =>
  ai7?.model([[{ id: `of-${name}`, name, input }]]) as unknown as LanguageModel;
const aiSend = (module: AegisModule, send: (input: Mail) => string) =>
  guardAiSdk({ send: tool({ inputSchema: MAIL, execute: async (input) => send(input) }) }, { module });

const openAi = (name: string, ...calls: readonly [tool: string, input: object][]): ScriptedModel =>
  new ScriptedModel([
    ...calls.map(([called, input], i) => [functionCall(called, { ...input }, { callId: `${name}-${i}` })]),
    [assistantMessage('done')],
  ]);
const openAiSend = (module: AegisModule, send: (input: Mail) => string) =>
  guardOpenAi([openaiTool({ name: 'send', description: 'sends', parameters: MAIL, execute: async (input) => send(input) })], { module });
const runner = new Runner({ tracingDisabled: true });

const adkSend = (send: (input: Mail) => string) =>
  new FunctionTool({ name: 'send', description: 'sends', parameters: MAIL, execute: send });
const AegisPlugin = aegisPlugin(BasePlugin);
const adkWorker = (input: Mail, send: (input: Mail) => string, more: object = {}): LlmAgent =>
  new LlmAgent({
    name: 'worker',
    description: 'works',
    model: new ScriptedLlm([[{ id: 'call-1', input }]]),
    tools: [adkSend(send)],
    ...more,
  });

const mastraSend = (module: AegisModule, send: (input: Mail) => string) =>
  guardMastra(
    { send: createTool({ id: 'send', description: 'sends', inputSchema: MAIL, execute: async (input) => send(input) }) },
    { module },
  );
const mastraWorker = (input: Mail, tools: object): MastraAgent =>
  new MastraAgent({
    id: 'worker',
    name: 'worker',
    description: 'works',
    instructions: 'Work.',
    model: modelCalling([[{ id: 'call-1', input }]]) as never,
    tools: tools as never,
  });

const WAYS: Record<string, Way> = {
  'AI SDK: an agent within a tool': async (module, input, send) => {
    const worker = new ToolLoopAgent({ model: aiModel('send', input), tools: aiSend(module, send), stopWhen: isStepCount(3) });
    const delegate = tool({ inputSchema: TASK, execute: async () => (await worker.generate({ prompt: 'go' })).text });
    const model = aiModel('delegate', { task: 'send it' });
    await new ToolLoopAgent({ model, tools: guardAiSdk({ delegate }, { module }), stopWhen: isStepCount(3) }).generate({ prompt: 'go' });
  },
  'AI SDK: an agent that streams within a tool': async (module, input, send) => {
    const worker = new ToolLoopAgent({ model: aiModel('send', input), tools: aiSend(module, send), stopWhen: isStepCount(3) });
    const delegate = tool({
      inputSchema: TASK,
      async *execute() {
        for await (const part of (await worker.stream({ prompt: 'go' })).fullStream) yield part.type;
      },
    });
    const model = aiModel('delegate', { task: 'send it' });
    await new ToolLoopAgent({ model, tools: guardAiSdk({ delegate }, { module }), stopWhen: isStepCount(3) }).generate({ prompt: 'go' });
  },
  'OpenAI Agents: a handoff to an agent': async (module, input, send) => {
    const worker = new Agent({ name: 'worker', model: openAi('w', ['send', input]), tools: openAiSend(module, send) });
    const first = Agent.create({ name: 'first', model: openAi('f', ['transfer_to_worker', {}]), handoffs: [worker] });
    await runner.run(first, 'go');
  },
  'OpenAI Agents: a handoff of its own': async (module, input, send) => {
    const worker = new Agent({ name: 'worker', model: openAi('w', ['send', input]), tools: openAiSend(module, send) });
    const handoffs = [handoff(worker, { toolNameOverride: 'give_away' })];
    await runner.run(Agent.create({ name: 'first', model: openAi('f', ['give_away', {}]), handoffs }), 'go');
  },
  'OpenAI Agents: an agent as a tool': async (module, input, send) => {
    const worker = new Agent({ name: 'worker', model: openAi('w', ['send', input]), tools: openAiSend(module, send) });
    const tools = [worker.asTool({ toolName: 'delegate', toolDescription: 'delegates' })];
    await runner.run(new Agent({ name: 'first', model: openAi('f', ['delegate', { input: 'go' }]), tools }), 'go');
  },
  'OpenAI Agents: an agent as a guarded tool': async (module, input, send) => {
    const worker = new Agent({ name: 'worker', model: openAi('w', ['send', input]), tools: openAiSend(module, send) });
    const tools = guardOpenAi([worker.asTool({ toolName: 'delegate', toolDescription: 'delegates' })], { module });
    await runner.run(new Agent({ name: 'first', model: openAi('f', ['delegate', { input: 'go' }]), tools }), 'go');
  },
  'ADK: a sub-agent': async (module, input, send) => {
    const calls = [[{ id: 't', name: 'transfer_to_agent', input: { agentName: 'worker' } }]];
    await new Conversation([new AegisPlugin({ module })], calls, { subAgents: [adkWorker(input, send)] }).say();
  },
  'ADK: an agent as a tool, with the callback': async (module, input, send) => {
    const plugin = new AegisPlugin({ module });
    const worker = adkWorker(input, send, { beforeToolCallback: plugin.beforeTool });
    const calls = [[{ id: 't', name: 'worker', input: { request: 'go' } }]];
    await new Conversation([plugin], calls, { tools: [new AgentTool({ agent: worker })] }).say();
  },
  'Mastra: a sub-agent': async (module, input, send) => {
    const worker = mastraWorker(input, mastraSend(module, send));
    const model = modelCalling([[{ id: 't', name: 'agent-worker', input: { prompt: 'go' } }]]) as never;
    await new MastraAgent({ id: 'first', name: 'first', instructions: 'Delegate.', model, agents: { worker } }).generate('go', {
      maxSteps: 3,
    });
  },
  'Mastra: an agent within a tool': async (module, input, send) => {
    const worker = mastraWorker(input, mastraSend(module, send));
    const execute = async (): Promise<string> => (await worker.generate('go', { maxSteps: 3 })).text;
    const delegate = createTool({ id: 'delegate', description: 'delegates', inputSchema: TASK, execute });
    const model = modelCalling([[{ id: 't', name: 'delegate', input: { task: 'go' } }]]) as never;
    const tools = guardMastra({ delegate }, { module });
    await new MastraAgent({ id: 'first', name: 'first', instructions: 'Delegate.', model, tools }).generate('go', { maxSteps: 3 });
  },
  'Claude: a sub-agent of Task': async (module, input, send) => {
    const [{ hooks = [] } = {}] = aegisHooks({ module, approval: 'deny', allow: 'grant' }).PreToolUse;
    // as the CLI calls it for a tool of a sub-agent
    const call = {
      hook_event_name: 'PreToolUse',
      session_id: 's',
      cwd: '/',
      permission_mode: 'default',
      agent_type: 'worker',
      agent_id: 'a-1',
    };
    const named = { ...call, tool_name: 'send', tool_use_id: 'toolu_1', tool_input: { ...input } } as never;
    const answer = await hooks[0]?.(named, 'toolu_1', { signal: new AbortController().signal });
    if (answer?.hookSpecificOutput?.permissionDecision === 'allow') send(input);
  },
};

/** Ways in which a sub-agent has no guard, and the framework lets the adapter see that. */
const REFUSED: Record<string, Way> = {
  'ADK: an agent as a tool': async (module, input, send) => {
    const calls = [[{ id: 't', name: 'worker', input: { request: 'go' } }]];
    await new Conversation([new AegisPlugin({ module })], calls, { tools: [new AgentTool({ agent: adkWorker(input, send) })] }).say();
  },
  'ADK: an agent as a tool of an agent as a tool': async (module, input, send) => {
    const plugin = new AegisPlugin({ module });
    const model = new ScriptedLlm([[{ id: 'w', name: 'worker', input: { request: 'go' } }]]);
    const tools = [new AgentTool({ agent: adkWorker(input, send) })];
    const lead = new LlmAgent({ name: 'lead', description: 'leads', model, tools, beforeToolCallback: plugin.beforeTool });
    const calls = [[{ id: 't', name: 'lead', input: { request: 'go' } }]];
    await new Conversation([plugin], calls, { tools: [new AgentTool({ agent: lead })] }).say();
  },
  ...Object.fromEntries(
    [SequentialAgent, ParallelAgent, LoopAgent].map((Flow): [string, Way] => [
      `ADK: a ${Flow.name} as a tool`,
      async (module, input, send) => {
        const flow = new Flow({ name: 'flow', description: 'flows', subAgents: [adkWorker(input, send)] });
        const calls = [[{ id: 't', name: 'flow', input: { request: 'go' } }]];
        await new Conversation([new AegisPlugin({ module })], calls, { tools: [new AgentTool({ agent: flow })] }).say();
      },
    ]),
  ),
};

describe('A tool of a sub-agent', () => {
  let wrong = 0;
  let cases = 0;
  after(() => counted({ what: 'A5 tools of sub-agents of the other frameworks', cases, wrong }));

  const check = async (way: Way, tried: readonly (readonly [Mail, number])[]): Promise<void> => {
    for (const [input, times] of tried) {
      await using module = mailer();
      let ran = 0;
      await way(module, input, ({ to }) => {
        ran++;
        return `sent to ${to}`;
      });
      cases++;
      if (ran !== times) wrong++;
      expect(ran, JSON.stringify(input)).to.equal(times);
    }
  };

  for (const [name, way] of Object.entries(WAYS)) it(`runs where policy allows it. ${name}`, () => check(way, TRIED));

  for (const [name, way] of Object.entries(REFUSED))
    it(`does not run without a guard. ${name}`, () =>
      check(
        way,
        TRIED.map(([input]) => [input, 0]),
      ));
});
