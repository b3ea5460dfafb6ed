import { guardServer } from 'aegislib/mcp';
import * as z from 'zod';
import { connectModern, V2 } from './mcpSdks.js';
import type { Body, Server } from './mcpSdks.js';
import { runErrand } from './restoredElsewhere.js';

const KEY = 'of all processes that serve this'.padEnd(32, '.');

await runErrand(async (errand, module) => {
  let runs = 0;
  const make = (): Server => {
    const server = guardServer(V2.server(), {
      module,
      stateKey: KEY,
      session: () => ({ user_id: 'eve' }),
      // the person who was asked is not known any more when the answer comes
      verdictBy: () => (errand.do === 'ask' ? 'ann' : undefined),
    });
    server.registerTool('send', { inputSchema: z.object({ to: z.string(), amount: z.number() }) }, () => {
      runs += 1;
      return { content: [{ type: 'text', text: 'sent' }] };
    });
    return server;
  };
  const call = { name: 'send', arguments: { to: 'ann', amount: 500 } };
  if (errand.do === 'ask') {
    let seen: unknown;
    const client = await connectModern(
      make,
      () => ({ action: 'cancel' }),
      (body) => {
        if (body.params?.['inputResponses'] === undefined) return body;
        // the client goes away with the question
        seen = body.params['requestState'];
        throw new Error('gone');
      },
    );
    await client.callTool(call).catch(() => {});
    return { runs, state: seen };
  }
  const response = errand.approved ? { action: 'accept', content: { approve: true } } : { action: 'decline' };
  const answer = (body: Body): Body =>
    body.method === 'tools/call'
      ? { ...body, params: { ...body.params, requestState: errand.state, inputResponses: { 'aegis/approve': response } } }
      : body;
  await (await connectModern(make, () => response, answer)).callTool(call).catch(() => {});
  return { runs };
});
