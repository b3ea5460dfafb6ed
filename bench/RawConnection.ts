import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/** A keep-alive connection that costs its process little: requests are bytes made before, answers are looked at no further than to their end. */
export class RawConnection {
  readonly #socket: Socket;
  #got = '';
  #done: ((answer: RawAnswer) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', (error) => this.#fail?.(error));
    socket.on('close', () => this.#fail?.(new Error('the server closed the connection')));
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Sends a request, after the answer to the one before. */
  send(request: Buffer): Promise<RawAnswer> {
    this.#socket.write(request);
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
    });
  }

  close(): void {
    this.#fail = undefined;
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#got += text;
    const end = this.#got.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#got.slice(0, end))?.[1] ?? 0);
    if (this.#got.length < end + 4 + length) return;
    const answer = { status: Number(this.#got.slice(9, 12)), body: this.#got.slice(end + 4) };
    this.#got = '';
    this.#done?.(answer);
  }
}

/** The bytes of a request. */
export function rawRequest(path: string, key: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Buffer {
  const text = body === undefined ? '' : JSON.stringify(body);
  const lines = [
    `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `X-API-KEY: ${key}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}`);
}
