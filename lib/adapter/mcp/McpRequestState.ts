import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The call that a question belongs to. It travels through the client, which can read it but cannot forge it. */
export interface McpAsked {
  readonly callId: string | undefined;
  readonly connection: string | undefined;
  readonly toolName: string;
  readonly decisionId: string;
}

const PREFIX = 'aegis1.';
const LABEL = 'aegis mcp request state:';

/** One key for the whole process, because servers of version 2 are created for each request. */
const PROCESS_KEY = randomBytes(32);

/** Signs and verifies the state that travels through the client between two rounds of a call. */
export class McpRequestState {
  readonly #key: string | Buffer;

  /** @param key must be the same in all processes that can get the second round; by default a random key of this process */
  constructor(key: string | undefined) {
    this.#key = key ?? PROCESS_KEY;
  }

  /** Signs a state. */
  seal(asked: McpAsked): string {
    const body = Buffer.from(JSON.stringify(asked)).toString('base64url');
    return `${PREFIX}${body}.${this.#mac(body).toString('base64url')}`;
  }

  /** Verifies a state. Returns `undefined` for anything that was not sealed with this key. */
  open(state: unknown): McpAsked | undefined {
    if (typeof state !== 'string' || !state.startsWith(PREFIX)) return undefined;
    const [body = '', mac = '', ...more] = state.slice(PREFIX.length).split('.');
    const given = Buffer.from(mac, 'base64url');
    const expected = this.#mac(body);
    if (more.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as McpAsked;
  }

  #mac(body: string): Buffer {
    return createHmac('sha256', this.#key).update(LABEL).update(body).digest();
  }
}
