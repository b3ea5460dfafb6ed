import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order, Report, Started } from './served.js';

/** A server in a process of its own. */
export class Server {
  readonly #process: ChildProcess;
  readonly port: number;
  readonly keys: readonly string[];

  private constructor(child: ChildProcess, { port, keys }: Started) {
    this.#process = child;
    this.port = port;
    this.keys = keys;
  }

  static async start(...args: readonly (string | number)[]): Promise<Server> {
    const child = fork(fileURLToPath(new URL('./served.js', import.meta.url)), args.map(String), { execArgv: [] });
    const [started] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [Started | number];
    if (typeof started !== 'object') throw new Error(`the server ended with ${started}`);
    return new Server(child, started);
  }

  async order(what: Order['what'], decisionId?: string): Promise<Report> {
    this.#process.send({ what, ...(decisionId !== undefined && { decisionId }) } satisfies Order);
    const [told] = (await once(this.#process, 'message')) as [Report];
    return told;
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.send({ what: 'stop' } satisfies Order);
    await gone;
  }
}
