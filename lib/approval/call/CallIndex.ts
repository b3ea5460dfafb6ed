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

/** The calls that have not ended, by task, by decision, and by what makes a second call their duplicate. */
export class CallIndex {
  readonly #byTask = new Map<string, PendingCall>();
  #byDecision: Map<string, PendingCall> | undefined;
  readonly #byDigest = new Map<string, PendingCall | Set<PendingCall>>();
  readonly #openByGuard = new Map<object, number>();

  /** @param byDecision whether {@link ofDecision} will be asked: statuses that a service pushes name the decision only. Without it, the index by decision is made when it is first asked for. */
  constructor(byDecision = true) {
    this.#byDecision = byDecision ? new Map() : undefined;
  }

  get size(): number {
    return this.#byTask.size;
  }

  add(entry: PendingCall): void {
    const { task } = entry;
    this.#byTask.set(task.taskId, entry);
    this.#byDecision?.set(task.decisionId, entry);
    const { guard } = entry.call;
    if (guard === undefined) return;
    const same = this.#byDigest.get(task.originalDigest);
    if (same === undefined) this.#byDigest.set(task.originalDigest, entry);
    else if (same instanceof Set) same.add(entry);
    else this.#byDigest.set(task.originalDigest, new Set([same, entry]));
    this.#openByGuard.set(guard, (this.#openByGuard.get(guard) ?? 0) + 1);
  }

  remove(entry: PendingCall): void {
    const { task } = entry;
    this.#byTask.delete(task.taskId);
    this.#byDecision?.delete(task.decisionId);
    const { guard } = entry.call;
    if (guard === undefined) return;
    const same = this.#byDigest.get(task.originalDigest);
    if (same instanceof Set ? !same.delete(entry) : same !== entry) return;
    if (same === entry || (same as Set<PendingCall>).size === 0) this.#byDigest.delete(task.originalDigest);
    const open = (this.#openByGuard.get(guard) as number) - 1;
    if (open > 0) this.#openByGuard.set(guard, open);
    else this.#openByGuard.delete(guard);
  }

  /** Takes over a change of the task, which waits for another decision after a fresh one. */
  update(entry: PendingCall, task: Task): void {
    if (task.decisionId !== entry.task.decisionId && this.#byDecision !== undefined) {
      this.#byDecision.delete(entry.task.decisionId);
      this.#byDecision.set(task.decisionId, entry);
    }
    entry.task = task;
  }

  ofTask(taskId: string): PendingCall | undefined {
    return this.#byTask.get(taskId);
  }

  ofDecision(decisionId: string): PendingCall | undefined {
    // a service may begin to push later
    this.#byDecision ??= new Map(this.all().map((entry) => [entry.task.decisionId, entry]));
    return this.#byDecision.get(decisionId);
  }

  /** Oldest first. */
  all(): readonly PendingCall[] {
    return [...this.#byTask.values()];
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
    if (!(same instanceof Set)) return isDuplicate(same, key) ? same : undefined;
    for (const entry of same) if (isDuplicate(entry, key)) return entry;
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
