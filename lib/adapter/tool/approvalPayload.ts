import type { PendingApproval } from '../../model/PendingApproval.js';

/** What a framework is interrupted with where a person has to decide. */
export interface ApprovalPayload {
  readonly aegis: 'approval';
  readonly tool: string;
  readonly taskId: string;
  readonly decisionId: string;
}

/**
 * Makes what a framework is interrupted with.
 *
 * @param tool the tool's name, where it is not the one that policies know
 */
export function approvalPayload({ toolName, taskId, decisionId }: PendingApproval, tool: string = toolName): ApprovalPayload {
  return { aegis: 'approval', tool, taskId, decisionId };
}

/** Recognizes such a payload when the framework hands it back. */
export function isApprovalPayload(value: unknown): value is ApprovalPayload {
  return typeof value === 'object' && value !== null && (value as Partial<ApprovalPayload>).aegis === 'approval';
}
