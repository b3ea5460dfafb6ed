import { InMemoryStore } from '@mastra/core/storage';
import { createTool } from '@mastra/core/tools';
import { guardTools } from 'aegislib/mastra';
import * as z from 'zod';
import { agentOf } from './mastraAgent.js';
import { runErrand } from './restoredElsewhere.js';

interface Stored {
  readonly runId: string;
  readonly snapshots: readonly { readonly workflowName: string; readonly runId: string; readonly snapshot: never }[];
}

await runErrand(async (errand, module) => {
  let runs = 0;
  const inputSchema = z.object({ to: z.string(), amount: z.number() });
  const send = createTool({ id: 'send', description: 'sends', inputSchema, execute: async () => (runs += 1) });
  const tools = guardTools({ send }, { module });
  const storage = new InMemoryStore();
  // what a storage that persists holds of a run: snapshots, as JSON
  const workflows = await storage.getStore('workflows');
  if (errand.do === 'ask') {
    const { generate } = agentOf(tools, [[{ id: 'call-1', input: { to: 'ann', amount: 500 } }]], storage);
    const { runId } = await generate();
    const stored = await workflows?.listWorkflowRuns();
    return { runs, state: { runId, snapshots: stored?.runs } };
  }
  const { runId, snapshots } = errand.state as Stored;
  for (const { workflowName, runId: own, snapshot } of snapshots)
    await workflows?.persistWorkflowSnapshot({ workflowName, runId: own, snapshot });
  await agentOf(tools, [], storage).resume({ approved: errand.approved }, { runId });
  return { runs };
});
