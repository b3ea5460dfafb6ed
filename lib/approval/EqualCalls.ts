import type { PendingCall } from './PendingCall.js';

/** What two calls must share to be one: the guard and object, the agent, and the same arguments and session by digest. */
export interface CallIdentity {
  readonly guard: object;
  readonly target: unknown;
  readonly agentId: string;
  readonly originalDigest: string;
  readonly sessionDigest: string;
}

/** Finds the call that is pending already for an equal one, so that one wish asks a person once. */
export class EqualCalls {
  readonly #byDigest = new Map<string, PendingCall | PendingCall[]>();
  readonly #openByGuard = new Map<object, number>();

  /** Whether anything is pending for a guard: only then is a call worth hashing. */
  hasAny(guard: object): boolean {
    return this.#openByGuard.has(guard);
  }

  add(entry: PendingCall): void {
    const { guard } = entry.call;
    if (guard === undefined) return;
    const key = entry.call.task.originalDigest;
    const there = this.#byDigest.get(key);
    if (there === undefined) this.#byDigest.set(key, entry);
    else if (Array.isArray(there)) there.push(entry);
    else this.#byDigest.set(key, [there, entry]);
    this.#openByGuard.set(guard, (this.#openByGuard.get(guard) ?? 0) + 1);
  }

  remove(entry: PendingCall): void {
    const { guard } = entry.call;
    if (guard === undefined) return;
    const key = entry.call.task.originalDigest;
    const there = this.#byDigest.get(key);
    if (Array.isArray(there)) {
      const rest = there.filter((e) => e !== entry);
      if (rest.length === there.length) return;
      this.#byDigest.set(key, rest.length === 1 ? (rest[0] as PendingCall) : rest);
    } else if (there === entry) this.#byDigest.delete(key);
    else return;
    const open = (this.#openByGuard.get(guard) ?? 0) - 1;
    if (open > 0) this.#openByGuard.set(guard, open);
    else this.#openByGuard.delete(guard);
  }

  find(identity: CallIdentity): PendingCall | undefined {
    const there = this.#byDigest.get(identity.originalDigest);
    if (there === undefined) return undefined;
    const candidates = Array.isArray(there) ? there : [there];
    return candidates.find(({ call, task }) => {
      const open = task.status === 'pending' || task.status === 'approved';
      const sameCall = call.guard === identity.guard && call.target === identity.target && task.agentId === identity.agentId;
      return open && sameCall && task.sessionDigest === identity.sessionDigest;
    });
  }
}
