import Anthropic from '@anthropic-ai/sdk';
import type { Told } from './behavesLikeAdapter.js';

export interface Call {
  readonly id: string;
  readonly input: unknown;
  readonly name?: string;
  readonly toolset?: string;
}

interface Block {
  readonly type: string;
  readonly tool_use_id?: string;
  readonly is_error?: boolean;
  readonly content?: unknown;
}

export interface Service {
  readonly client: Anthropic;
  /** The bodies of the requests, as they were sent. */
  readonly requests: { readonly messages: readonly { readonly content: string | readonly Block[] }[] }[];
}

/** The SDK with a service that makes these calls, one answer after the other, then ends. */
export function serviceCalling(calls: readonly (readonly Call[])[]): Service {
  const left = [...calls];
  const requests: Service['requests'] = [];
  const fetch = async (_: unknown, init?: { readonly body?: unknown }): Promise<Response> => {
    requests.push(JSON.parse(String(init?.body)) as never);
    const some = left.shift() ?? [];
    const content =
      some.length === 0
        ? [{ type: 'text', text: 'done' }]
        : some.map(({ id, input, name = 'send', toolset }) => ({
            type: 'tool_use',
            id,
            name,
            input,
            ...(toolset !== undefined && { toolset_name: toolset }),
          }));
    const usage = { input_tokens: 1, output_tokens: 1 };
    const message = { id: 'm', type: 'message', role: 'assistant', model: 'mock', content, usage };
    return Response.json({ ...message, stop_reason: some.length === 0 ? 'end_turn' : 'tool_use', stop_sequence: null });
  };
  return { client: new Anthropic({ apiKey: 'none', fetch: fetch as never, maxRetries: 0 }), requests };
}

/** What the last request says of a call. */
export function toldIn({ requests }: Service, callId: string): Told {
  const blocks = (requests.at(-1)?.messages ?? []).flatMap(({ content }) => (typeof content === 'string' ? [] : content));
  const result = blocks.findLast(({ type, tool_use_id }) => type === 'tool_result' && tool_use_id === callId);
  const content = result?.content;
  return { text: typeof content === 'string' ? content : JSON.stringify(content ?? null), refused: result?.is_error === true };
}
