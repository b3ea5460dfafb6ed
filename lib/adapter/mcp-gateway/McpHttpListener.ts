import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { McpSdk } from './McpSdk.js';
import type { McpTransport } from './McpTransport.js';

/** Where the gateway listens for clients that speak Streamable HTTP. */
export interface McpListen {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default `127.0.0.1`. Any other than this machine's own needs a `token`. */
  readonly host?: string | undefined;
  /** Default `/mcp`. */
  readonly path?: string | undefined;
  /** What clients have to send as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** How many clients at once. Each has a connection, or a process, of its own to the server. Default 100. */
  readonly maxSessions?: number | undefined;
  /** After how long without a request a client's session ends, in milliseconds. Default 30 minutes. */
  readonly idleMs?: number | undefined;
}

interface ServerTransport extends McpTransport {
  handleRequest(request: IncomingMessage, response: ServerResponse, body?: unknown): Promise<void>;
}
interface Session {
  readonly transport: ServerTransport;
  open: number;
  idle: NodeJS.Timeout | undefined;
}

const MAX_BODY = 4 * 1024 * 1024;

/** A request that is answered with an HTTP status. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Takes clients, a session each. */
export class McpHttpListener {
  readonly #sdk: McpSdk;
  readonly #listen: McpListen;
  readonly #connect: (client: McpTransport) => Promise<void>;
  readonly #server: Server;
  readonly #sessions = new Map<string, Session>();
  #opening = 0;

  /**
   * @param connect connects a new client to the server
   * @throws ConfigError
   */
  constructor(sdk: McpSdk, listen: McpListen, connect: (client: McpTransport) => Promise<void>) {
    if (!isLoopbackHost(listen.host ?? '127.0.0.1') && listen.token === undefined)
      throw new ConfigError([{ where: 'mcp-gateway: listen', message: 'needs a `token` where other machines can reach it.' }]);
    this.#sdk = sdk;
    this.#listen = listen;
    this.#connect = connect;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        const [status, message] = error instanceof Refused ? [error.status, error.message] : [502, 'The server cannot be reached.'];
        if (response.headersSent) return response.destroy();
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32000, message } }));
      });
    });
  }

  /** Resolves to where it listens. */
  async start(): Promise<string> {
    const { host = '127.0.0.1', port, path = '/mcp' } = this.#listen;
    await new Promise<void>((resolve, reject) => this.#server.once('error', reject).listen(port, host, resolve));
    const { port: taken } = this.#server.address() as AddressInfo;
    return `http://${host.includes(':') ? `[${host}]` : host}:${taken}${path}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await Promise.allSettled([...this.#sessions.values()].map(({ transport }) => transport.close()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#check(request);
    const id = request.headers['mcp-session-id'];
    if (id !== undefined) {
      const session = this.#sessions.get(String(id));
      if (session === undefined) throw new Refused(404, 'There is no such session.');
      this.#hold(session, response);
      return session.transport.handleRequest(request, response);
    }
    const body = request.method === 'POST' ? await readJson(request) : undefined;
    // whatever else it is, it does not get a connection of its own
    if ((body as { readonly method?: unknown } | null | undefined)?.method !== 'initialize')
      throw new Refused(400, 'A session begins with initialize.');
    if (this.#sessions.size + this.#opening >= (this.#listen.maxSessions ?? 100)) throw new Refused(503, 'There are too many sessions.');
    this.#opening += 1;
    try {
      const { transport, begun } = await this.#open(response);
      try {
        await transport.handleRequest(request, response, body);
      } finally {
        // an initialize that was refused: nobody knows of the connection
        if (!begun()) await transport.close();
      }
    } finally {
      this.#opening -= 1;
    }
  }

  async #open(response: ServerResponse): Promise<{ readonly transport: ServerTransport; readonly begun: () => boolean }> {
    let session: Session | undefined;
    const options = {
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id: string) => {
        session = { transport, open: 0, idle: undefined };
        this.#sessions.set(id, session);
        this.#hold(session, response);
      },
    };
    const transport = new this.#sdk.StreamableHTTPServerTransport(options as never) as ServerTransport;
    await this.#connect(transport);
    const ended = transport.onclose;
    transport.onclose = () => {
      clearTimeout(session?.idle);
      for (const [id, known] of this.#sessions) if (known === session) this.#sessions.delete(id);
      ended?.();
    };
    return { transport, begun: () => session !== undefined };
  }

  /** A session ends that nobody has a request open in for long: its process would stay. */
  #hold(session: Session, response: ServerResponse): void {
    clearTimeout(session.idle);
    session.open += 1;
    const release = (): void => {
      session.open -= 1;
      if (session.open > 0) return;
      session.idle = setTimeout(() => void session.transport.close(), this.#listen.idleMs ?? 1_800_000);
      session.idle.unref();
    };
    // who has gone while the server was connected closes no more
    if (response.destroyed) release();
    else response.once('close', release);
  }

  #check({ url = '/', headers }: IncomingMessage): void {
    const { path = '/mcp', host = '127.0.0.1', token } = this.#listen;
    if (new URL(url, 'http://localhost').pathname !== path) throw new Refused(404, 'There is nothing here.');
    // a page in a browser on this machine may have had its name resolved to this machine
    if (isLoopbackHost(host)) {
      for (const said of [`http://${headers.host ?? ''}`, headers.origin])
        if (said !== undefined && !isLocal(said)) throw new Refused(403, 'Only this machine may ask.');
    }
    if (token !== undefined && !sameText(headers.authorization ?? '', `Bearer ${token}`)) throw new Refused(401, 'A token is needed.');
  }
}

function isLocal(url: string): boolean {
  return URL.canParse(url) && isLoopbackHost(new URL(url).hostname);
}

function sameText(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Refused(413, 'The request is too large.');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    throw new Refused(400, 'The request is no JSON.');
  }
}
