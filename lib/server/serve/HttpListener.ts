import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Server as NetServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { RequestError } from '../front/RequestError.js';
import { REQUEST_LIMITS } from '../front/requestLimits.js';
import { rawErrorAnswer } from '../dispatch/answerOfError.js';
import type { NodeHandler } from './nodeFront.js';

/** Where a server listens. */
export interface ListenOptions {
  /**
   * The address.
   *
   * @defaultValue 127.0.0.1
   */
  readonly host?: string | undefined;
  /**
   * The port; 0 is any that is free.
   *
   * @defaultValue 4180
   */
  readonly port?: number | undefined;
  /** For https: certificate and key in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** How a server stops. */
export interface StopTimes {
  /** For how long an idle connection stays open, in milliseconds: longer than the pools of clients keep it, so that none is cut in mid-request. */
  readonly idleMs: number;
  /** For how long requests in flight are waited for, in milliseconds. */
  readonly graceMs: number;
}

/** An HTTP server with the limits of a Data Plane, which stops without cutting a request. */
export class HttpListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #busy = 0;
  #idle: (() => void) | undefined;
  /** Where it listens. */
  readonly url: string;
  readonly host: string;
  readonly port: number;

  private constructor(server: Server, scheme: string, host: string) {
    this.#server = server;
    this.host = host;
    this.port = (server.address() as AddressInfo).port;
    this.url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    const onClose = (): void => {
      this.#busy -= 1;
      if (this.#busy === 0) this.#idle?.();
    };
    server.on('request', (_request, response) => {
      this.#busy += 1;
      response.on('close', onClose);
    });
  }

  /**
   * Opens a server.
   *
   * @throws ConfigError where the address cannot be listened at, or certificate and key cannot be used
   */
  static async open(handler: NodeHandler, given: ListenOptions): Promise<HttpListener> {
    const { host = '127.0.0.1', port = 4_180, tls } = checkedOptions('listen()', given, { host: 'text', port: 'count', tls: 'record' });
    if (port > 65_535) throw new ConfigError([{ where: 'listen(): port', message: 'must be a whole number from 0 to 65,535.' }]);
    const server = serverFor(tls);
    server.headersTimeout = REQUEST_LIMITS.headersMs;
    server.requestTimeout = REQUEST_LIMITS.requestMs;
    server.keepAliveTimeout = REQUEST_LIMITS.keepAliveMs;
    server.maxConnections = REQUEST_LIMITS.connections;
    server.on('request', handler);
    server.on('clientError', answerBroken);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
      server.listen(port, host, () => resolve());
    });
    return new HttpListener(server, tls === undefined ? 'http' : 'https', host);
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#sockets.size;
  }

  /**
   * Takes no new connections, and ends the others when they are idle. Answers must say `Connection: close` from before this is called.
   *
   * @returns whether every request in flight was answered in time
   */
  async stop({ idleMs, graceMs }: StopTimes): Promise<boolean> {
    const closed = new Promise((resolve) => this.#server.once('close', resolve));
    // Server.close() of node:http would also cut idle connections, on which a request may be on its way
    NetServer.prototype.close.call(this.#server);
    await pause(idleMs, () => this.#sockets.size === 0);
    this.#server.closeIdleConnections();
    if (this.#busy > 0) await this.#untilIdle(Math.max(0, graceMs - idleMs));
    const isDone = this.#busy === 0;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    // now it only ends a timer
    this.#server.close(() => {});
    await closed;
    return isDone;
  }

  async #untilIdle(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Waits that long, or until it is so; looks ten times a second. */
async function pause(ms: number, isSo: () => boolean): Promise<void> {
  const endAt = performance.now() + ms;
  while (!isSo() && performance.now() < endAt)
    await new Promise((resolve) => setTimeout(resolve, Math.min(100, endAt - performance.now())));
}

function serverFor(tls: ListenOptions['tls']): Server {
  const options = { maxHeaderSize: REQUEST_LIMITS.headerBytes, connectionsCheckingInterval: 1_000, noDelay: true };
  if (tls === undefined) return createServer(options);
  try {
    return createTlsServer({ ...options, ...tls });
  } catch (error) {
    throw new ConfigError(
      [
        {
          where: 'tls',
          message: 'certificate and key cannot be used: give both as PEM, the key without a passphrase and of this certificate.',
        },
      ],
      { cause: error },
    );
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use: stop the program that listens there, or choose another port',
  EACCES: 'may not be used by this user: choose a port of 1024 or above',
  EADDRNOTAVAIL: 'is not an address of this machine: choose one that it has, such as 127.0.0.1',
};

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): ConfigError {
  const why = REASONS[error.code ?? ''] ?? 'cannot be listened at: give an address of this machine and a free port';
  return new ConfigError([{ where: 'listen', message: `${host}:${port} ${why}.` }], { cause: error });
}

const BROKEN: Readonly<Record<string, readonly [number, string, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout', 'The request did not come to its end in time. Send it at once.'],
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', `The headers may have ${REQUEST_LIMITS.headerBytes} bytes in all. Send fewer.`],
};

/** What cannot be parsed, or comes too slowly, is answered where that is still possible. The connection ends with it. */
function answerBroken(
  error: NodeJS.ErrnoException,
  socket: Socket & { readonly _httpMessage?: { readonly headersSent: boolean } | null },
): void {
  // where an answer has begun, a second one would be read as a part of it
  if (!socket.writable || error.code === 'ECONNRESET' || socket._httpMessage?.headersSent === true) return void socket.destroy();
  const [status, code, message] = BROKEN[error.code ?? ''] ?? [400, 'invalid_request', 'The request is not valid HTTP/1.1.'];
  socket.end(rawErrorAnswer(new RequestError(status, code, message), randomUUID()), () => socket.destroy());
}
