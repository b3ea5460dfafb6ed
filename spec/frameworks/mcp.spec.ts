import { guardServer } from 'aegislib/mcp';
import * as z from 'zod';
import { behavesLikeAdapter } from './behavesLikeAdapter.js';
import type { Mail } from './behavesLikeAdapter.js';
import { toldBy, V1, V2 } from './mcpSdks.js';

const mailSchema = z.object({ to: z.string(), amount: z.number() });

for (const sdk of [V1, V2]) {
  behavesLikeAdapter({
    name: sdk.name,
    native: false,
    async run(options, inputs, body, signal) {
      const server = guardServer(sdk.server(), options);
      server.registerTool('send', { inputSchema: mailSchema }, async (input: Mail) => ({
        content: [{ type: 'text', text: String(await body(input)) }],
      }));
      const client = await sdk.connect(server);
      try {
        const results = inputs.map((input) => client.callTool({ name: 'send', arguments: input }, { signal }));
        return (await Promise.all(results)).map(toldBy);
      } finally {
        await client.close();
      }
    },
  });
}
