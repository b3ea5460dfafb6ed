import type { Policy } from '../Policy.js';

/** A forbid that a reload would take away. */
export interface RemovedForbid {
  readonly id: string;
  /** Where it stood. */
  readonly file: string;
  /** `removed`: its `@id` is gone. `weakened`: it would no longer deny. */
  readonly how: 'removed' | 'weakened';
}

/** The forbids of `before` that `after` no longer has, or has as something milder. Moving one to another file drops nothing. */
export function removedForbids(before: readonly Policy[], after: readonly Policy[]): RemovedForbid[] {
  const kept = new Map(after.map((policy) => [policy.id, policy.effect]));
  const dropped: RemovedForbid[] = [];
  for (const { id, effect, file } of before) {
    if (effect === 'permit') continue;
    const now = kept.get(id);
    if (now === undefined || now === 'permit') dropped.push({ id, file, how: 'removed' });
    else if (effect === 'deny' && now !== 'deny') dropped.push({ id, file, how: 'weakened' });
  }
  return dropped;
}
