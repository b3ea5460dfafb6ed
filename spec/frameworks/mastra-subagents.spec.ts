// The ways in which Mastra hands a tool on to agents and networks.
import type { Agent } from '@mastra/core/agent';
import { createDurableAgent } from '@mastra/core/agent/durable';
import { MockMemory } from '@mastra/core/memory';
import { Mastra } from '@mastra/core/mastra';
import { toolLoopAgentToMastraAgent } from '@mastra/core/tool-loop-agent';
import { createCodeModeTool } from '@mastra/core/tools';
import { ToolLoopAgent } from 'ai';
import { modelCalling } from './mastraAgent.js';
import { agentOf, delegating, flowOf, inMastra, nestedFlow, runsAsPolicySays, worker } from './mastraRuns.js';
import type { Run, Tools, Way } from './mastraRuns.js';

const MEMORY = { thread: 'thread', resource: 'resource' };

const generated = (agent: Agent, more: object = {}, resumed: object = {}): Run => {
  let runId: string | undefined;
  return {
    start: async () => ({ runId } = (await agent.generate('go', { maxSteps: 4, ...more } as never)) as { runId: string }),
    resume: (answer) => agent.resumeGenerate(answer, { runId, ...resumed } as never),
  };
};
const streamed = (agent: Agent): Run => {
  let runId: string | undefined;
  return {
    start: async () => {
      const stream = await agent.stream('go', { maxSteps: 4 });
      await stream.consumeStream();
      ({ runId } = stream);
    },
    resume: async (answer) => (await agent.resumeStream(answer, { runId: runId as string })).consumeStream(),
  };
};

const WAYS: Record<string, Way> = {
  'an agent of an agent': (tools, input) =>
    generated(inMastra(agentOf('lead', delegating('agent-worker'), { agents: { worker: worker(tools, input) } }))),
  'an agent of an agent, streamed': (tools, input) =>
    streamed(inMastra(agentOf('lead', delegating('agent-worker'), { agents: { worker: worker(tools, input) } }))),
  'an agent of an agent with a memory': (tools, input) => {
    const agents = { worker: worker(tools, input) };
    return generated(
      inMastra(agentOf('lead', delegating('agent-worker'), { agents, memory: new MockMemory() })),
      { memory: MEMORY },
      { memory: MEMORY },
    );
  },
  'an agent that the run names': (tools, input) =>
    generated(inMastra(agentOf('lead', delegating('agent-worker'), { agents: () => ({ worker: worker(tools, input) }) }))),
  'an agent of an agent of an agent': (tools, input) => {
    const middle = agentOf('middle', delegating('agent-worker'), { agents: { worker: worker(tools, input) } });
    return generated(inMastra(agentOf('lead', delegating('agent-middle'), { agents: { middle } })));
  },
  'an agent of the AI SDK as an agent of an agent': (tools, input) => {
    const model = modelCalling([[{ id: 'call-1', input }]]);
    const loop = new ToolLoopAgent({ id: 'worker', model, tools } as never);
    const agents = { worker: toolLoopAgentToMastraAgent(loop as never) };
    return generated(inMastra(agentOf('lead', delegating('agent-worker'), { agents })));
  },
  'tools that the run hands to an agent': (tools, input) =>
    generated(inMastra(worker({} as Tools, input)), { toolsets: { mail: tools } }, { toolsets: { mail: tools } }),
  'tools that the run names': (tools, input) => generated(inMastra(worker((() => tools) as never, input))),
  'hooks of an agent': (tools, input) => generated(inMastra(worker(tools, input, { hooks: { beforeToolCall() {}, afterToolCall() {} } }))),
  'a workflow of an agent': (tools, input) =>
    generated(inMastra(agentOf('lead', delegating('workflow-flow', { inputData: input }), { workflows: { flow: flowOf(tools) } }))),
  'a workflow of an agent, streamed': (tools, input) =>
    streamed(inMastra(agentOf('lead', delegating('workflow-flow', { inputData: input }), { workflows: { flow: flowOf(tools) } }))),
  // Mastra cannot go on with the inner workflow, whatever suspended it
  'a nested workflow of an agent': (tools, input) => {
    const workflows = { flow: nestedFlow(tools) };
    const { start } = generated(inMastra(agentOf('lead', delegating('workflow-flow', { inputData: input }), { workflows })));
    return { start };
  },
  'a durable agent': (tools, input) => {
    const agent = inMastra(createDurableAgent({ agent: worker(tools, input) }));
    let runId: string;
    const ended = async ({ fullStream }: { readonly fullStream: ReadableStream<{ readonly type: string }> }): Promise<void> => {
      for await (const { type } of fullStream) if (type === 'tool-call-suspended') return;
    };
    return {
      start: async () => {
        const stream = await agent.stream('go', { maxSteps: 4 });
        ({ runId } = stream);
        await ended(stream);
      },
      resume: async (answer) => ended(await agent.resume(runId, answer)),
    };
  },
  'a program that a model wrote': ({ send }, input) => {
    // in place of a sandbox: it runs the program, which is one call
    const transport = {
      requiresSandbox: false,
      run: ({ dispatch }: { dispatch: (id: string, args: object) => Promise<unknown> }) => dispatch('send', { ...input }),
    };
    const program = createCodeModeTool({ tools: { send } }, transport as never);
    const calls = [[{ id: 'code-1', name: 'execute_typescript', input: { code: 'return 1' } }]];
    const { start } = generated(inMastra(agentOf('lead', calls, { tools: { execute_typescript: program } })));
    return { start };
  },
  'a tool of the application': ({ send }, input) => {
    const mastra = new Mastra({ tools: { send }, logger: false } as never);
    return { start: async () => (mastra.getTool('send' as never) as Tools['send']).execute?.(input, {} as never) };
  },
};

describe('A tool that Mastra hands on to an agent', () => runsAsPolicySays('A5 tools of sub-agents of Mastra', WAYS));
