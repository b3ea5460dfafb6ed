import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { McpSdk } from './McpSdk.js';
import type { McpTransport } from './McpTransport.js';

/** Where the gateway listens for clients of Streamable HTTP. */
export interface McpListen {
  /** The port; 0 takes a free one. */
  readonly port: number;
  /**
   * The host. A host that other machines can reach needs a `token`.
   *
   * @defaultValue `127.0.0.1`
   */
  readonly host?: string | undefined;
  /**
   * The path.
   *
   * @defaultValue `/mcp`
   */
  readonly path?: string | undefined;
  /** The token that clients must send as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  /**
   * How many clients can be connected at once. Each has its own connection to the server, or its own server process.
   *
   * @defaultValue 100
   */
  readonly maxSessions?: number | undefined;
  /**
   * How long a client's session lasts without a request, in milliseconds.
   *
   * @defaultValue 1,800,000 (30 minutes)
   */
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

/** A refused request, with the HTTP status of the answer. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Accepts clients over Streamable HTTP and gives each a session. */
export class McpHttpListener {
  readonly #sdk: McpSdk;
  readonly #listen: McpListen;
  readonly #connect: (client: McpTransport, ended: () => void) => Promise<void>;
  readonly #server: Server;
  readonly #sessions = new Map<string, Session>();
  /** Clients that have a connection to the server, or a server process: from before it is opened until it has ended. */
  #connected = 0;

  /**
   * @param connect connects a new client to the server, and calls `ended` once, when both sides have closed or if that fails
   * @throws ConfigError
   */
  constructor(sdk: McpSdk, listen: McpListen, connect: (client: McpTransport, ended: () => void) => Promise<void>) {
    if (!isLoopbackHost(listen.host ?? '127.0.0.1') && listen.token === undefined)
      throw new ConfigError([{ where: 'mcp-gateway: listen', message: 'needs a `token`, because other machines can reach this `host`.' }]);
    this.#sdk = sdk;
    this.#listen = listen;
    this.#connect = connect;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        const [status, message] =
          error instanceof Refused ? [error.status, error.message] : [502, 'The MCP server behind the gateway cannot be reached.'];
        if (response.headersSent) return response.destroy();
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32000, message } }));
      });
    });
  }

  /** Resolves to the URL that it listens at. */
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
      if (session === undefined)
        throw new Refused(404, 'There is no such session; send initialize without an mcp-session-id to start one.');
      this.#hold(session, response);
      return session.transport.handleRequest(request, response);
    }
    const body = request.method === 'POST' ? await readJson(request) : undefined;
    // no other request gets a connection to the server
    if ((body as { readonly method?: unknown } | null | undefined)?.method !== 'initialize')
      throw new Refused(400, 'A session must start with an initialize request.');
    if (this.#connected >= (this.#listen.maxSessions ?? 100)) throw new Refused(503, 'There are too many sessions; try again later.');
    const { transport, begun } = await this.#open(response);
    try {
      await transport.handleRequest(request, response, body);
    } finally {
      // the initialize was refused, so no session uses the connection
      if (!begun()) await transport.close();
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
    this.#connected += 1;
    await this.#connect(transport, () => (this.#connected -= 1));
    const ended = transport.onclose;
    transport.onclose = () => {
      clearTimeout(session?.idle);
      for (const [id, known] of this.#sessions) if (known === session) this.#sessions.delete(id);
      ended?.();
    };
    return { transport, begun: () => session !== undefined };
  }

  /** Marks a session as in use until the response ends. A session without an open request ends after `idleMs`, because its server process would stay. */
  #hold(session: Session, response: ServerResponse): void {
    clearTimeout(session.idle);
    session.open += 1;
    const release = (): void => {
      session.open -= 1;
      if (session.open > 0) return;
      session.idle = setTimeout(() => void session.transport.close(), this.#listen.idleMs ?? 1_800_000);
      session.idle.unref();
    };
    // a client that left while the server was being connected does not emit 'close' again
    if (response.destroyed) release();
    else response.once('close', release);
  }

  #check({ url = '/', headers }: IncomingMessage): void {
    const { path = '/mcp', host = '127.0.0.1', token } = this.#listen;
    if (new URL(url, 'http://localhost').pathname !== path) throw new Refused(404, `There is nothing here; the gateway is at ${path}.`);
    // DNS rebinding: a page in a browser on this machine may resolve its own host name to this machine
    if (isLoopbackHost(host)) {
      for (const said of [`http://${headers.host ?? ''}`, headers.origin])
        if (said !== undefined && !isLocal(said)) throw new Refused(403, 'Only requests for a loopback host are answered.');
    }
    if (token !== undefined && !sameText(headers.authorization ?? '', `Bearer ${token}`))
      throw new Refused(401, 'A valid token is needed, as Authorization: Bearer.');
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
    if (size > MAX_BODY) throw new Refused(413, 'The request is larger than 4 MiB.');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    throw new Refused(400, 'The request body is not valid JSON.');
  }
}
