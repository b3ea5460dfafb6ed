import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { DecisionRequest } from '../../model/Decision.js';
import type { Params } from '../../model/Params.js';
import type { AppliedPolicy, PolicyEngine, PolicyOutcome } from '../../policy/PolicyEngine.js';

/** A call, as far as policies and facts look at it. */
export type JudgedCall = Pick<DecisionRequest, 'agentId' | 'toolName' | 'groups' | 'params' | 'session' | 'removable'>;

/** What policies say of a call. */
export interface Judgement {
  readonly engine: PolicyEngine;
  /** Absent where they could not be computed: then the call is denied. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  readonly outcome?: PolicyOutcome | undefined;
}

/**
 * Has policies look at a call. Nothing is opened or used up by it.
 *
 * @param engine of an earlier judgement that this one belongs to. @defaultValue the one in force
 */
export type Judge = (call: JudgedCall, engine?: PolicyEngine) => Awaitable<Judgement>;

/** What policies say of a call that a person has edited. */
export interface EditedJudgement {
  /** On the call as its agent made it. */
  readonly original: Judgement;
  /** On the edited call, as if it had been called so. Absent where the original is denied. */
  readonly edited?: Judgement | undefined;
  /** What would run; absent where one of the two is denied. */
  readonly run?: EditedRun | undefined;
}

/** A call that would run as a person has edited it. */
export interface EditedRun {
  /** What the method would get. */
  readonly params: Params;
  /** Why a policy changed the edited params. */
  readonly message: string | undefined;
  /** What policies saw as facts of the edited call. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** The policies that ask about either call. */
  readonly approvals: readonly AppliedPolicy[];
  /** Why they ask about the edited call; absent where none does. */
  readonly reason: string | undefined;
  readonly policySetHash: string;
}

/** Has the same policies look at a call as it was made and as a person has edited it: an edit lets nothing run that either of the two would not. */
export function decideEdited(judge: Judge, call: JudgedCall, params: Params): Awaitable<EditedJudgement> {
  return chain(judge(call), (original) => {
    if (isDenied(original)) return { original };
    return chain(judge({ ...call, params }, original.engine), (edited) => ({ original, edited, run: runOf(original, edited, params) }));
  });
}

function isDenied({ outcome }: Judgement): boolean {
  return outcome === undefined || outcome.effect === 'deny';
}

function runOf(original: Judgement, edited: Judgement, params: Params): EditedRun | undefined {
  const { outcome, facts, engine } = edited;
  if (outcome === undefined || facts === undefined || outcome.effect === 'deny') return undefined;
  const approvals = new Map([...approvalsOf(original.outcome), ...approvalsOf(outcome)].map((policy) => [policy.id, policy]));
  const changed = outcome.effect === 'allow' ? undefined : outcome;
  return {
    params: changed?.params ?? params,
    message: changed?.message,
    facts,
    approvals: [...approvals.values()],
    reason: outcome.effect === 'approval_needed' ? outcome.reason : undefined,
    policySetHash: engine.hash,
  };
}

function approvalsOf(outcome: PolicyOutcome | undefined): readonly AppliedPolicy[] {
  return outcome?.effect === 'approval_needed' ? outcome.approvals : [];
}
