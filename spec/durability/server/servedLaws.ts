import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { readEntries } from '../history.js';
import type { Deed, Entry } from '../history.js';

/** What must be zero, by name: each names the law that was broken, and by what. */
export interface ServedFinding {
  readonly faults: readonly string[];
  /** The numbers of the calls that ended in an error, because no server answered in time. */
  readonly refused: ReadonlySet<string>;
  readonly counts: {
    readonly kills: number;
    readonly calls: number;
    /** Of which the agent knew. */
    readonly opened: number;
    readonly refused: number;
    readonly approved: number;
    readonly denied: number;
    readonly starts: number;
    readonly approvalsLost: number;
    readonly verdictsLost: number;
    readonly twice: number;
    readonly unapproved: number;
  };
}

/**
 * Holds what agents, people and servers wrote down against what a server promises. Pure: `records` is what is in the store after agents and servers had
 * time to end everything. No agent was killed, so that what was approved and acknowledged has run.
 */
export function checkServed(lines: readonly string[], records: readonly ApprovalRecord[]): ServedFinding {
  const entries = readEntries(lines);
  const all = (what: Deed): readonly Entry[] => entries.filter((entry) => entry.what === what);
  const byId = new Map(records.map((record) => [record.decisionId, record]));
  const opened = new Map(all('opened').map(({ with: [n = '', id = ''] }) => [id, n]));
  const cancelled = new Set(all('cancelling').map(({ with: [n = ''] }) => n));
  const starts = new Map<string, number>();
  for (const { with: given } of all('start')) starts.set(given[2] as string, (starts.get(given[2] as string) ?? 0) + 1);

  const approvalsLost = [...opened].filter(([id]) => !byId.has(id)).map(([id, n]) => `approval lost: ${id}, of call ${n}`);
  const verdictsLost = [
    ...all('approved').flatMap(({ with: [id = ''] }) => {
      const status = byId.get(id)?.status;
      const n = opened.get(id);
      const isCancelled = n !== undefined && cancelled.has(n);
      // a call that was told an error takes back the request whose answer it never got, also where a person was quicker
      const isGivenUp = n === undefined && all('refused').length > 0;
      if (status !== 'approved' && !((isCancelled || isGivenUp) && status === 'withdrawn'))
        return [`verdict lost: ${id} was approved, and is ${status ?? 'gone'}`];
      const isOver = n === undefined || isCancelled || (starts.get(id) ?? 0) > 0;
      return isOver ? [] : [`verdict lost: ${id} was approved, and call ${n} has not run`];
    }),
    ...all('denied').flatMap(({ with: [id = ''] }) => {
      const status = byId.get(id)?.status;
      return status === 'denied' ? [] : [`verdict lost: ${id} was denied, and is ${status ?? 'gone'}`];
    }),
  ];
  const twice = [...ranTwice(all('start')), ...askedTwice(records)];
  const unapproved = ranUnapproved(entries, byId);
  const crashed = all('crashed').map(({ who }) => `crashed: ${who} ended, and nobody had killed it`);
  const refused = new Set(all('refused').map(({ with: [n = ''] }) => n));
  return {
    refused,
    faults: [...approvalsLost, ...verdictsLost, ...twice, ...unapproved, ...crashed],
    counts: {
      kills: all('killed').length,
      calls: all('calling').length,
      opened: opened.size,
      refused: refused.size,
      approved: all('approved').length,
      denied: all('denied').length,
      starts: all('start').length,
      approvalsLost: approvalsLost.length,
      verdictsLost: verdictsLost.length,
      twice: twice.length,
      unapproved: unapproved.length,
    },
  };
}

/** One approval is at most one run, and so is one call. */
function ranTwice(starts: readonly Entry[]): string[] {
  const seen = new Set<string>();
  return starts.flatMap(({ with: [n = '', , id = ''] }) => {
    const again = seen.has(id) || seen.has(n);
    seen.add(id).add(n);
    return again ? [`twice: call ${n} ran again under ${id}`] : [];
  });
}

/** An answer that was lost after its approval was committed leads to the same approval when the agent asks again. */
function askedTwice(records: readonly ApprovalRecord[]): string[] {
  const seen = new Set<string>();
  // params are dropped with the use, and the number of a call is its only one
  return records.flatMap(({ originalDigest, decisionId }) => {
    const again = seen.has(originalDigest);
    seen.add(originalDigest);
    return again ? [`twice: a person was asked again about the same call, under ${decisionId}`] : [];
  });
}

/** A method may be entered only after a person had begun to say yes to that very approval, and when it was used up and had begun. */
function ranUnapproved(entries: readonly Entry[], byId: ReadonlyMap<string, ApprovalRecord>): string[] {
  const asked = new Set<string>();
  return entries.flatMap(({ what, with: [first = '', , id = ''] }) => {
    if (what === 'approving') asked.add(first);
    if (what !== 'start') return [];
    if (!asked.has(id)) return [`unapproved: call ${first} ran, and nobody had approved ${id}`];
    const record = byId.get(id);
    return record?.consumed !== undefined && record.begun !== undefined
      ? []
      : [`unapproved: call ${first} ran under ${id}, which was not used up`];
  });
}
