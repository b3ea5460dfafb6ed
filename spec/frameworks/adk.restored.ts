import { BasePlugin, FunctionTool } from '@google/adk';
import type { Event } from '@google/adk';
import { aegisPlugin } from 'aegislib/adk';
import * as z from 'zod';
import { askedIn, Conversation, WHO } from './adkRunner.js';
import { runErrand } from './restoredElsewhere.js';

await runErrand(async (errand, module) => {
  let runs = 0;
  const parameters = z.object({ to: z.string(), amount: z.number() });
  const tools = [new FunctionTool({ name: 'send', description: 'sends', parameters, execute: async () => (runs += 1) })];
  const plugin = new (aegisPlugin(BasePlugin))({ module });
  const calls = errand.do === 'ask' ? [[{ id: 'call-1', input: { to: 'ann', amount: 500 } }]] : [];
  const talk = new Conversation([plugin], calls, { tools });
  const session = await talk.sessions.getOrCreateSession({ appName: 'mail', ...WHO });
  if (errand.do === 'ask') {
    await talk.say();
    const { events } = (await talk.sessions.getSession({ appName: 'mail', ...WHO })) ?? session;
    return { runs, state: events };
  }
  // what a session service that persists holds: the events, as JSON
  const events = errand.state as Event[];
  for (const event of events) await talk.sessions.appendEvent({ session, event });
  await talk.confirm(askedIn(events)?.id as string, errand.approved);
  return { runs };
});
