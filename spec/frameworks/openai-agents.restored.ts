import { Agent, RunState, Runner, tool } from '@openai/agents';
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing';
import { guardTools } from 'aegislib/openai-agents';
import * as z from 'zod';
import { runErrand } from './restoredElsewhere.js';

await runErrand(async (errand, module) => {
  let runs = 0;
  const send = tool({
    name: 'send',
    description: 'sends',
    parameters: z.object({ to: z.string(), amount: z.number() }),
    execute: () => (runs += 1),
  });
  const asked = [functionCall('send', { to: 'ann', amount: 500 }, { callId: 'call-1' })];
  const model = new ScriptedModel([...(errand.do === 'ask' ? [asked] : []), [assistantMessage('done')]]);
  const agent = new Agent({ name: 'mailer', model, tools: guardTools([send], { module }) });
  const runner = new Runner({ tracingDisabled: true });
  if (errand.do === 'ask') {
    const { state } = await runner.run(agent, 'go');
    return { runs, state: state.toString() };
  }
  const state = await RunState.fromString(agent, errand.state as string);
  for (const item of state.getInterruptions()) {
    if (errand.approved) state.approve(item);
    else state.reject(item);
  }
  await runner.run(agent, state);
  return { runs };
});
