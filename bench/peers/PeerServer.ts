import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolve } from './Peer.js';

/** A policy engine that is a server: its program comes in a package of bench/peers, for 64-bit Linux only. */
export interface PeerServer {
  /** With its version. */
  readonly name: string;
  /** The package, and the program in it. */
  readonly package: string;
  readonly program: string;
  /** Writes as many policies as ours has into a folder; gives back how to start on them. */
  prepare(folder: string, policies: number, ports: readonly [number, number]): readonly string[];
  /** Answers 200 once it decides. */
  readonly health: string;
  /** A decision on a call of the tool `pay`. */
  readonly path: string;
  body(amount: number): object;
  /** Whether an answer is a yes. */
  allows(body: string): boolean;
}

/** Policies may take a minute to load. */
const START_MS = 120_000;

/** Such a server, running on loopback. */
export class RunningPeer {
  readonly server: PeerServer;
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(server: PeerServer, port: number, child: ChildProcess, folder: string) {
    this.server = server;
    this.port = port;
    this.#process = child;
    this.#folder = folder;
  }

  /** Whether its package is installed, and made for this machine. */
  static isThere(server: PeerServer): boolean {
    try {
      return process.platform === 'linux' && programOf(server) !== '';
    } catch {
      return false;
    }
  }

  static async start(server: PeerServer, policies: number): Promise<RunningPeer> {
    const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
    const ports = [await freePort(), await freePort()] as const;
    const args = server.prepare(folder, policies, ports);
    const program = programOf(server);
    chmodSync(program, 0o755);
    const child = spawn(program, args, { cwd: folder, stdio: 'ignore' });
    process.once('exit', () => child.kill('SIGKILL'));
    const running = new RunningPeer(server, ports[0], child, folder);
    for (const until = performance.now() + START_MS; !(await running.#isHealthy()); await sleep(200))
      if (child.exitCode !== null || performance.now() > until) throw new Error(`${server.name} did not start`);
    return running;
  }

  get name(): string {
    return this.server.name;
  }

  /** What it took of the processors since its start, in microseconds. */
  cpuUs(): number {
    const stat = readFileSync(`/proc/${this.#process.pid}/stat`, 'latin1');
    // after the name in brackets, which may hold spaces: the 12th and the 13th are ticks of a hundredth of a second
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  }

  rssMb(): number {
    return (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#process.pid}/status`, 'latin1'))?.[1]) * 1_024) / 1e6;
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #isHealthy(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.port}${this.server.health}`)).ok;
    } catch {
      return false;
    }
  }
}

function programOf(server: PeerServer): string {
  return join(resolve(`${server.package}/package.json`), '..', server.program);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
