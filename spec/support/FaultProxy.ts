import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** The two questions a Data Plane is asked. */
export type QuestionKind = 'decision' | 'status';

export type Bytes = string | Uint8Array;

/** One HTTP message. Both ends behind the proxy give a Content-Length, so it understands nothing else. */
export interface Message {
  /** First line and headers, without the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

/** The bytes of a message. */
export function bytesOf({ head, body }: Message): Buffer {
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), body]);
}

/** The value of a header; '' where there is none. */
export function headerOf({ head }: Pick<Message, 'head'>, name: string): string {
  return new RegExp(`\r\n${name}: *([^\r]*)`, 'i').exec(head)?.[1] ?? '';
}

/** What a fault does to a question, and to the answer. */
export type Strike = (exchange: Exchange) => void | Promise<void>;

/** One question on its way through the proxy, and what a fault can do to it. */
export class Exchange {
  readonly client: Socket;
  readonly question: Message;
  readonly kind: QuestionKind;
  /** How many questions were struck before. */
  readonly nth: number;
  readonly #proxy: FaultProxy;

  constructor(proxy: FaultProxy, client: Socket, question: Message) {
    this.client = client;
    this.question = question;
    this.kind = question.head.startsWith('POST') ? 'decision' : 'status';
    this.nth = proxy.struck.length;
    this.#proxy = proxy;
  }

  /** A server that allows everything, and that nobody may be led to. */
  get elsewhere(): string {
    return this.#proxy.elsewhere;
  }

  /** The last answer to a question of this kind that was passed on. */
  get earlier(): Message {
    const answer = this.#proxy.passed.get(this.kind);
    if (answer === undefined) throw new Error('no answer was passed on before');
    return answer;
  }

  /** Puts the question to the upstream, which thereby has answered it, whatever the client hears. */
  ask(): Promise<Message> {
    return this.#proxy.forward(this.question);
  }

  /** {@link ask}, for the body as text. */
  async said(): Promise<string> {
    return (await this.ask()).body.toString();
  }

  send(bytes: Bytes): void {
    this.client.write(bytes);
  }

  async pass(): Promise<void> {
    const answer = await this.ask();
    this.#proxy.passed.set(this.kind, answer);
    this.send(bytesOf(answer));
  }

  reset(): void {
    this.client.resetAndDestroy();
  }

  /** Resets the connection once these bytes are out. */
  breakOff(bytes: Bytes): void {
    this.client.write(bytes, () => this.reset());
  }

  trickle(bytes: Buffer, everyMs: number): void {
    let at = 0;
    const timer = setInterval(() => this.client.write(bytes.subarray(at, (at += 1))), everyMs).unref();
    this.client.once('close', () => clearInterval(timer));
  }
}

/**
 * A TCP proxy on 127.0.0.1 before a real HTTP server. It passes everything, until it is told to strike one kind of question. None of its own
 * sockets and servers holds the process, so that what does is the client's.
 */
export class FaultProxy {
  readonly elsewhere: string;
  /** The questions struck so far. */
  readonly struck: Message[] = [];
  /** The last answers that were passed on. */
  readonly passed: Map<QuestionKind, Message> = new Map();
  /** What went wrong in the proxy itself: has to stay empty. */
  readonly troubles: unknown[] = [];
  readonly #upstreamPort: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #strike: { readonly kind: QuestionKind; readonly how: Strike } | undefined;
  #closed = false;

  private constructor(upstream: string, elsewhere: string) {
    this.elsewhere = elsewhere;
    this.#upstreamPort = Number(new URL(upstream).port);
    this.#server = createServer((client) => this.#accept(client)).unref();
  }

  static async start(upstream: string, elsewhere: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstream, elsewhere);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on this kind of question meets the fault. */
  strike(kind: QuestionKind, how: Strike): void {
    this.#strike = { kind, how };
  }

  /** From now on nobody listens, and nobody is connected. */
  async refuse(): Promise<void> {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async close(): Promise<void> {
    if (!this.#closed) await this.refuse();
  }

  /** One connection for each question: it is gone when the answer has come. */
  async forward(question: Message): Promise<Message> {
    const upstream = this.#keep(connect(this.#upstreamPort, '127.0.0.1'));
    upstream.write(bytesOf(question));
    try {
      return await new Promise<Message>((resolve, reject) => {
        readMessages(upstream, resolve);
        upstream.once('close', () => reject(new Error('the upstream closed without an answer')));
      });
    } finally {
      upstream.destroy();
    }
  }

  #accept(client: Socket): void {
    readMessages(this.#keep(client), (question) => {
      this.#handle(new Exchange(this, client, question)).catch((error: unknown) => {
        client.destroy();
        if (!this.#closed) this.troubles.push(error);
      });
    });
  }

  async #handle(exchange: Exchange): Promise<void> {
    if (this.#strike?.kind !== exchange.kind) return exchange.pass();
    this.struck.push(exchange.question);
    await this.#strike.how(exchange);
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket.unref());
    // a reset is what many faults are about
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/** Cuts what a socket brings into messages. */
function readMessages(socket: Socket, onMessage: (message: Message) => void): void {
  let unread = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    for (;;) {
      const headEnds = unread.indexOf('\r\n\r\n');
      if (headEnds < 0) return;
      const head = unread.toString('latin1', 0, headEnds);
      const bodyEnds = headEnds + 4 + Number(headerOf({ head }, 'content-length'));
      if (unread.length < bodyEnds) return;
      const body = Buffer.from(unread.subarray(headEnds + 4, bodyEnds));
      unread = unread.subarray(bodyEnds);
      onMessage({ head, body });
    }
  });
}
