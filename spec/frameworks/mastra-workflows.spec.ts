// The ways in which Mastra makes the steps of a workflow of tools and agents.
import { Mastra } from '@mastra/core/mastra';
import { InMemoryStore } from '@mastra/core/storage';
import { cloneWorkflow, createStep, createWorkflow } from '@mastra/core/workflows';
import { createStep as createEventedStep, createWorkflow as createEventedWorkflow } from '@mastra/core/workflows/evented';
import * as z from 'zod';
import type { Mail } from './mail.js';
import { MAIL, SENT, flowOf, nestedFlow, runsAsPolicySays, waitsForThePerson, worker } from './mastraRuns.js';
import type { Run, Way } from './mastraRuns.js';

type Flow = ReturnType<typeof flowOf>;
/** Runs a workflow of an application. `step` is what is resumed, `inputData` what it starts with. */
function flowRun(flow: object, inputData: unknown, step?: string | readonly string[], more: object = {}): Run {
  const mastra = new Mastra({ workflows: { flow }, storage: new InMemoryStore(), logger: false, ...more } as never);
  let run: Awaited<ReturnType<Flow['createRun']>>;
  return {
    start: async () => {
      run = await (mastra.getWorkflow('flow' as never) as Flow).createRun();
      return run.start({ inputData } as never);
    },
    resume: (resumeData) => run.resume({ resumeData, ...(step !== undefined && { step }) } as never),
  };
}
const mails = (id: string, outputSchema: z.ZodType = z.unknown()) =>
  createWorkflow({ id, description: 'mails', inputSchema: MAIL, outputSchema }) as never as Chain;
/** A workflow under construction, without what its types say of steps that follow each other. */
interface Chain {
  then(step: unknown): Chain;
  tool(tool: unknown): Chain;
  agent(agent: unknown): Chain;
  parallel(steps: readonly unknown[]): Chain;
  branch(steps: readonly (readonly [() => Promise<boolean>, unknown])[]): Chain;
  dountil(step: unknown, until: () => Promise<boolean>): Chain;
  foreach(step: unknown): Chain;
  map(to: (given: { readonly inputData: Mail }) => Promise<unknown>): Chain;
  commit(): object;
}

const WAYS: Record<string, Way> = {
  'a step of a workflow': (tools, input) => flowRun(flowOf(tools), input, 'send'),
  'a tool that a workflow is given': ({ send }, input) => flowRun(mails('flow').tool(send).commit(), input, 'send'),
  'a tool that a workflow names': ({ send }, input) => flowRun(mails('flow').tool('send').commit(), input, 'send', { tools: { send } }),
  'a step of a nested workflow': (tools, input) => flowRun(nestedFlow(tools), input, ['flow', 'send']),
  'a step of a copied workflow': (tools, input) => flowRun(cloneWorkflow(flowOf(tools) as never, { id: 'copy' }), input, 'send'),
  'a step beside another': ({ send }, input) => {
    const idle = createStep({ id: 'idle', inputSchema: MAIL, outputSchema: SENT, execute: async () => ({ sent: 'nothing' }) });
    return flowRun(
      mails('flow')
        .parallel([createStep(send), idle])
        .commit(),
      input,
      'send',
    );
  },
  'a step of a branch': ({ send }, input) =>
    flowRun(
      mails('flow')
        .branch([[async () => true, createStep(send)]])
        .commit(),
      input,
      'send',
    ),
  'a step that is repeated': ({ send }, input) =>
    flowRun(
      mails('flow')
        .dountil(createStep(send), async () => true)
        .commit(),
      input,
      'send',
    ),
  'a step for each': ({ send }, input) =>
    flowRun(
      mails('flow')
        .map(async ({ inputData }) => [inputData])
        .foreach(createStep(send))
        .commit(),
      input,
      'send',
    ),
  'a step that calls a tool': ({ send }, input) => {
    const step = createStep({
      id: 'own',
      inputSchema: MAIL,
      outputSchema: z.unknown(),
      resumeSchema: z.object({ approved: z.boolean() }),
      execute: async ({ inputData, suspend, resumeData, suspendData }) =>
        send.execute?.(inputData, {
          workflow: { suspend, resumeData, suspendPayload: suspendData, runId: 'run', workflowId: 'flow' },
        } as never),
    });
    return flowRun(mails('flow').then(step).commit(), input, 'own');
  },
  'a step of a workflow of events': ({ send }, input) => {
    const flow = createEventedWorkflow({ id: 'flow', inputSchema: MAIL, outputSchema: SENT })
      .then(createEventedStep(send) as never)
      .commit();
    const mastra = new Mastra({ workflows: { flow }, storage: new InMemoryStore(), logger: false });
    const run = mastra.startWorkers().then(() => mastra.getWorkflow('flow').createRun());
    return {
      start: async () => (await run).start({ inputData: input }),
      resume: async (resumeData) => (await run).resume({ resumeData, step: 'send' }),
      end: () => mastra.stopWorkers(),
    };
  },
};

/** An agent that is a step cannot be suspended: Mastra would wait for its end for ever. */
const AGENTS: Record<string, Way> = {
  'an agent as a step': (tools, input) =>
    flowRun(
      mails('flow', z.object({ text: z.string() }))
        .map(async () => ({ prompt: 'go' }))
        .then(createStep(worker(tools, input)))
        .commit(),
      input,
      'worker',
    ),
  'an agent that a workflow is given': (tools, input) =>
    flowRun(
      mails('flow', z.object({ text: z.string() }))
        .map(async () => ({ prompt: 'go' }))
        .agent(worker(tools, input))
        .commit(),
      input,
      'worker',
    ),
};

describe('A tool that Mastra makes a step of', () => {
  // a workflow of events prints what its steps throw
  const { error: printed } = console;
  before(() => (console.error = () => {}));
  after(() => (console.error = printed));
  runsAsPolicySays('A5 tools of workflows of Mastra', WAYS);
  for (const [name, way] of Object.entries(AGENTS)) waitsForThePerson(name, way);
});
