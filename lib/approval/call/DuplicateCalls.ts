import type { PendingCall } from './PendingCall.js';

/** What two calls must share to be one: the guard and object, the agent, and the same arguments and session by digest. */
export interface CallIdentity {
  readonly guard: object;
  readonly target: unknown;
  readonly agentId: string;
  readonly originalDigest: string;
  readonly sessionDigest: string;
  readonly prototypes?: ReadonlyMap<string, object> | undefined;
}

const NONE: ReadonlyMap<string, object> = new Map();

/** Finds the call that is pending already for an equal one, so that one wish asks a person once. */
export class DuplicateCalls {
  readonly #byDigest = new Map<string, PendingCall | Set<PendingCall>>();
  readonly #openByGuard = new Map<object, number>();

  /** Whether anything is pending for a guard: only then is a call worth hashing. */
  hasAny(guard: object): boolean {
    return this.#openByGuard.has(guard);
  }

  /** How many calls are pending for each guard. */
  get openByGuard(): ReadonlyMap<object, number> {
    return this.#openByGuard;
  }

  add(entry: PendingCall): void {
    const { guard } = entry.call;
    if (guard === undefined) return;
    const key = entry.task.originalDigest;
    const there = this.#byDigest.get(key);
    if (there === undefined) this.#byDigest.set(key, entry);
    else if (there instanceof Set) there.add(entry);
    else this.#byDigest.set(key, new Set([there, entry]));
    this.#openByGuard.set(guard, (this.#openByGuard.get(guard) ?? 0) + 1);
  }

  remove(entry: PendingCall): void {
    const { guard } = entry.call;
    if (guard === undefined) return;
    const key = entry.task.originalDigest;
    const there = this.#byDigest.get(key);
    if (there instanceof Set ? !there.delete(entry) : there !== entry) return;
    if (there === entry || (there as Set<PendingCall>).size === 0) this.#byDigest.delete(key);
    const open = (this.#openByGuard.get(guard) as number) - 1;
    if (open > 0) this.#openByGuard.set(guard, open);
    else this.#openByGuard.delete(guard);
  }

  find(identity: CallIdentity): PendingCall | undefined {
    const there = this.#byDigest.get(identity.originalDigest);
    if (there === undefined) return undefined;
    if (!(there instanceof Set)) return isSame(there, identity) ? there : undefined;
    for (const entry of there) if (isSame(entry, identity)) return entry;
    return undefined;
  }
}

function isSame({ call, task }: PendingCall, { guard, target, agentId, sessionDigest, prototypes }: CallIdentity): boolean {
  const open = task.status === 'pending' || task.status === 'approved';
  const same = call.guard === guard && call.target === target && task.agentId === agentId && task.sessionDigest === sessionDigest;
  return open && same && areSame(call.prototypes, prototypes);
}

/** Instances with the same data are one only if they are of one class. */
function areSame(a: ReadonlyMap<string, object> = NONE, b: ReadonlyMap<string, object> = NONE): boolean {
  return a.size === b.size && [...a].every(([name, prototype]) => b.get(name) === prototype);
}
