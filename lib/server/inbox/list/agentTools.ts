import type { ApprovalCard } from '../../../store/ApprovalStore.js';
import type { AgentTool } from '../../page/list/agentsPage.js';

interface Seen {
  asked: number;
  waiting: number;
  approved: number;
  denied: number;
  lastMs: number;
  readonly times: number[];
}

/** What each agent asked of each tool, by agent and tool. */
export function agentTools(cards: readonly ApprovalCard[]): readonly AgentTool[] {
  const seen = new Map<string, Seen & Pick<AgentTool, 'agentId' | 'toolName'>>();
  for (const { agentId, toolName, status, createdAtMs, decided, policies } of cards) {
    const key = JSON.stringify([agentId, toolName]);
    let one = seen.get(key);
    if (one === undefined) seen.set(key, (one = { agentId, toolName, asked: 0, waiting: 0, approved: 0, denied: 0, lastMs: 0, times: [] }));
    const isApproved = policies.every(({ approved }) => approved === true);
    one.asked += 1;
    one.lastMs = Math.max(one.lastMs, createdAtMs);
    if (status === 'pending') one.waiting += 1;
    else if (status === 'denied') one.denied += 1;
    else if (isApproved) one.approved += 1;
    if (decided !== undefined && (isApproved || status === 'denied')) one.times.push(decided.atMs - createdAtMs);
  }
  return [...seen.values()]
    .map(({ times, ...one }) => ({ ...one, medianMs: medianOf(times) }))
    .sort((a, b) => compare(a.agentId, b.agentId) || compare(a.toolName, b.toolName));
}

function medianOf(times: readonly number[]): number | undefined {
  return times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) / 2)];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
