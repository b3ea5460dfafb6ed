/** The properties of the access token that are read. */
export interface McpAuthInfo {
  readonly clientId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What the SDK passes to a tool beside its arguments: in version 1 `extra`, with `requestId` and `authInfo`; in version 2 the context, with
 * `mcpReq` and `http`.
 */
export interface McpContext {
  readonly sessionId?: string | undefined;
  readonly authInfo?: McpAuthInfo | undefined;
  readonly requestInfo?: { readonly headers?: unknown } | undefined;
  readonly requestId?: string | number | undefined;
  readonly http?: { readonly authInfo?: McpAuthInfo | undefined } | undefined;
  readonly mcpReq?: { readonly id: string | number } | undefined;
}

/** The result of a tool that did not run. */
export interface McpToolResult {
  readonly isError: true;
  readonly content: readonly [{ readonly type: 'text'; readonly text: string }];
  readonly _meta: { readonly 'aegis/decision': unknown };
}

/** One request, in the same form for both versions of the SDK. */
export interface McpRequest {
  readonly context: McpContext;
  readonly id: string | number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly progressToken: string | number | undefined;
  readonly notify: (notification: object) => Promise<void> | undefined;
  /** Version 2: the state of a request of several rounds. */
  readonly rounds: McpRounds | undefined;
  /** Version 1: the store of the protocol's tasks. */
  readonly taskStore: McpTaskStore | undefined;
}

/** What a client answered in an earlier round of the same call. All of it comes from the client. */
export interface McpRounds {
  readonly inputResponses: unknown;
  readonly requestState: unknown;
  /** The capabilities of the client that sent this request. */
  readonly capabilities: unknown;
}

/** The methods that are used of version 1's task store. */
export interface McpTaskStore {
  createTask(options: object): Promise<{ readonly taskId: string }>;
  storeTaskResult(taskId: string, status: 'completed', result: object): Promise<void>;
}

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

interface Extra extends McpContext {
  readonly signal?: AbortSignal;
  readonly _meta?: { readonly progressToken?: string | number };
  readonly sendNotification?: (notification: object) => Promise<void>;
  readonly taskStore?: McpTaskStore;
}
interface Rounds {
  readonly id: string | number;
  readonly signal?: AbortSignal;
  readonly _meta?: { readonly progressToken?: string | number };
  readonly envelope?: Readonly<Record<string, unknown>>;
  readonly inputResponses?: unknown;
  readonly requestState?: () => unknown;
  readonly notify?: (notification: object) => Promise<void>;
}

/** Reads the last argument of a tool's callback, of either version. */
export function requestOf(given: unknown): McpRequest {
  const context = (given ?? {}) as Extra;
  const request = context.mcpReq as Rounds | undefined;
  const { id, signal, _meta } = request ?? { id: context.requestId, signal: context.signal, _meta: context._meta };
  return {
    context,
    id,
    signal,
    progressToken: _meta?.progressToken,
    notify: (notification) => (request === undefined ? context.sendNotification?.(notification) : request.notify?.(notification)),
    rounds: request && {
      inputResponses: request.inputResponses,
      requestState: request.requestState?.(),
      capabilities: request.envelope?.[CAPABILITIES],
    },
    taskStore: context.taskStore,
  };
}

/** The result of a refused call. It is never an error of the protocol, because some clients end the conversation at one. */
export function refusedResult(text: string): McpToolResult {
  return { isError: true, content: [{ type: 'text', text }], _meta: { 'aegis/decision': JSON.parse(text) as unknown } };
}
