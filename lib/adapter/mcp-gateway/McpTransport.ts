/** A JSON-RPC message, as the transports of MCP carry it. */
export interface McpMessage {
  readonly jsonrpc: '2.0';
  /** `null` in an answer to what had no id that could be read. */
  readonly id?: string | number | null | undefined;
  readonly method?: string | undefined;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** The properties that are used of a transport of the MCP SDK. */
export interface McpTransport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
  close(): Promise<void>;
  setProtocolVersion?: ((version: string) => void) | undefined;
}
