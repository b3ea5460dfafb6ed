// The ways in which a network of Mastra runs a tool.
import { MockMemory } from '@mastra/core/memory';
import { createTool } from '@mastra/core/tools';
import { guardTools } from 'aegislib/mastra';
import { expect } from 'chai';
import * as z from 'zod';
import { ALLOWED, approveAll, ASKED, mailer, moduleOf, SELF_APPROVED } from './mail.js';
import { modelCalling } from './mastraAgent.js';
import { MAIL, agentOf, delegating, flowOf, inMastra, nestedFlow, runsAsPolicySays, worker } from './mastraRuns.js';
import type { Run, Way } from './mastraRuns.js';

const MEMORY = { thread: 'thread', resource: 'resource' };

/** The network calls this first, and is then told by its model that it is done. */
function network(
  agent: object,
  first: { readonly type: 'agent' | 'workflow' | 'tool'; readonly id: string; readonly prompt: string },
): Run {
  const answers = [{ primitiveId: first.id, primitiveType: first.type, prompt: first.prompt, selectionReason: 'it can' }];
  const model = modelCalling([], () =>
    JSON.stringify(answers.shift() ?? { isComplete: true, completionReason: 'done', finalResult: 'done' }),
  );
  const lead = inMastra(agentOf('lead', [], { memory: new MockMemory(), ...agent, model }));
  const ended = async (stream: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of stream);
  };
  let runId: string;
  return {
    start: async () => {
      const stream = await lead.network('go', { memory: MEMORY, maxSteps: 1 });
      ({ runId } = stream);
      await ended(stream);
    },
    resume: async (answer) => ended(await lead.resumeNetwork(answer, { runId, memory: MEMORY, maxSteps: 1 })),
  };
}

const WAYS: Record<string, Way> = {
  'a tool of a network': (tools, input) => network({ tools }, { type: 'tool', id: 'send', prompt: JSON.stringify(input) }),
  'an agent of a network': (tools, input) =>
    network({ agents: { worker: worker(tools, input) } }, { type: 'agent', id: 'worker', prompt: 'go' }),
  'an agent of an agent of a network': (tools, input) => {
    const middle = agentOf('middle', delegating('agent-worker'), { agents: { worker: worker(tools, input) } });
    return network({ agents: { middle } }, { type: 'agent', id: 'middle', prompt: 'go' });
  },
  'a workflow of a network': (tools, input) =>
    network({ workflows: { flow: flowOf(tools) } }, { type: 'workflow', id: 'flow', prompt: JSON.stringify(input) }),
  'a nested workflow of a network': (tools, input) => {
    const first = { type: 'workflow', id: 'flow', prompt: JSON.stringify(input) } as const;
    const { start } = network({ workflows: { flow: nestedFlow(tools) } }, first);
    return { start };
  },
  'a tool of the client of a network': (tools, input) =>
    network({ defaultOptions: { clientTools: tools } }, { type: 'tool', id: 'send', prompt: JSON.stringify(input) }),
};

describe('A tool that a network of Mastra runs', () => {
  runsAsPolicySays('A5 tools of networks of Mastra', WAYS);

  it('is not handed the answer to the approval, and is handed its own', async () => {
    for (const asks of [false, true]) {
      await using module = mailer();
      const heard: unknown[] = [];
      const send = createTool({
        id: 'send',
        description: 'sends',
        inputSchema: MAIL,
        resumeSchema: z.object({ code: z.number() }),
        execute: async (_, { agent }) => {
          heard.push(agent?.resumeData);
          if (asks && agent?.resumeData === undefined) await agent?.suspend({});
        },
      });
      const input = asks ? ALLOWED : ASKED;
      const tools = guardTools({ send }, { module });
      const { start, resume } = network({ tools }, { type: 'tool', id: 'send', prompt: JSON.stringify(input) });
      await start();
      await approveAll(module);
      await resume?.(asks ? { code: 7 } : { approved: true });
      expect(heard).to.deep.equal(asks ? [undefined, { code: 7 }] : [undefined]);
    }
  });

  it('takes no yes to the network for a verdict, because a model may have written it', async () => {
    await using module = moduleOf({ policies: { text: SELF_APPROVED } });
    let runs = 0;
    const send = createTool({ id: 'send', description: 'sends', inputSchema: MAIL, execute: async () => (runs += 1) });
    const tools = guardTools({ send }, { module, session: () => ({ user_id: 'ann' }), verdictBy: () => 'ann' });
    const { start, resume } = network({ tools }, { type: 'tool', id: 'send', prompt: JSON.stringify(ASKED) });
    await start();
    const [{ decisionId } = { decisionId: '' }] = await module.approvals.list();
    await resume?.({ approved: true, decisionId });
    expect([runs, (await module.approvals.list()).length]).to.deep.equal([0, 1]);
  });
});
