import * as ai7 from 'ai';
import * as ai6 from 'ai-6';
import { MockLanguageModelV4 } from 'ai/test';
import { MockLanguageModelV3 } from 'ai-6/test';
import type { Told } from './behavesLikeAdapter.js';

/** What of both versions is used: their types differ, what they do does not. */
export interface Sdk {
  readonly name: string;
  tool(definition: object): object;
  generateText(options: object): Promise<{
    readonly content: readonly Part[];
    readonly steps: readonly { readonly content: readonly Part[] }[];
    readonly response: { readonly messages: readonly Message[] };
  }>;
  streamText(options: object): { readonly fullStream: AsyncIterable<Part> };
  model(calls: readonly (readonly Call[])[]): Model;
}
export interface Model {
  readonly doGenerateCalls: readonly { readonly prompt: readonly Message[] }[];
}
export interface Message {
  readonly role: string;
  readonly content: unknown;
}
export interface Part {
  readonly type: string;
  readonly [key: string]: unknown;
}
export interface Call {
  readonly id: string;
  readonly input: unknown;
  readonly name?: string;
}

const USAGE = { inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 }, outputTokens: { total: 1, text: 1, reasoning: 0 } };

function answers(calls: readonly (readonly Call[])[]): object[] {
  return calls.map((some) =>
    some.length === 0
      ? { content: [{ type: 'text', text: 'done' }], finishReason: { unified: 'stop', raw: 'stop' }, usage: USAGE, warnings: [] }
      : {
          content: some.map(({ id, input, name = 'send' }) => ({
            type: 'tool-call',
            toolCallId: id,
            toolName: name,
            input: JSON.stringify(input),
          })),
          finishReason: { unified: 'tool-calls', raw: 'tool_use' },
          usage: USAGE,
          warnings: [],
        },
  );
}

/** Answers one after the other, then ends. */
function scripted<M>(
  make: (doGenerate: () => Promise<never>, doStream: () => Promise<never>) => M,
  calls: readonly (readonly Call[])[],
): M {
  const left = answers([...calls, []]);
  const next = (): { content: Part[]; finishReason: unknown } => (left.length > 1 ? left.shift() : left[0]) as never;
  const doStream = async (): Promise<never> => {
    const { content, finishReason } = next();
    const parts = content.flatMap((part) =>
      part.type === 'text'
        ? [
            { type: 'text-start', id: 't' },
            { type: 'text-delta', id: 't', delta: part['text'] },
            { type: 'text-end', id: 't' },
          ]
        : [part],
    );
    const all = [{ type: 'stream-start', warnings: [] }, ...parts, { type: 'finish', finishReason, usage: USAGE }];
    return { stream: ReadableStream.from(all) } as never;
  };
  return make(async () => next() as never, doStream);
}

export const SDKS: readonly Sdk[] = [
  {
    ...(ai7 as unknown as Sdk),
    tool: ai7.tool as never,
    generateText: (options) => ai7.generateText({ stopWhen: ai7.isStepCount(5), ...options } as never) as never,
    streamText: (options) => ai7.streamText({ stopWhen: ai7.isStepCount(5), ...options } as never) as never,
    name: 'AI SDK 7',
    model: (calls) => scripted((doGenerate, doStream) => new MockLanguageModelV4({ doGenerate, doStream }), calls) as never,
  },
  {
    ...(ai6 as unknown as Sdk),
    tool: ai6.tool as never,
    generateText: (options) => ai6.generateText({ stopWhen: ai6.stepCountIs(5), ...options } as never) as never,
    streamText: (options) => ai6.streamText({ stopWhen: ai6.stepCountIs(5), ...options } as never) as never,
    name: 'AI SDK 6',
    model: (calls) => scripted((doGenerate, doStream) => new MockLanguageModelV3({ doGenerate, doStream }), calls) as never,
  },
];

/** What the last prompt of a model says of a call. */
export function toldIn(model: Model, callId: string): Told {
  const prompt = model.doGenerateCalls.at(-1)?.prompt ?? [];
  const parts = prompt.flatMap(({ content }) => (Array.isArray(content) ? (content as Part[]) : []));
  const result = parts.findLast((part) => part.type === 'tool-result' && part['toolCallId'] === callId);
  const output = result?.['output'] as { type: string } | undefined;
  return {
    text: JSON.stringify(output ?? null),
    refused: output !== undefined && ['error-text', 'error-json', 'execution-denied'].includes(output.type),
  };
}
