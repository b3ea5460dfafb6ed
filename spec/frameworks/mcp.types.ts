// What has to compile, and what must not: checked by the compiler, never run.
import type { ServerContext } from '@modelcontextprotocol/server';
import { createMcpHandler, createRequestStateCodec, McpServer as ServerV2 } from '@modelcontextprotocol/server';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import type { AegisModule } from 'aegislib';
import { guardServer } from 'aegislib/mcp';
import type { McpContext } from 'aegislib/mcp';
import { relayGuarded, runGateway } from 'aegislib/mcp-gateway';
import type { McpSdk, McpTransport } from 'aegislib/mcp-gateway';
import * as z from 'zod';

type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T | undefined => undefined;

declare const module: AegisModule;
const INFO = { name: 'types', version: '1.0.0' };

// a server stays what it is
const v1 = guardServer(new ServerV1(INFO), { module });
is<Eq<typeof v1, ServerV1>>();
const v2 = guardServer(new ServerV2(INFO), { module });
is<Eq<typeof v2, ServerV2>>();
createMcpHandler(() => guardServer(new ServerV2(INFO), { module }));

// and so do its tools' arguments
v1.registerTool('a', { inputSchema: { n: z.number() } }, ({ n }, { requestId }) => {
  is<Eq<typeof n, number>>();
  is<Eq<typeof requestId, string | number>>();
  return { content: [] };
});
v2.registerTool('a', { inputSchema: z.object({ n: z.number() }) }, ({ n }, { mcpReq }) => {
  is<Eq<typeof n, number>>();
  is<Eq<typeof mcpReq.id, string | number>>();
  return { content: [] };
});

// what both versions hand to a tool is what options are asked with
declare const extra: RequestHandlerExtra<ServerRequest, ServerNotification>;
declare const context: ServerContext;
export const contexts: readonly McpContext[] = [extra, context];
guardServer(new ServerV1(INFO), {
  module,
  session: ({ authInfo, http }) => ({ user_id: (authInfo ?? http?.authInfo)?.clientId ?? 'nobody' }),
  verdictBy: ({ authInfo, http }) => (authInfo ?? http?.authInfo)?.clientId,
  requestState: createRequestStateCodec<string>({ key: 'k'.repeat(32) }),
});

// @ts-expect-error something that is no server
guardServer({ registerTool: () => ({}) });
// @ts-expect-error no such way
guardServer(new ServerV1(INFO), { approval: 'perhaps' });
// @ts-expect-error a person is a text
guardServer(new ServerV1(INFO), { verdictBy: () => 1 });
// @ts-expect-error arguments keep their types
v1.registerTool('b', { inputSchema: { n: z.number() } }, ({ m }) => ({ content: [{ type: 'text', text: String(m) }] }));

// the SDK's own transports, handed over
export const sdk: McpSdk = { StdioClientTransport, StdioServerTransport, StreamableHTTPClientTransport, StreamableHTTPServerTransport };
export const transports: readonly McpTransport[] = [
  new StdioServerTransport(),
  new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'one' }),
];
void runGateway({ module, command: 'node', sdk });
void relayGuarded({ client: new StdioServerTransport(), upstream: new StdioClientTransport({ command: 'node' }) }, { module });
// @ts-expect-error the gateway asks nobody at the client
void runGateway({ module, command: 'node', approval: 'native' });
// @ts-expect-error and takes nobody's word
void runGateway({ module, command: 'node', verdictBy: () => 'ann' });
