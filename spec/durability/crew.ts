import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StateStore } from '../../lib/store/StateStore.js';
import type { Task } from '../../lib/model/Task.js';
import { slower } from '../support/pace.js';
import { History } from './history.js';
import type { Order, Setting, StoreAt } from './setting.js';
import type { AgentOrder } from './server/servedSetting.js';
import { stateStore } from './setting.js';

/** How long it may take on a quiet machine until nothing is left to do, or all have left. What was not done by then is a finding. */
export const DRAINED_MS = 60_000;

/** A process of a scenario. */
export interface Member {
  readonly who: string;
  readonly child: ChildProcess;
  /** Resolves when it is ready, or gone before it was. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone, and that is on file. */
  readonly gone: Promise<void>;
  tell(order: Order | AgentOrder): void;
}

/** Hires the processes of one scenario, keeps the history they share, and writes down how each of them ended. */
export class Crew {
  readonly folder: string;
  readonly store: StoreAt;
  readonly history: History;
  readonly members = new Set<Member>();
  /** A claim is believed this long, in milliseconds. Longer on a busy machine, where processes that live are later to say so. */
  readonly leaseMs: number = Math.round(1_000 * Math.min(2, slower()));
  /** What they said on standard error. */
  said = '';
  #hired = 0;

  /** @param where the store; by default a new file of SQLite */
  constructor(where?: StoreAt) {
    this.folder = mkdtempSync(join(tmpdir(), 'aegis-crew-'));
    this.store = where ?? { kind: 'sqlite', at: join(this.folder, 'state.db') };
    this.history = new History(join(this.folder, 'history'), 'crew');
  }

  hire(
    role: 'worker' | 'approver' | 'bystander' | 'server/server' | 'server/agent',
    setting: Partial<Setting> & Readonly<Record<string, unknown>> = {},
    nodeArgs: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Member {
    this.#hired += 1;
    const who = `${basename(role)}-${this.#hired}`;
    const given: Setting = { who, store: this.store, history: this.history.path, seed: 1, leaseMs: this.leaseMs, sweepMs: 100, ...setting };
    const child = fork(new URL(`./${role}.js`, import.meta.url), [JSON.stringify(given)], {
      execArgv: [...nodeArgs, '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // half of a start is compiling, and hundreds are started
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'aegis-crew-cache'), ...env },
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.said += text));
    const gone = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        this.members.delete(member);
        if (code !== 0) this.history.noteOf(who, signal === 'SIGKILL' ? 'killed' : 'crashed');
        resolve();
      });
    });
    const ready = Promise.race([new Promise<void>((resolve) => child.once('message', () => resolve())), gone]);
    const tell = (order: Order | AgentOrder): void => void (child.connected && child.send(order, () => {}));
    const member: Member = { who, child, ready, gone, tell };
    this.members.add(member);
    return member;
  }

  kill({ child, gone }: Member): Promise<void> {
    child.kill('SIGKILL');
    return gone;
  }

  /** Stops it for so long. Killed meanwhile, it is dead; the system lets signals to it wait no longer. */
  async pause({ who, child, gone }: Member, ms: number): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    this.history.noteOf(who, 'stopped');
    child.kill('SIGSTOP');
    await Promise.race([sleep(ms), gone]);
    child.kill('SIGCONT');
  }

  /** All leave as they should. */
  async leave(): Promise<void> {
    const all = [...this.members];
    for (const member of all) member.tell({ do: 'leave' });
    const late = sleep(DRAINED_MS * slower(), undefined, { ref: false }).then(() => all.forEach(({ child }) => child.kill('SIGKILL')));
    await Promise.race([Promise.all(all.map(({ gone }) => gone)), late]);
    await Promise.all(all.map(({ gone }) => gone));
  }

  /** Looks at the state with a handle of its own. */
  async look<T>(at: (store: StateStore) => Promise<T>): Promise<T> {
    const store = await stateStore(this.store);
    await store.open();
    try {
      return await at(store);
    } finally {
      await store.close();
    }
  }

  tasks(): Promise<readonly Task[]> {
    return this.look(async (store) => store.tasks.list({ limit: 1_000_000 }));
  }

  /**
   * Waits until nothing is pending, approved or executing. Resolves to whether that came in time.
   *
   * @param atMostMs on a quiet machine
   */
  drained(atMostMs: number, least = 0): Promise<boolean> {
    return this.look(async ({ tasks }) => {
      for (const end = performance.now() + atMostMs * slower(); performance.now() < end; await sleep(40)) {
        const counts = await tasks.counts();
        const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
        if (all >= least && counts.pending + counts.approved + counts.executing === 0) return true;
      }
      return false;
    });
  }

  /** Nothing is left of it. */
  async disband(): Promise<void> {
    for (const member of this.members) void this.kill(member);
    await Promise.all([...this.members].map(({ gone }) => gone));
    this.history.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
