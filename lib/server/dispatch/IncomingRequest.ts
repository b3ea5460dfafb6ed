/** A request as a front hands it to the dispatcher: its headers are there, its body has not been read. */
export interface IncomingRequest {
  /** Such as `POST`. */
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly url: string;
  /** Path and query below the base path; `undefined` where the path is not below it. */
  readonly target: string | undefined;
  /** Its headers. A name is found in any case. */
  readonly headers: Pick<Headers, 'get'>;
  /** The address of the client, where it is known. */
  readonly address: string | undefined;
  /** Whether it came over TLS to this process. */
  readonly isSecure: boolean;
  /** Whether it says in several ways for whom it is, so that a proxy may have read it differently. */
  readonly isAmbiguous: boolean;
  /** Whether a body comes with it. */
  readonly hasBody: boolean;
  /** The bytes of the body as its length says, or the most that it may have. */
  readonly bodyBytes: number;
  /** Aborted when the client is gone. Made when it is first read. */
  readonly signal: AbortSignal;
  /**
   * Reads the body; called once.
   *
   * @param maxBytes at most
   * @throws RequestError 413 where it is too large
   * @throws BadRequestError where it is not UTF-8, or ends before its length
   */
  readBody(maxBytes: number): Promise<string>;
}

/** An answer with all its headers. */
export interface SentAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** A `Set-Cookie` header each. */
  readonly cookies: readonly string[];
  readonly body: string | AsyncIterable<string> | undefined;
  /** See {@link Answer}. */
  readonly isPaced?: boolean | undefined;
}
