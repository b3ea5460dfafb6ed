import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { AegisError } from '../../model/AegisError.js';
import { isOffered } from '../../model/Capability.js';
import type { DecisionStatus } from '../../model/Decision.js';
import { SanitizeError } from '../../model/errors/CallErrors.js';
import { reportSecurity } from '../../model/Journal.js';
import type { Params } from '../../model/Params.js';
import { paramChanges } from '../../model/snapshot/paramChanges.js';
import { takeSnapshot } from '../../model/snapshot/takeSnapshot.js';
import { tellablePlaces } from '../../model/view/tellablePlaces.js';
import type { PendingCall } from '../call/PendingCall.js';
import { deniedAtRun } from '../call/resolution.js';
import { recordApproval, settleCall } from '../call/settleCall.js';
import type { CallHost } from '../call/settleCall.js';
import type { ExecutionHost } from './ExecutionHost.js';

/** A yes to other params than were asked about. */
export type EditedStatus = Pick<DecisionStatus, 'by' | 'params' | 'digest'>;

/**
 * Records a yes to params that a person edited: as the guard checks those of a sanitize, and in one change of the task with the yes. Params that the guard does
 * not take end the call, and the service is told.
 */
export function approveEdited(
  entry: PendingCall,
  { by, params, digest }: EditedStatus,
  host: CallHost & Pick<ExecutionHost, 'journal'>,
): Awaitable<void> {
  const { task } = entry;
  const refused = (why: string): Awaitable<void> =>
    chain(settleCall(host, entry, deniedAtRun(task, 'edit_invalid', why), 'withdraw'), () => undefined);
  // what may be edited is agreed on when the approval is opened
  if (host.decisions.amends?.() !== true || !isOffered(task, 'amend')) {
    const { agentId, toolName, decisionId } = task;
    const message = 'A decision service approved other params than were asked about, and it did not offer to have them edited.';
    reportSecurity(
      { kind: 'security', code: 'edit_not_offered', message, actor: { kind: 'service' }, agentId, toolName, decisionId },
      host.journal,
    );
    return refused('its decision service answered with other params than were asked about.');
  }
  return attempt<Params, void>(
    () => entry.call.admit(approvedParams(params, digest)),
    (admitted) => {
      // for another approval, or ended, by now
      if (entry.phase === 'ended' || entry.task.decisionId !== task.decisionId) return;
      const now = canonicalDigest(admitted);
      if (now === task.digest) return recordApproval(host, entry, by);
      const places = paramChanges(task.params, admitted).map(({ pointer }) => pointer);
      const edited = tellablePlaces(places, entry.call.request.sensitive);
      return recordApproval(host, entry, by, { params: admitted, digest: now, edited });
    },
    (error) =>
      refused(AegisError.is(error) ? `its edited params are not valid: ${error.message}` : 'its edited params could not be checked.'),
  );
}

/** @throws AegisError where they are not what was approved */
function approvedParams(params: unknown, digest: string | undefined): Params {
  const copy = takeSnapshot(params).value as Params;
  if (canonicalDigest(copy) === digest) return copy;
  throw new SanitizeError('', 'They do not have the digest that was approved.');
}
