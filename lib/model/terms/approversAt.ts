import type { ApprovalTerms } from './ApprovalTerms.js';

/** The part of an approval policy that says which groups decide, and when. */
export interface AskedGroups extends Pick<ApprovalTerms, 'escalate'> {
  /** `@approvers`; absent where anyone may decide. */
  readonly approvers?: readonly string[] | undefined;
}

/**
 * The groups whose members may decide at a time: those of `@approvers`, and those that `@escalate` has added by then. `undefined` where anyone may.
 *
 * @param openForMs how long the approval has been open at that time, in milliseconds
 */
export function approversAt({ approvers, escalate }: AskedGroups, openForMs: number): readonly string[] | undefined {
  if (approvers === undefined || escalate === undefined) return approvers;
  const added = escalate.flatMap(({ afterMs, groups }) => (afterMs <= openForMs ? groups : []));
  return [...new Set([...approvers, ...added])];
}
