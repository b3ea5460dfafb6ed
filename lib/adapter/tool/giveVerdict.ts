import type { AegisModule } from '../../guard/module/AegisModule.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { PendingApproval } from '../../model/PendingApproval.js';

/** What a person said to a framework, and who that was. */
export interface FrameworkVerdict {
  readonly approved: boolean;
  readonly by: string;
  readonly reason?: string | undefined;
}

/** Gives a verdict at the desk of the module. Resolves to whether it counted: policies may want somebody else, or another one was first. */
export async function giveVerdict(
  module: AegisModule,
  { decisionId }: PendingApproval,
  { approved, by, reason }: FrameworkVerdict,
): Promise<boolean> {
  try {
    const desk = module.approvals;
    const record = await desk.get(decisionId);
    if (record?.status !== 'pending') return false;
    const { status } = await desk[approved ? 'approve' : 'deny'](decisionId, { by, digest: record.digest, reason });
    return status === (approved ? 'approved' : 'denied');
  } catch (error) {
    if (!(error instanceof VerdictError)) publishCallbackError('giving a verdict', error);
    return false;
  }
}

/** Whether a verdict of this person would count now. */
export async function verdictCounts(module: AegisModule, { decisionId }: PendingApproval, by: string): Promise<boolean> {
  return module.approvals.mayDecide(decisionId, by);
}
