// The one code block of the Python SDK's README that needs a framework. The others have their counterparts in spec/port.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { AIMessage, HumanMessage, ToolMessage, createAgent, fakeModel, tool } from 'langchain';
import { AegisModule, ForbiddenError } from 'aegislib';
import { guardTools } from 'aegislib/langchain';
import * as z from 'zod';

/** This folder. */
const HERE = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Where decisions come from: policies in this process, or a Data Plane over HTTP. Both deny searches for secrets. */
const WORLDS = {
  embedded: async (): Promise<AegisModule> => {
    const text = `@id("all") permit (principal, action, resource);
      @id("secrets") @reason("not permitted") forbid (principal, action == Aegis::Action::"web.search", resource) when { context.input.query like "*secret*" };`;
    return AegisModule.configure({ env: false, agentId: 'langchain-agent', policies: { text } });
  },
  'data plane': async (stops: (() => void)[]): Promise<AegisModule> => {
    const server = createServer((request, reply) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { agent_id, tool: called } = JSON.parse(body) as { agent_id: string; tool: { name: string; params: { query: string } } };
        const effect = called.params.query.includes('secret') ? 'deny' : 'allow';
        const answer = { agent_id, tool: called.name, request_id: 'r', decision_id: `d-${Math.random()}`, latency_ms: 1 };
        reply
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify({ ...answer, final_decision: { effect, reason: 'not permitted' } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stops.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return AegisModule.configure({ env: false, agentId: 'langchain-agent', apiKey: 'key', baseUrl, dataPlane: { require: [] } });
  },
};

function counterpart(id: string, does: string, body: () => Promise<void>): void {
  for (const [name, configure] of Object.entries(WORLDS))
    it(`${id}: ${does} (${name})`, async () => {
      const stops: (() => void)[] = [];
      await configure(stops);
      try {
        await body();
      } finally {
        await AegisModule.close();
        for (const stop of stops) stop();
      }
    });
}

describe('The blocks of the Python SDK that need a framework', () => {
  counterpart('integration/agent-tool', 'guards a tool of an agent', async () => {
    const searched: string[] = [];
    const search = tool(
      async ({ query }) => {
        searched.push(query);
        return `results for ${query}`;
      },
      { name: 'web.search', description: 'Searches the web', schema: z.object({ query: z.string() }) },
    );
    const [guarded] = guardTools([search], { ToolMessage });
    expect(await guarded.invoke({ query: 'weather' })).to.equal('results for weather');
    const refused = await guarded.invoke({ query: 'secrets' }).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(ForbiddenError);

    const model = fakeModel()
      .respondWithTools([{ name: 'web.search', args: { query: 'secrets' }, id: 'call-1' }])
      .respond(new AIMessage('done'));
    const agent = createAgent({ model, tools: [guarded] });
    const { messages } = await agent.invoke({ messages: [new HumanMessage('go')] });
    expect(messages.find((one) => ToolMessage.isInstance(one))?.text).to.contain('not permitted');
    expect(searched).to.deep.equal(['weather']);
  });

  it('is run as the migration page shows it', () => {
    const page = readFileSync(join(HERE, '../../docs/migration-from-python.md'), 'utf8');
    const [, program = '', printed = ''] = /^```js langchain\n(.*?)^```\n+```text\n(.*?)^```$/ms.exec(page) ?? [];
    expect(program).to.contain('guardTools');
    const file = join(HERE, '.build/migration-langchain.mjs');
    writeFileSync(file, program);
    expect(execFileSync(process.execPath, [file], { encoding: 'utf8' })).to.equal(printed);
  });
});
