import { got } from '../../common/readOptions.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { isSamePerson } from '../../model/personId.js';
import type { ErasedRecord, NewRecord } from '../record/AuditRecord.js';
import { IdSet } from '../verify/log/IdSet.js';
import { readRecord } from '../verify/line/readRecord.js';
import type { AuditSink, AuditSource, Opening } from '../sink/AuditSink.js';

/** Whose openings are erased: of one user, of one decision, or all that are older. Exactly one of the three. */
export interface Erasure {
  /** The user for whom the calls were made: `session.user_id`, else the agent. */
  readonly user?: string | undefined;
  /** The id of a decision; its approval has the same one. What was decided of the same call when it was asked of anew is erased too. */
  readonly decision?: string | undefined;
  /** Calls of which something was recorded before this time. */
  readonly before?: Date | undefined;
  /** Who erases, for the record that is left. */
  readonly by: string;
}

const SELECTORS = ['user', 'decision', 'before'] as const;
const MAX_BY = 256;

/** What an erasure selects. */
export interface SelectedOpenings {
  readonly selector: ErasedRecord['selector'];
  readonly by: string;
  readonly which: (opening: Opening) => boolean;
}

/**
 * What an erasure selects: all openings of the calls of which one opening is meant. They have one salt, and with it the values behind all commitments of the call
 * could be guessed.
 *
 * @throws ConfigError where it is not exactly one thing
 */
export async function selectedOpenings(source: AuditSource, given: Erasure): Promise<SelectedOpenings> {
  const { selector, by, decision, isMeant } = checkedErasure(given);
  const decisions = new IdSet();
  if (decision !== undefined) for (const id of await decisionsOnCall(source, decision)) decisions.add(id);
  else
    for (const writer of await source.writers())
      for await (const opening of source.openings(writer)) if (isMeant(opening)) decisions.add(opening.decisionId);
  return { selector, by, which: (opening) => decisions.has(opening.decisionId) };
}

interface CheckedErasure extends Pick<SelectedOpenings, 'selector' | 'by'> {
  readonly decision: string | undefined;
  readonly isMeant: (opening: Opening) => boolean;
}

function checkedErasure(given: Erasure): CheckedErasure {
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
  const isMeant = (opening: Opening): boolean =>
    user === undefined ? opening.at < beforeMs : opening.requester !== undefined && isSamePerson(opening.requester, user);
  return { selector, by, decision, isMeant };
}

/** The decisions on one call: where a person is asked anew, that is another decision, on the same values. */
async function decisionsOnCall(source: AuditSource, decision: string): Promise<ReadonlySet<string>> {
  const linked = new Map<string, Set<string>>();
  const link = (from: string, to: string): void => void (linked.get(from)?.add(to) ?? linked.set(from, new Set([to])));
  for (const writer of await source.writers())
    for await (const lines of source.lines(writer))
      for (const line of 'torn' in lines ? [] : lines) {
        // most lines are not looked into
        const record = line.includes('"approvalId":"') ? readRecord(line) : '';
        if (typeof record === 'string' || record.kind !== 'decided' || record.approvalId === undefined) continue;
        link(record.approvalId, record.decisionId);
        link(record.decisionId, record.approvalId);
      }
  const found = new Set([decision]);
  for (const id of found) for (const other of linked.get(id) ?? []) found.add(other);
  return found;
}

/**
 * Deletes openings, and then writes that it was done: a record that says so is never about openings that are still there. Where nothing was found, nothing is
 * written.
 *
 * @returns how many were deleted
 */
export async function eraseOpenings(sink: AuditSink, write: (record: NewRecord) => Promise<unknown>, given: Erasure): Promise<number> {
  const { selector, by, which } = await selectedOpenings(sink.source, given);
  const count = await sink.erase(which);
  if (count > 0) await write({ kind: 'erased', by, selector, count });
  return count;
}
