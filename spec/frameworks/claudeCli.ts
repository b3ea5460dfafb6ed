import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { aegisHooks } from 'aegislib/claude';
import * as z from 'zod';
import type { Told } from './behavesLikeAdapter.js';
import type { Mail } from './mail.js';

/** What is used of the SDK, whose types are there only where it is installed. */
interface Sdk {
  query(input: { prompt: string; options: object }): AsyncIterable<Message>;
  tool(name: string, description: string, schema: object, run: (input: Mail) => Promise<object>): object;
  createSdkMcpServer(options: object): object;
}
interface Message {
  readonly type: string;
  readonly session_id?: string;
  readonly stop_reason?: string | null;
  readonly deferred_tool_use?: { readonly id: string };
}

/** The SDK, or `undefined` where it is not installed: with the CLI it takes 430 MB. */
export async function claudeSdk(): Promise<Sdk | undefined> {
  const name = '@anthropic-ai/claude-agent-sdk';
  return (import(name) as Promise<Sdk>).catch(() => undefined);
}

export interface ClaudeCall {
  readonly id: string;
  readonly input: Mail;
}

/** What came of a query. */
export interface Played {
  readonly told: ReadonlyMap<string, Told>;
  readonly sessionId: string;
  readonly stopped: string | null | undefined;
  readonly deferred: string | undefined;
}

/** The real CLI in a folder of its own, with a model on this machine that makes these calls at once, and then ends. */
export class ClaudeCli {
  readonly #sdk: Sdk;
  readonly #folder = mkdtempSync(join(tmpdir(), 'aegis-claude-'));

  constructor(sdk: Sdk) {
    this.#sdk = sdk;
  }

  async play(
    calls: readonly ClaudeCall[],
    hooks: ReturnType<typeof aegisHooks>,
    send: (input: Mail) => unknown,
    more: Record<string, unknown> = {},
    streams = true,
  ): Promise<Played> {
    const api = await startApi(calls, streams);
    try {
      const { query, tool, createSdkMcpServer } = this.#sdk;
      const run = async (input: Mail): Promise<object> => ({ content: [{ type: 'text', text: String(await send(input)) }] });
      const tools = [tool('send', 'sends', { to: z.string(), amount: z.number() }, run)];
      const env = {
        PATH: process.env['PATH'],
        HOME: this.#folder,
        ANTHROPIC_BASE_URL: api.url,
        ANTHROPIC_API_KEY: 'none',
        DISABLE_TELEMETRY: '1',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        IS_SANDBOX: '1',
      };
      const options = {
        model: 'claude-sonnet-4-5',
        cwd: this.#folder,
        env,
        settingSources: [],
        mcpServers: { post: createSdkMcpServer({ name: 'post', tools, alwaysLoad: true }) },
        allowedTools: ['mcp__post__send'],
        hooks,
        ...more,
      };
      let last: Message | undefined;
      for await (const message of query({ prompt: 'go', options })) if (message.type === 'result') last = message;
      return { told: api.told, sessionId: last?.session_id ?? '', stopped: last?.stop_reason, deferred: last?.deferred_tool_use?.id };
    } finally {
      api.close();
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface ApiMessage {
  readonly role: string;
  readonly content: unknown;
}
interface Block {
  readonly type: string;
  readonly tool_use_id?: string;
  readonly content?: unknown;
  readonly is_error?: boolean;
}

/** A model that calls the tool until it has a result, and says `done` then. */
async function startApi(calls: readonly ClaudeCall[], streams: boolean): Promise<{ url: string; told: Map<string, Told>; close(): void }> {
  const told = new Map<string, Told>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    if (!request.url?.startsWith('/v1/messages') || request.url.includes('count_tokens'))
      return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"input_tokens":1}');
    const {
      messages = [],
      tools = [],
      stream = false,
    } = JSON.parse(Buffer.concat(body).toString() || '{}') as {
      messages?: ApiMessage[];
      tools?: { name: string }[];
      stream?: boolean;
    };
    const json = { 'content-type': 'application/json' };
    // a gateway that cannot stream: the CLI asks again without
    if (stream && !streams)
      return void response.writeHead(404, json).end('{"type":"error","error":{"type":"not_found_error","message":"no"}}');
    for (const { content } of messages)
      for (const block of Array.isArray(content) ? (content as Block[]) : [])
        if (block.type === 'tool_result')
          told.set(block.tool_use_id ?? '', { text: JSON.stringify(block.content), refused: block.is_error === true });
    const asks = tools.some(({ name }) => name === 'mcp__post__send') && !calls.some(({ id }) => told.has(id));
    const blocks = asks
      ? calls.map(({ id, input }) => ({ type: 'tool_use', id, name: 'mcp__post__send', input }))
      : [{ type: 'text', text: 'done' }];
    if (stream) sendEvents(response, blocks);
    else response.writeHead(200, json).end(JSON.stringify({ ...messageOf(blocks), content: blocks }));
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, told, close };
}

const usage = { input_tokens: 1, output_tokens: 1 };

function messageOf(blocks: readonly { readonly type: string }[]): object {
  const stop_reason = blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn';
  return {
    id: `msg_${randomUUID()}`,
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    stop_reason,
    stop_sequence: null,
    usage,
  };
}

function sendEvents(response: ServerResponse, blocks: readonly { type: string; text?: string; input?: unknown }[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const event = (type: string, data: object): void => void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  const message = messageOf(blocks);
  event('message_start', { message: { ...message, content: [], stop_reason: null } });
  for (const [index, block] of blocks.entries()) {
    const { text, input } = block;
    event('content_block_start', { index, content_block: text === undefined ? { ...block, input: {} } : { type: 'text', text: '' } });
    event('content_block_delta', {
      index,
      delta: text === undefined ? { type: 'input_json_delta', partial_json: JSON.stringify(input) } : { type: 'text_delta', text },
    });
    event('content_block_stop', { index });
  }
  const { stop_reason } = message as { stop_reason?: string };
  event('message_delta', { delta: { stop_reason, stop_sequence: null }, usage });
  event('message_stop', {});
  response.end();
}
