import type { Policy } from '../Policy.js';

/** A forbid that a reload would remove. */
export interface RemovedForbid {
  /** The policy's `@id`. */
  readonly id: string;
  /** The file it was in. */
  readonly file: string;
  /** `removed`: its `@id` is gone. `weakened`: it would no longer deny. */
  readonly how: 'removed' | 'weakened';
}

/** The forbids of `before` that `after` no longer has, or has in a milder form. Moving one to another file removes nothing. */
export function removedForbids(before: readonly Policy[], after: readonly Policy[]): RemovedForbid[] {
  const kept = new Map(after.map((policy) => [policy.id, policy.effect]));
  const removed: RemovedForbid[] = [];
  for (const { id, effect, file } of before) {
    if (effect === 'permit') continue;
    const now = kept.get(id);
    if (now === undefined || now === 'permit') removed.push({ id, file, how: 'removed' });
    else if (effect === 'deny' && now !== 'deny') removed.push({ id, file, how: 'weakened' });
  }
  return removed;
}
