import { Agent, request } from 'node:http';

/** What became of one request: its whole answer, or the code of what went wrong. */
export type Asked = { readonly status: number; readonly text: string } | { readonly code: string };

/** A client of a server that keeps its one connection for as long as it is let. It repeats nothing by itself. */
export class KeepAliveClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  readonly #apiKey: string;
  /** Requests that went over a connection on which another one had been answered. */
  reused = 0;

  constructor(url: string, apiKey: string) {
    this.#url = url;
    this.#apiKey = apiKey;
  }

  ask(method: string, path: string, body = ''): Promise<Asked> {
    return new Promise((resolve) => {
      const failed = (error: NodeJS.ErrnoException): void => resolve({ code: error.code ?? error.message });
      const headers = { 'x-api-key': this.#apiKey, ...(body !== '' && { 'content-type': 'application/json' }) };
      const asking = request(new URL(path, this.#url), { agent: this.#agent, method, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('error', failed);
        answer.on('end', () => resolve({ status: answer.statusCode as number, text }));
        if (asking.reusedSocket) this.reused += 1;
      });
      asking.on('error', failed);
      asking.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
