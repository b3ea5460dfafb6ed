import type { LimitTerms } from '../../model/terms/LimitTerms.js';

/** The annotation of a limit that is looser. */
export type LoosenedLimit = 'limit' | 'cost' | 'over';

/** How a limit is looser than it was: more may run, it begins to count anew, or it counts something else. */
export function limitChanges(before: LimitTerms, after: LimitTerms): (readonly [how: LoosenedLimit, message: string])[] {
  const changes: (readonly [how: LoosenedLimit, message: string])[] = [];
  if (after.limit > before.limit) changes.push(['limit', '@limit lets more run']);
  if (before.windowMs !== after.windowMs || before.kind !== after.kind || before.by.join() !== after.by.join())
    changes.push(['limit', '@limit has another window, or counts other things apart: it begins to count anew']);
  if (before.cost !== after.cost) changes.push(['cost', '@cost changed: what ran before was counted otherwise']);
  if (before.over === 'deny' && after.over === 'approval_needed')
    changes.push(['over', '@over("approval_needed") was added: people may let more run']);
  return changes;
}
