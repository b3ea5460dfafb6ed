// What the test kit and `aegis coverage` take for a tool, with the real tools of the frameworks.
import { createTool } from '@mastra/core/tools';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError';
import { ToolMessage } from '@langchain/core/messages';
import { tool as langchainTool } from '@langchain/core/tools';
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer as McpServer2 } from '@modelcontextprotocol/server';
import { FunctionTool } from '@google/adk';
import { Agent, handoff, tool as openaiTool, webSearchTool } from '@openai/agents';
import { tool } from 'ai';
import { AegisModule } from 'aegislib';
import { guardTools } from 'aegislib/ai-sdk';
import { guardTools as guardAnthropic } from 'aegislib/anthropic';
import { guardTools as guardLangChain } from 'aegislib/langchain';
import { guardTools as guardMastra } from 'aegislib/mastra';
import { guardServer } from 'aegislib/mcp';
import { guardTools as guardOpenAi } from 'aegislib/openai-agents';
import { expectGuarded } from 'aegislib/testing';
import { expect } from 'chai';
import * as z from 'zod';

const inputSchema = z.object({ to: z.string() });
const run = async (): Promise<string> => 'ran';
const about = { name: 'send', description: 'sends a mail' };
const info = { name: 's', version: '1' };

describe('The tools that nobody guards', () => {
  const unguarded: Record<string, unknown> = {
    'the AI SDK': tool({ inputSchema, execute: run }),
    LangChain: langchainTool(run, { ...about, schema: inputSchema }),
    'OpenAI Agents': openaiTool({ ...about, parameters: inputSchema, execute: run }),
    Mastra: createTool({ id: 'send', description: about.description, inputSchema, execute: run }),
    'the tool runner of Anthropic': betaZodTool({ ...about, inputSchema, run }),
    ADK: new FunctionTool({ ...about, parameters: inputSchema, execute: run }),
  };
  for (const [framework, made] of Object.entries(unguarded))
    it(`are found among those of ${framework}`, () => {
      expect(() => expectGuarded({ send: made })).to.throw('send: a tool without a guard');
    });

  it('are found in the agents that an agent hands over to', async () => {
    await using module = AegisModule.create({ agentId: 'a', policies: { text: '@id("a") permit (principal, action, resource);' } });
    const send = openaiTool({ ...about, parameters: inputSchema, execute: run });
    const [guarded] = guardOpenAi([send], { module });
    const ofAgents = (tool: typeof send): Agent => {
      const second = new Agent({ name: 'second', tools: [tool] });
      const first = Agent.create({ name: 'first', tools: [guarded], handoffs: [handoff(second)] });
      second.handoffs = [first];
      return first;
    };
    expectGuarded(ofAgents(guarded));
    expect(() => expectGuarded(ofAgents(send))).to.throw('send: a tool without a guard');
  });

  it('are found in the servers of both SDKs of MCP', () => {
    const first = new McpServer1(info);
    first.registerTool('send', { inputSchema: { to: z.string() } }, async () => ({ content: [] }));
    const second = new McpServer2(info);
    second.registerTool('send', { inputSchema }, async () => ({ content: [] }));
    for (const server of [first, second]) expect(() => expectGuarded(server)).to.throw('send: a registered tool without a guard');
  });

  it('are found where they run elsewhere', () => {
    for (const hosted of [webSearchTool(), tool({ inputSchema })])
      expect(() => expectGuarded({ hosted })).to.throw('hosted: it has no function to guard');
  });

  it('are none of those that the other adapters made, nor of a guarded server, whenever they were registered', async () => {
    await using module = AegisModule.create({ agentId: 'a', policies: { text: '@id("a") permit (principal, action, resource);' } });
    expectGuarded(guardOpenAi([openaiTool({ ...about, parameters: inputSchema, execute: run })], { module }));
    expectGuarded(guardLangChain([langchainTool(run, { ...about, schema: inputSchema })], { module, ToolMessage }));
    expectGuarded(guardMastra({ send: createTool({ id: 'send', description: about.description, inputSchema, execute: run }) }, { module }));
    expectGuarded(guardAnthropic([betaZodTool({ ...about, inputSchema, run })], { module, ToolError }));
    const content = async (): Promise<{ content: [] }> => ({ content: [] });
    const first = new McpServer1(info);
    first.registerTool('before', { inputSchema: { to: z.string() } }, content);
    guardServer(first, { module }).registerTool('after', { inputSchema: { to: z.string() } }, content);
    const second = new McpServer2(info);
    second.registerTool('before', { inputSchema }, content);
    guardServer(second, { module }).registerTool('after', { inputSchema }, content);
    for (const server of [first, second]) expectGuarded(server);
  });

  it('are none of those that guardTools() of the AI SDK made, in any mode, until somebody replaces their function', async () => {
    await using module = AegisModule.create({ agentId: 'a', policies: { text: '@id("a") permit (principal, action, resource);' } });
    for (const approval of ['native', 'defer', 'wait', 'deny'] as const) {
      const tools = guardTools({ send: tool({ inputSchema, execute: run }) }, { module, approval });
      expectGuarded(tools);
      tools.send.execute = run;
      expect(() => expectGuarded(tools)).to.throw('send: a tool without a guard');
    }
  });
});
