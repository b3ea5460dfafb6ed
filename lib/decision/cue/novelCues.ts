import { leavesOf, pathText } from '../../common/data/leaves.js';
import type { LeafPath } from '../../common/data/leaves.js';
import { isSameData } from '../../common/data/canonical.js';
import { viewOf } from '../../model/view/viewOf.js';
import { whoChanged } from '../../store/approval/whoChanged.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Cue, CueCode } from './Cue.js';

/** The fields of an earlier approval that are compared. */
export type EarlierApproval = Pick<ApprovalRecord, 'params' | 'status' | 'sensitive'>;

/** What is known beside the approval. */
export interface NovelKnowledge {
  /** Earlier approvals of the same agent and tool; only those that were approved set a measure. */
  readonly earlier: readonly EarlierApproval[];
  /** Whether the directory knows the requester; absent where there is no directory. */
  readonly knowsRequester?: boolean | undefined;
}

const MAIL = /[^\s@<>()[\]"',;:]{1,64}@([^\s@<>()[\]"',;:/?#]{1,255})/g;
const URL_HOST = /:\/\/(?:[^\s@/?#]{1,128}@)?([^\s@<>()[\]"',;:/?#]{1,255})/g;
const MANY_LINES = /(?:\r?\n){4,}/g;

/** What is new or rare about an approval, beside those before it: it asks nothing more of the approver than a closer look. */
export function novelCues(
  record: Pick<ApprovalRecord, 'params' | 'originalParams' | 'requesterKnown' | 'requester' | 'agentId' | 'sensitive' | 'amendments'>,
  { earlier, knowsRequester }: NovelKnowledge,
): readonly Cue[] {
  const { params, originalParams } = record;
  const cues: Cue[] = [];
  const add = (code: CueCode, place: Cue['place'], path: LeafPath, more: Partial<Cue> = {}): void => {
    cues.push({ kind: 'novel', code, place, path, count: 1, scripts: [], ...more });
  };
  if (!record.requesterKnown) add(record.requester === record.agentId ? 'no_requester' : 'claimed_requester', 'requester', []);
  else if (knowsRequester === false) add('unknown_requester', 'requester', []);
  for (const name of new Set([...Object.keys(params), ...Object.keys(originalParams)])) {
    const isBoth = Object.hasOwn(params, name) && Object.hasOwn(originalParams, name);
    if (isBoth && isSameData(params[name], originalParams[name])) continue;
    const { people, policy } = whoChanged(record, name);
    if (people.length > 0) add('edited', 'params', [name]);
    if (policy) add('changed', 'params', [name]);
  }
  // what is not shown is not told of by a comparison either
  const leaves = leavesOf(viewOf(params, record.sensitive, 'approver'));
  for (const { path, value } of leaves) {
    const lines = typeof value === 'string' ? longestRun(value) : 0;
    if (lines > 0) add('blank_lines', 'params', path, { count: lines });
  }
  if (earlier.length === 0) {
    add('first_time', 'call', []);
    return cues;
  }
  const approved = earlier
    .filter(({ status }) => status === 'approved')
    .flatMap((one) => leavesOf(viewOf(one.params, one.sensitive, 'approver')));
  const before = measures(approved);
  for (const { path, value } of leaves) {
    if (typeof value === 'number' || typeof value === 'bigint') {
      const largest = before.largest.get(pathText(path));
      if (largest !== undefined && value > largest) add('largest', 'params', path, { before: largest });
    } else if (typeof value === 'string' && approved.length > 0) {
      if (found(MAIL, value).some(([mail]) => !before.seen.has(mail.toLowerCase()))) add('new_recipient', 'params', path);
      if (found(URL_HOST, value).some(([, host]) => !before.seen.has(host.toLowerCase()))) add('new_host', 'params', path);
    }
  }
  return cues;
}

/** The largest number at each place, and every mail address and host. */
function measures(leaves: ReturnType<typeof leavesOf>): {
  readonly largest: ReadonlyMap<string, number | bigint>;
  readonly seen: ReadonlySet<string>;
} {
  const largest = new Map<string, number | bigint>();
  const seen = new Set<string>();
  for (const { path, value } of leaves) {
    if (typeof value === 'number' || typeof value === 'bigint') {
      const at = pathText(path);
      const most = largest.get(at);
      if (most === undefined || value > most) largest.set(at, value);
    } else if (typeof value === 'string') {
      for (const [mail] of found(MAIL, value)) seen.add(mail.toLowerCase());
      for (const [, host] of found(URL_HOST, value)) seen.add(host.toLowerCase());
    }
  }
  return { largest, seen };
}

function found(pattern: RegExp, text: string): readonly (readonly [whole: string, host: string])[] {
  return [...text.matchAll(pattern)] as unknown as readonly (readonly [string, string])[];
}

/** How many line ends there are in a row, where they are enough to move text out of sight. */
function longestRun(text: string): number {
  let longest = 0;
  for (const [run] of text.matchAll(MANY_LINES)) longest = Math.max(longest, run.replaceAll('\r', '').length);
  return longest;
}
