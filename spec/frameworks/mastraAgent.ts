import { Agent } from '@mastra/core/agent';
import { Mastra } from '@mastra/core/mastra';
import { InMemoryStore } from '@mastra/core/storage';
import { MastraLanguageModelV2Mock } from '@mastra/core/test-utils/llm-mock';
import type { Told } from './behavesLikeAdapter.js';

export interface Call {
  readonly id: string;
  readonly input: unknown;
  readonly name?: string;
}

const USAGE = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };

/** Makes these calls, one answer after the other, then ends. What it says in the end is `done`, unless `text` says something else. */
export function modelCalling(calls: readonly (readonly Call[])[], text: () => string = () => 'done'): MastraLanguageModelV2Mock {
  const left = [...calls];
  const next = () => {
    const some = left.shift() ?? [];
    if (some.length === 0) return { content: [{ type: 'text' as const, text: text() }], finishReason: 'stop' as const };
    const content = some.map(({ id, input, name = 'send' }) => ({
      type: 'tool-call' as const,
      toolCallId: id,
      toolName: name,
      input: JSON.stringify(input),
    }));
    return { content, finishReason: 'tool-calls' as const };
  };
  return new MastraLanguageModelV2Mock({
    doGenerate: async () => ({ ...next(), usage: USAGE, warnings: [] }),
    doStream: async () => {
      const { content, finishReason } = next();
      const parts = content.flatMap((part): object[] =>
        part.type === 'tool-call'
          ? [part]
          : [
              { type: 'text-start', id: 'text' },
              { type: 'text-delta', id: 'text', delta: part.text },
              { type: 'text-end', id: 'text' },
            ],
      );
      return {
        stream: ReadableStream.from([
          { type: 'stream-start', warnings: [] },
          ...parts,
          { type: 'finish', finishReason, usage: USAGE },
        ]) as never,
      };
    },
  });
}

export interface Run {
  readonly finishReason: string | undefined;
  readonly runId: string;
  readonly suspendPayload: { readonly suspendPayload?: unknown } | undefined;
}

export interface MailAgent {
  readonly model: MastraLanguageModelV2Mock;
  readonly storage: InMemoryStore;
  generate(more?: object): Promise<Run>;
  resume(data: unknown, run: { readonly runId: string }, toolCallId?: string): Promise<Run>;
  approve(run: { readonly runId: string }, toolCallId?: string): Promise<Run>;
}

/** An agent with a storage, which suspended runs need. */
export function agentOf(tools: object, calls: readonly (readonly Call[])[], storage: InMemoryStore = new InMemoryStore()): MailAgent {
  const model = modelCalling(calls);
  const agent = new Agent({ id: 'mail', name: 'mail', instructions: 'send', model: model as never, tools: tools as never });
  const mastra = new Mastra({ agents: { mail: agent }, storage, logger: false });
  const own = mastra.getAgent('mail');
  return {
    model,
    storage,
    generate: async (more = {}) => (await own.generate('go', { maxSteps: 5, ...more } as never)) as unknown as Run,
    resume: async (data, { runId }, toolCallId = 'call-1') =>
      (await own.resumeGenerate(data, { runId, toolCallId } as never)) as unknown as Run,
    approve: async ({ runId }, toolCallId = 'call-1') =>
      (await own.approveToolCallGenerate({ runId, toolCallId } as never)) as unknown as Run,
  };
}

/** What the last prompt of a model says of a call. */
export function toldIn(model: MastraLanguageModelV2Mock, callId: string): Told {
  const prompt = (model.doGenerateCalls.at(-1)?.prompt ?? []) as readonly { readonly content: unknown }[];
  const parts = prompt.flatMap(({ content }) => (Array.isArray(content) ? (content as Record<string, unknown>[]) : []));
  const result = parts.findLast((part) => part['type'] === 'tool-result' && part['toolCallId'] === callId);
  const output = result?.['output'] as { readonly type: string } | undefined;
  return { text: JSON.stringify(output ?? null), refused: output !== undefined && output.type.startsWith('error') };
}
