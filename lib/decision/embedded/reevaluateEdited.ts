import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Decision, DecisionRequest } from '../../model/Decision.js';
import type { Amendment, ApprovalRecord } from '../../store/ApprovalStore.js';
import { decideEdited } from '../amend/decideEdited.js';
import type { Judge, Judgement } from '../amend/decideEdited.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import type { CallCounts } from './CallCounts.js';
import type { Answers } from './Answers.js';
import { coversCall, limitsOf, named } from './approvalRequestFor.js';
import type { Approvable } from './approvalRequestFor.js';
import { NO_FACTS } from './computeFacts.js';

/** What deciding an edited call afresh needs. */
interface EditedCallRules {
  readonly desk: ApprovalDesk;
  readonly answers: Answers;
  readonly judge: Judge;
  readonly counting: () => Awaitable<CallCounts>;
  /** The decision where its approval does not cover the edited call. */
  readonly decisionOn: (judged: Judgement) => Awaitable<Decision>;
}

/** Decides a call that a person has edited afresh. It runs as a sanitize does: the call as its agent made it is not what was approved. */
export function reevaluateEdited(
  request: DecisionRequest,
  record: ApprovalRecord,
  edit: Amendment,
  { desk, answers, judge, counting, decisionOn }: EditedCallRules,
): Awaitable<Decision> {
  const { decisionId, auditSalt: salt } = record;
  return chain(decideEdited(judge, request, edit.params), ({ original, edited, run }): Awaitable<Decision> => {
    const { outcome = original.outcome, facts = NO_FACTS.facts, engine } = edited ?? original;
    // what denies either of the two denies the call
    if (run === undefined || outcome === undefined) return decisionOn(edited ?? original);
    const approvable: Approvable = { ...run, effect: 'approval_needed', reason: record.reason, policies: outcome.policies };
    return chain(coversCall(record, request, approvable, run.facts, desk), (isCovered) => {
      if (!isCovered) return decisionOn(original);
      const { params, message, policySetHash } = run;
      const limits = limitsOf(outcome);
      const refusal = limits && chain(counting(), (counts) => counts.refusalOf(request, limits, params, record));
      return chain(refusal, (why) =>
        why === undefined
          ? answers.shown({ effect: 'sanitize', decisionId, params, message, policySetHash, ...named(outcome) }, outcome, facts, { salt })
          : answers.denied(request, { ...outcome, policies: why.policies }, facts, engine, why),
      );
    });
  });
}
