import type { Task } from '../../model/Task.js';
import type { PendingCall } from './PendingCall.js';

/** What two calls must share to be one: the guard and object, the agent, and the same arguments and session by digest. */
export interface DuplicateKey {
  readonly guard: object;
  readonly target: unknown;
  readonly agentId: string;
  readonly originalDigest: string;
  readonly sessionDigest: string;
  readonly prototypes?: ReadonlyMap<string, object> | undefined;
}

const NO_PROTOTYPES: ReadonlyMap<string, object> = new Map();

/** What finds the call of a task: neither of them ever changes. */
export type TaskKey = Pick<Task, 'taskId' | 'originalDigest'>;

/** The calls that have not ended. One index finds a call by its task and finds its duplicates, because 100,000 calls may wait at once. */
export class CallIndex {
  /** By the digest of the original params; where several calls share it, then by task. */
  readonly #byDigest = new Map<string, PendingCall | Map<string, PendingCall>>();
  #byDecision: Map<string, PendingCall> | undefined;
  readonly #openByGuard = new Map<object, number>();
  #size = 0;

  /** @param byDecision whether {@link ofDecision} will be asked: statuses that a service pushes name the decision only. Without it, the index by decision is made when it is first asked for. */
  constructor(byDecision = true) {
    this.#byDecision = byDecision ? new Map() : undefined;
  }

  get size(): number {
    return this.#size;
  }

  add(entry: PendingCall): void {
    const { task } = entry;
    const { guard } = entry.call;
    const same = this.#byDigest.get(task.originalDigest);
    this.#byDecision?.set(task.decisionId, entry);
    if (same === undefined) this.#byDigest.set(task.originalDigest, entry);
    else if (same instanceof Map) same.set(task.taskId, entry);
    else this.#byDigest.set(task.originalDigest, new Map([same, entry].map((one) => [one.task.taskId, one])));
    this.#size += 1;
    if (guard !== undefined) this.#openByGuard.set(guard, (this.#openByGuard.get(guard) ?? 0) + 1);
  }

  remove(entry: PendingCall): void {
    const { task } = entry;
    const { guard } = entry.call;
    if (this.ofTask(task) !== entry) return;
    const same = this.#byDigest.get(task.originalDigest);
    if (same instanceof Map) same.delete(task.taskId);
    if (same === entry || (same as Map<string, PendingCall>).size === 0) this.#byDigest.delete(task.originalDigest);
    this.#byDecision?.delete(task.decisionId);
    this.#size -= 1;
    if (guard === undefined) return;
    const open = (this.#openByGuard.get(guard) as number) - 1;
    if (open > 0) this.#openByGuard.set(guard, open);
    else this.#openByGuard.delete(guard);
  }

  /** Takes over a change of the task, which waits for another decision after a fresh one. */
  update(entry: PendingCall, task: Task): void {
    // only in a store that was tampered with
    const moved = task.originalDigest !== entry.task.originalDigest;
    if (moved) this.remove(entry);
    else if (task.decisionId !== entry.task.decisionId && this.#byDecision !== undefined) {
      this.#byDecision.delete(entry.task.decisionId);
      this.#byDecision.set(task.decisionId, entry);
    }
    entry.task = task;
    if (moved) this.add(entry);
  }

  ofTask({ taskId, originalDigest }: TaskKey): PendingCall | undefined {
    const same = this.#byDigest.get(originalDigest);
    if (same instanceof Map) return same.get(taskId);
    return same?.task.taskId === taskId ? same : undefined;
  }

  ofDecision(decisionId: string): PendingCall | undefined {
    // a service may begin to push later
    this.#byDecision ??= new Map(this.all().map((entry) => [entry.task.decisionId, entry]));
    return this.#byDecision.get(decisionId);
  }

  /** Oldest first. */
  all(): readonly PendingCall[] {
    const all: PendingCall[] = [];
    for (const same of this.#byDigest.values()) {
      if (same instanceof Map) for (const entry of same.values()) all.push(entry);
      else all.push(same);
    }
    return all.sort((a, b) => a.task.createdAtMs - b.task.createdAtMs);
  }

  /** How many calls of each guard are open. */
  get openByGuard(): ReadonlyMap<object, number> {
    return this.#openByGuard;
  }

  /** Whether a call of a guard is open: only then is another one worth hashing. */
  hasOpen(guard: object): boolean {
    return this.#openByGuard.has(guard);
  }

  /** The open call that a call with this key duplicates. */
  duplicateOf(key: DuplicateKey): PendingCall | undefined {
    const same = this.#byDigest.get(key.originalDigest);
    if (same === undefined) return undefined;
    if (!(same instanceof Map)) return isDuplicate(same, key) ? same : undefined;
    for (const entry of same.values()) if (isDuplicate(entry, key)) return entry;
    return undefined;
  }
}

function isDuplicate({ call, task }: PendingCall, { guard, target, agentId, sessionDigest, prototypes }: DuplicateKey): boolean {
  const open = task.status === 'pending' || task.status === 'approved';
  const same = call.guard === guard && call.target === target && task.agentId === agentId && task.sessionDigest === sessionDigest;
  return open && same && areSame(call.prototypes, prototypes);
}

/** Instances with the same data are the same only if they are of one class. */
function areSame(a: ReadonlyMap<string, object> = NO_PROTOTYPES, b: ReadonlyMap<string, object> = NO_PROTOTYPES): boolean {
  return a.size === b.size && [...a].every(([name, prototype]) => b.get(name) === prototype);
}
