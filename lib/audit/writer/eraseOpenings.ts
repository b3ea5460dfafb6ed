import { got } from '../../common/readOptions.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { isSamePerson } from '../../model/personId.js';
import type { ErasedRecord, NewRecord } from '../record/AuditRecord.js';
import type { AuditSink, Opening } from '../sink/AuditSink.js';

/** Whose openings are erased: of one user, of one decision, or all that are older. Exactly one of the three. */
export interface Erasure {
  /** The user for whom the calls were made: `session.user_id`, else the agent. */
  readonly user?: string | undefined;
  /** The id of a decision; its approval has the same one. */
  readonly decision?: string | undefined;
  /** What was recorded before this time. */
  readonly before?: Date | undefined;
  /** Who erases, for the record that is left. */
  readonly by: string;
}

const SELECTORS = ['user', 'decision', 'before'] as const;
const MAX_BY = 256;

/**
 * What an erasure selects.
 *
 * @throws ConfigError where it is not exactly one thing
 */
export function selectedOpenings(given: Erasure): {
  readonly selector: ErasedRecord['selector'];
  readonly by: string;
  readonly which: (opening: Opening) => boolean;
} {
  const erasure = checkedOptions('erase()', given, { user: 'text', decision: 'text', before: 'object', by: 'text!' });
  const { user, decision, before, by } = erasure;
  const [selector, ...more] = SELECTORS.filter((name) => erasure[name] !== undefined);
  if (selector === undefined || more.length > 0)
    throw new ConfigError([{ where: 'erase()', message: 'must be given exactly one of `user`, `decision` and `before`.' }]);
  if (by.length > MAX_BY)
    throw new ConfigError([{ where: 'erase(): by', message: `must have at most ${MAX_BY} characters (got ${got(by)}).` }]);
  if (before !== undefined && !(before instanceof Date && Number.isFinite(before.getTime())))
    throw new ConfigError([{ where: 'erase(): before', message: 'must be a Date that is a time.' }]);
  const beforeMs = before?.getTime() ?? 0;
  const which = (opening: Opening): boolean =>
    user !== undefined
      ? opening.requester !== undefined && isSamePerson(opening.requester, user)
      : decision !== undefined
        ? opening.decisionId === decision
        : opening.at < beforeMs;
  return { selector, by, which };
}

/**
 * Deletes openings, and then writes that it was done: a record that says so is never about openings that are still there. Where nothing was found, nothing is
 * written.
 *
 * @returns how many were deleted
 */
export async function eraseOpenings(sink: AuditSink, write: (record: NewRecord) => Promise<void>, given: Erasure): Promise<number> {
  const { selector, by, which } = selectedOpenings(given);
  const count = await sink.erase(which);
  if (count > 0) await write({ kind: 'erased', by, selector, count });
  return count;
}
