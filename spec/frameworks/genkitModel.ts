import { genkit } from 'genkit/beta';
import type { GenkitBeta } from 'genkit/beta';
import type { Told } from './behavesLikeAdapter.js';

export interface Call {
  readonly id: string;
  readonly input: unknown;
  readonly name?: string;
}

export interface Part {
  readonly text?: string;
  readonly toolRequest?: { readonly name: string; readonly ref?: string; readonly input?: unknown };
  readonly toolResponse?: { readonly ref?: string; readonly output?: unknown };
}

export interface Scripted {
  readonly ai: GenkitBeta;
  /** What the model was asked, each time. */
  readonly requests: { readonly messages: readonly { readonly content: readonly Part[] }[] }[];
}

/** Genkit with a model that makes these calls, one answer after the other, then ends. */
export function genkitCalling(calls: readonly (readonly Call[])[]): Scripted {
  const left = [...calls];
  const requests: Scripted['requests'] = [];
  const ai = genkit({ model: 'scripted' });
  ai.defineModel({ name: 'scripted', supports: { tools: true, multiturn: true } }, async (request) => {
    requests.push(structuredClone(request) as never);
    const some = left.shift() ?? [];
    const content =
      some.length === 0 ? [{ text: 'done' }] : some.map(({ id, input, name = 'send' }) => ({ toolRequest: { name, ref: id, input } }));
    return { message: { role: 'model', content }, finishReason: 'stop' };
  });
  return { ai, requests };
}

/** What the last request says of a call. Genkit marks nothing as refused. */
export function toldIn({ requests }: Scripted, ref: string): Told {
  const parts = (requests.at(-1)?.messages ?? []).flatMap(({ content }) => content);
  const response = parts.findLast((part) => part.toolResponse?.ref === ref)?.toolResponse;
  const output = response?.output;
  return { text: typeof output === 'string' ? output : JSON.stringify(output ?? null), refused: undefined };
}
