import { Client as ClientV2, InMemoryTransport as TransportV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createMcpHandler, McpServer as ServerV2 } from '@modelcontextprotocol/server';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport as TransportV1 } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { McpServerLike } from 'aegislib/mcp';

/** What of both versions is used: their types differ, what they do does not. */
export interface Sdk {
  readonly name: string;
  server(options?: object): Server;
  /** Connects a new client. `elicit` answers what the server asks of the client's user. */
  connect(server: Server, elicit?: Elicit): Promise<Client>;
}
export interface Server extends McpServerLike {
  registerTool(name: string, config: object, callback: (...args: never) => unknown): Tool;
  close(): Promise<void>;
}
export interface Tool {
  handler: unknown;
  update(updates: object): void;
}
export interface Client {
  callTool(params: object, options?: object): Promise<Result>;
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  close(): Promise<void>;
}
export interface Result {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly isError?: boolean;
  readonly structuredContent?: unknown;
  readonly _meta?: Readonly<Record<string, unknown>>;
}
export type Elicit = (params: { readonly message: string }) => object | Promise<object>;

const INFO = { name: 'spec', version: '1.0.0' };

export const V1: Sdk = {
  name: 'MCP SDK 1',
  server: (options) => new ServerV1(INFO, options) as unknown as Server,
  async connect(server, elicit) {
    const client = new ClientV1(INFO, elicit && { capabilities: { elicitation: { form: {} } } });
    if (elicit !== undefined) client.setRequestHandler(ElicitRequestSchema, async ({ params }) => (await elicit(params as never)) as never);
    const [near, far] = TransportV1.createLinkedPair();
    await (server as unknown as ServerV1).connect(far);
    await client.connect(near);
    return {
      callTool: (params, options) => client.callTool(params as never, undefined, options as never) as Promise<never>,
      listTools: () => client.listTools() as Promise<never>,
      close: () => client.close(),
    };
  },
};

export const V2: Sdk = {
  name: 'MCP SDK 2',
  server: (options) => new ServerV2(INFO, options) as unknown as Server,
  async connect(server, elicit) {
    const client = new ClientV2(INFO, elicit && { capabilities: { elicitation: { form: {} } } });
    if (elicit !== undefined)
      client.setRequestHandler('elicitation/create', async ({ params }) => (await elicit(params as never)) as never);
    const [near, far] = TransportV2.createLinkedPair();
    await (server as unknown as ServerV2).connect(far as never);
    await client.connect(near);
    return client as unknown as Client;
  },
};

/** What a client was told of a call, as the specs of all adapters look at it. */
export function toldBy({ content, isError }: Result): { readonly text: string; readonly refused: boolean } {
  return { text: content.map(({ text }) => text).join('\n'), refused: isError === true };
}

/** Version 2 as it is served over HTTP on the protocol of 2026-07-28: each request meets a server made anew. */
export async function connectModern(make: () => Server, elicit?: Elicit, changing?: (body: Body) => Body): Promise<Client> {
  const handler = createMcpHandler(() => make() as never);
  const client = new ClientV2(INFO, {
    versionNegotiation: { mode: 'auto' },
    ...(elicit && { capabilities: { elicitation: { form: {} } } }),
  });
  if (elicit !== undefined) client.setRequestHandler('elicitation/create', async ({ params }) => (await elicit(params as never)) as never);
  const fetch = async (url: string | URL, init?: RequestInit): Promise<Response> => {
    const body = typeof init?.body === 'string' && changing ? JSON.stringify(changing(JSON.parse(init.body) as Body)) : init?.body;
    return handler.fetch(new Request(url, { ...init, body: body ?? null }));
  };
  await client.connect(new StreamableHTTPClientTransport(new URL('http://localhost/mcp'), { fetch }));
  return client as unknown as Client;
}
export interface Body {
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}
