import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a connection is cut: before the statement gets there, before its answer gets back, or so that the statement gets there after the cut. */
export type Cut = 'before' | 'after' | 'late';

export const CUTS: readonly Cut[] = ['before', 'after', 'late'];

/** A TCP proxy on 127.0.0.1 before a real PostgreSQL server. It passes everything, until it is told to cut the connection at a statement. */
export class PostgresProxy {
  /** How often it cut. */
  cuts = 0;
  readonly #upstreamPort: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #strike: { readonly text: string; readonly cut: Cut } | undefined;
  #hold: { readonly text: string; readonly held: () => void } | undefined;
  #closed = false;
  #stalled = false;

  private constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
    this.#server = createServer((client) => this.#accept(client)).unref();
  }

  static async start(upstreamPort: number): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(upstreamPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The same connection string, through the proxy. */
  through(url: string): string {
    return url.replace(`:${this.#upstreamPort}/`, `:${(this.#server.address() as AddressInfo).port}/`);
  }

  /** Cuts the connection at the next statement that contains the text, once. */
  strike(text: string, cut: Cut): void {
    this.#strike = { text, cut };
  }

  /**
   * Holds back what the server says on the connection of the next statement that contains the text, once. It gets there in one piece, when the server
   * has ended the connection.
   *
   * @returns when the server has answered the statement
   */
  holdUntilEnd(text: string): Promise<void> {
    return new Promise((held) => {
      this.#hold = { text, held };
    });
  }

  /** From now on nobody gets through, until {@link allow}. */
  refuse(): void {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  allow(): void {
    this.#closed = false;
  }

  /** From now on nothing is passed on, as by a server that hangs, and no connection ends; until {@link goOn}. */
  stall(): void {
    for (const socket of this.#sockets) socket.pause();
    this.#stalled = true;
  }

  goOn(): void {
    this.#stalled = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#closed) return void client.destroy();
    this.#keep(client);
    const upstream = this.#keep(connect(this.#upstreamPort, '127.0.0.1'));
    let mute = false;
    client.on('data', (chunk: Buffer) => {
      if (this.#hold !== undefined && chunk.includes(this.#hold.text)) {
        mute = true;
        sendTogether(upstream, client, this.#hold.held);
        this.#hold = undefined;
      }
      const { text, cut } = this.#strike ?? {};
      if (text === undefined || !chunk.includes(text)) return void upstream.write(chunk);
      this.#strike = undefined;
      this.cuts += 1;
      mute = true;
      void this.#cut(cut as Cut, chunk, client, upstream);
    });
    upstream.on('data', (chunk: Buffer) => (mute ? undefined : client.write(chunk)));
    client.on('close', () => (mute ? undefined : upstream.destroy()));
    upstream.on('close', () => (mute ? undefined : client.destroy()));
  }

  async #cut(cut: Cut, chunk: Buffer, client: Socket, upstream: Socket): Promise<void> {
    if (cut === 'after') {
      upstream.write(chunk);
      await new Promise((resolve) => upstream.once('data', resolve));
      await sleep(20);
    }
    client.resetAndDestroy();
    if (cut === 'late') {
      await sleep(100);
      upstream.write(chunk);
      await sleep(100);
    }
    upstream.destroy();
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket.unref());
    if (this.#stalled) socket.on('newListener', (event) => event === 'data' && setImmediate(() => this.#stalled && socket.pause()));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/** @param answered is called with the first that it says */
function sendTogether(from: Socket, to: Socket, answered: () => void): void {
  const said: Buffer[] = [];
  from.on('data', (chunk: Buffer) => {
    said.push(chunk);
    answered();
  });
  from.on('end', () => to.end(Buffer.concat(said)));
}
