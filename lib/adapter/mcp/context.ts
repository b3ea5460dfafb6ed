/** What of the access token is read. */
export interface McpAuthInfo {
  readonly clientId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What the SDK hands to a tool beside its arguments: `extra` in version 1, with `requestId` and `authInfo`; the context in version 2, with
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

/** What answers a client's request to run a tool. */
export interface McpToolResult {
  readonly isError: true;
  readonly content: readonly [{ readonly type: 'text'; readonly text: string }];
  readonly _meta: { readonly 'aegis/decision': unknown };
}

/** What is used of one request, the same for both versions of the SDK. */
export interface McpRequest {
  readonly context: McpContext;
  readonly id: string | number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly progressToken: string | number | undefined;
  readonly notify: (notification: object) => Promise<void> | undefined;
  /** Version 2: its multi-round requests. */
  readonly rounds: McpRounds | undefined;
  /** Version 1: where tasks of the protocol are kept. */
  readonly taskStore: McpTaskStore | undefined;
}

/** What a client answered in an earlier round of the same call. All of it is made by the client. */
export interface McpRounds {
  readonly inputResponses: unknown;
  readonly requestState: unknown;
  /** What the client of this request can do. */
  readonly capabilities: unknown;
}

/** What is used of the store of version 1's tasks. */
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
