/** How large a request may be, and how long it may take. A request beyond one of them is answered with an error, or its connection is closed. */
export interface RequestLimits {
  /** The body, in bytes. */
  readonly bodyBytes: number;
  /** All headers together, in bytes. Only a server that this package opens can hold it. */
  readonly headerBytes: number;
  /** Path and query, in characters. */
  readonly urlLength: number;
  /** How long the headers may take from the first byte on, in milliseconds. */
  readonly headersMs: number;
  /** How long the whole request may take, in milliseconds. */
  readonly requestMs: number;
  /** How long a connection without a request stays open, in milliseconds: longer than the balancer before it keeps its own. */
  readonly keepAliveMs: number;
  /** Connections at a time. */
  readonly connections: number;
}

/** The limits of DATAPLANE: no option, because a client relies on them. */
export const REQUEST_LIMITS: RequestLimits = {
  bodyBytes: 300_000,
  headerBytes: 16_384,
  urlLength: 4_096,
  headersMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 75_000,
  connections: 20_000,
};
