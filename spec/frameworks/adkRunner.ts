import { BaseLlm, InMemorySessionService, LlmAgent, LogLevel, Runner, setLogLevel } from '@google/adk';
import type { BaseLlmConnection, BasePlugin, BaseSessionService, Event, LlmRequest, LlmResponse } from '@google/adk';
import type { Told } from './behavesLikeAdapter.js';

setLogLevel(LogLevel.ERROR + 1);

export interface Call {
  readonly id: string;
  readonly input: unknown;
  readonly name?: string;
}

/** Makes these calls, one answer after the other, then ends. */
export class ScriptedLlm extends BaseLlm {
  readonly requests: LlmRequest[] = [];
  readonly #left: (readonly Call[])[];

  constructor(calls: readonly (readonly Call[])[]) {
    super({ model: 'scripted' });
    this.#left = [...calls];
  }

  async *generateContentAsync(request: LlmRequest): AsyncGenerator<LlmResponse, void> {
    this.requests.push({ ...request, contents: structuredClone(request.contents) });
    const some = this.#left.shift() ?? [];
    const parts =
      some.length === 0
        ? [{ text: 'done' }]
        : some.map(({ id, input, name = 'send' }) => ({
            functionCall: { id, name, args: structuredClone(input) as Record<string, unknown> },
          }));
    yield { content: { role: 'model', parts } };
  }

  connect(): Promise<BaseLlmConnection> {
    return Promise.reject(new Error('there is no live connection to a script'));
  }
}

export const WHO = { userId: 'u-1', sessionId: 's-1' } as const;

/** A conversation with an agent, or with one that has sub-agents. */
export class Conversation {
  readonly model: ScriptedLlm;
  readonly sessions: BaseSessionService;
  readonly #runner: Runner;

  constructor(
    plugins: BasePlugin[],
    calls: readonly (readonly Call[])[],
    {
      sessions = new InMemorySessionService(),
      appName = 'mail',
      ...agent
    }: { sessions?: BaseSessionService; appName?: string } & Omit<ConstructorParameters<typeof LlmAgent>[0], 'name' | 'model'> = {},
  ) {
    this.model = new ScriptedLlm(calls);
    this.sessions = sessions;
    const root = new LlmAgent({ name: 'mailer', model: this.model, ...agent });
    this.#runner = new Runner({ appName, agent: root, plugins, sessionService: sessions });
  }

  async say(parts: readonly object[] = [{ text: 'go' }], abortSignal?: AbortSignal): Promise<readonly Event[]> {
    await this.sessions.getOrCreateSession({ appName: this.#runner.appName, ...WHO });
    const events: Event[] = [];
    const newMessage = { role: 'user', parts: [...parts] };
    for await (const event of this.#runner.runAsync({ ...WHO, newMessage, ...(abortSignal && { abortSignal }) })) events.push(event);
    return events;
  }

  /** Answers the confirmation that was asked for last. */
  confirm(id: string, confirmed: boolean): Promise<readonly Event[]> {
    return this.say([{ functionResponse: { id, name: 'adk_request_confirmation', response: { confirmed } } }]);
  }
}

export interface Asked {
  readonly id: string;
  readonly hint: string | undefined;
  readonly payload: unknown;
}

/** The confirmation that the ADK asks for. */
export function askedIn(events: readonly Event[]): Asked | undefined {
  const calls = events.flatMap(({ content }) => content?.parts ?? []).map(({ functionCall }) => functionCall);
  const call = calls.findLast((one) => one?.name === 'adk_request_confirmation');
  if (call?.id === undefined) return undefined;
  const confirmation = call.args?.['toolConfirmation'] as { readonly hint?: string; readonly payload?: unknown } | undefined;
  return { id: call.id, hint: confirmation?.hint, payload: confirmation?.payload };
}

/** What was answered to a call, as the model reads it. */
export function toldIn(events: readonly Event[], callId: string): Told {
  const parts = events.flatMap(({ content }) => content?.parts ?? []);
  const response = parts.findLast((part) => part.functionResponse?.id === callId)?.functionResponse?.response;
  return { text: JSON.stringify(response ?? null), refused: response !== undefined && 'error' in response };
}
