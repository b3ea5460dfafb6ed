import type { ApprovalRecord } from '../../store/ApprovalStore.js';

/** One approval in a notice. Nothing of its params, facts and session is in it. */
export interface NoticeItem {
  readonly decisionId: string;
  readonly toolName: string;
  readonly agentId: string;
  /** The highest of the policies that ask the group. */
  readonly severity: string;
  /** The reasons of these policies, in their author's words. */
  readonly reason: string;
  readonly expiresAtMs: number;
  readonly status: ApprovalRecord['status'];
  /** The page of the approval. */
  readonly link: string;
}

/** What is told to a group: that these approvals wait, or what became of them. */
export interface Notice {
  /** The same for every attempt to deliver it. */
  readonly id: string;
  readonly tenantId: string;
  readonly group: string;
  readonly items: readonly NoticeItem[];
  /** How many more there are than `items`. */
  readonly more: number;
  /** The page of all of them. */
  readonly link: string;
}

/** The group of policies without `@approvers`. */
export const EVERYONE = 'everyone';

const SEVERITIES = ['low', 'medium', 'high', 'critical'];

/** The groups that are asked by an approval. */
export function groupsOf({ policies }: Pick<ApprovalRecord, 'policies'>): readonly string[] {
  return [...new Set(policies.flatMap(({ approvers }) => approvers ?? [EVERYONE]))];
}

/** What a group is told of an approval. */
export function noticeItem(record: ApprovalRecord, group: string, linkOf: (path: string) => string): NoticeItem {
  const asking = record.policies.filter(({ approvers }) => (approvers ?? [EVERYONE]).includes(group));
  const severity = Math.max(...asking.map((policy) => SEVERITIES.indexOf(policy.severity ?? 'medium')), 0);
  const { decisionId, toolName, agentId, expiresAtMs, status } = record;
  const reason = [...new Set(asking.flatMap((policy) => policy.reason ?? []))].join('; ');
  return {
    decisionId,
    toolName,
    agentId,
    severity: SEVERITIES[severity] as string,
    reason,
    expiresAtMs,
    status,
    link: linkOf(`/a/${encodeURIComponent(decisionId)}`),
  };
}
