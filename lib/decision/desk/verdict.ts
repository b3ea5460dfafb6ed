import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { StandingVerdict } from '../../model/errors/SetupErrors.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import { isSamePerson, maybeSamePerson, PERSON_ID, personId } from '../../model/personId.js';
import type { ApprovalPolicy, ApprovalRecord, Assurance, Verdict } from '../../store/ApprovalStore.js';
import type { Awaitable } from '../../common/awaitable.js';
import { checkAssurance, isAssurance, isHostOperator } from './assurance.js';
import { reportNotReplaced } from './consumeApproval.js';
import { readOptions } from '../../common/readOptions.js';

export { recordOutcome } from './recordOutcome.js';

/** What a person decides about an approval. */
export interface VerdictInput {
  /**
   * The person who decides, by an id that the host has authenticated: 1 to 256 characters, without spaces within, control or invisible characters. Case does not
   * count: `Rita` and `rita` are one person.
   */
  readonly by: string;
  /** Why, in the person's words; at most 10,000 characters. */
  readonly reason?: string | undefined;
  /** The digest that was displayed to the person. Required to approve. */
  readonly digest?: string | undefined;
  /**
   * What shows that it is this person: a server says so for the people that come to it. A yes that has less than the severity of the policies, or something
   * in the approval that may deceive, demands is refused.
   *
   * @defaultValue the program itself vouches for the person, which is enough for every approval
   */
  readonly assurance?: Assurance | undefined;
}

/** The error for a verdict on an approval that is not there. */
export function unknownApproval(decisionId: string): VerdictError {
  const message = 'There is no approval with this id; list the pending ones to find it.';
  return new VerdictError(404, 'approval_not_found', decisionId, message);
}

/** The error for a verdict that comes too late: it names the outcome that was recorded. */
export function verdictConflict(record: ApprovalRecord): VerdictError {
  const last = record.verdicts.at(-1);
  const who = record.status !== 'expired' && record.status !== 'withdrawn' && last !== undefined ? ` by ${last.by}` : '';
  return new VerdictError(
    409,
    `already_${record.status}`,
    record.decisionId,
    `This approval was already ${record.status}${who}; a verdict cannot be changed.`,
    standing(record),
  );
}

/** What stands of an approval: a person's last word on it, or that its time has passed. */
function standing({ status, verdicts, expiresAtMs }: ApprovalRecord): StandingVerdict {
  const last = verdicts.at(-1);
  if (status === 'expired') return { status, atMs: expiresAtMs };
  return status === 'withdrawn' || last === undefined ? { status } : { status, by: last.by, atMs: last.atMs, reason: last.reason };
}

/** The error for a verdict on a signed approval in a process without the key: the processes that run the call would ignore it. */
export function stateKeyMissing(decisionId: string): VerdictError {
  return new VerdictError(
    409,
    'state_key_missing',
    decisionId,
    'This approval is signed, but this process has no state key, so nothing would follow from the verdict. Give this process the `stateKey` (AEGIS_STATE_KEY) of the processes that use this store.',
  );
}

/** The error for a verdict on an approval that demands what this code does not know. */
export function newerApproval({ decisionId }: ApprovalRecord): VerdictError {
  const message = 'This approval was opened by a newer aegislib and demands what this one does not know. Update aegislib in this process.';
  return new VerdictError(409, 'approval_not_understood', decisionId, message);
}

/** The error for a verdict that the store does not take though no other change was first. */
export function notRecorded(record: ApprovalRecord): VerdictError {
  reportNotReplaced(record);
  const message = 'The verdict could not be recorded: the row of this approval is not what its record says. Check who can write the store.';
  return new VerdictError(409, 'verdict_not_recorded', record.decisionId, message, standing(record));
}

/**
 * A verdict as it is recorded. Its fields are read once, so that the person whose rights are checked is the one that is recorded.
 *
 * @throws VerdictError 400 for a verdict without a valid `by`, with a reason that is too long, or with a field that does not exist
 */
export function readVerdict(decisionId: string, given: VerdictInput): VerdictInput {
  const fields = readOptions<VerdictInput>(given, { by: 'any', reason: 'any', digest: 'any', assurance: 'any' }, (name, message) => {
    throw new VerdictError(400, 'invalid_verdict', decisionId, `${name === '' ? 'The verdict' : `\`${name}\``} ${message}`);
  });
  const { by: person, reason, digest, assurance } = fields as Partial<VerdictInput>;
  const by = personId(person);
  if (by === undefined) {
    const message = `\`by\` must be ${PERSON_ID}. Pass the id that your host authenticated.`;
    throw new VerdictError(400, 'invalid_verdict', decisionId, message);
  }
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > 10_000)) {
    throw new VerdictError(400, 'invalid_verdict', decisionId, '`reason` must be a string of at most 10,000 characters; shorten it.');
  }
  if (assurance !== undefined && !isAssurance(assurance)) {
    const message =
      '`assurance` must be session, code, passkey, step-up or host. Leave it out where your program itself vouches for the person.';
    throw new VerdictError(400, 'invalid_verdict', decisionId, message);
  }
  return { by, reason, digest, assurance };
}

/** @throws VerdictError 409 where the person was shown other params than would run; a denial may leave the digest out */
export function checkDigest(record: ApprovalRecord, approve: boolean, verdict: VerdictInput): void {
  const { decisionId, digest } = record;
  if (verdict.digest === digest || (!approve && verdict.digest === undefined)) return;
  throw new VerdictError(
    409,
    'digest_mismatch',
    decisionId,
    verdict.digest === undefined
      ? '`digest` is missing, so nothing says what the person was shown. Pass the `digest` of the request that was shown.'
      : '`digest` is not the digest of the params that would run. Show the approval again and pass the digest that was shown.',
    standing(record),
  );
}

export { checkAssurance };

/** The fields of a record that a verdict for these policies changes. One no is enough; each policy needs a yes. */
export function withVerdict(
  record: ApprovalRecord,
  approve: boolean,
  { by, reason, assurance }: VerdictInput,
  policies: readonly ApprovalPolicy[],
  atMs: number,
): Pick<ApprovalRecord, 'status' | 'verdicts'> {
  const verdict: Verdict = { approve, by, reason, atMs, ...(assurance && { assurance }), policies: policies.map((p) => p.id) };
  const verdicts = [...record.verdicts, verdict];
  if (!approve) return { status: 'denied', verdicts };
  const covered = new Set(verdicts.flatMap((v) => v.policies));
  return { status: record.policies.every((p) => covered.has(p.id)) ? 'approved' : 'pending', verdicts };
}

/** The rules that say who may decide an approval. */
export interface EligibilityRules {
  /** People by group, for `@approvers`: `{ 'finance-leads': ['ann', 'bob'] }`. A group that is missing or empty has no members. */
  readonly approverGroups?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Says whether a person may decide what one policy asks; used instead of `approverGroups` where given. A throw counts as no. */
  readonly mayApprove?: ((by: string, request: ApprovalRecord, policy: ApprovalPolicy) => Awaitable<boolean>) | undefined;
  /**
   * Refuses verdicts on calls whose session has no `user_id`: without one, the approver could be the requester.
   *
   * @defaultValue false
   */
  readonly requireRequester?: boolean | undefined;
}

/**
 * The approval policies that a person may decide, of those that still lack a verdict.
 *
 * @throws VerdictError 403 with the reason, if there are none
 */
export async function eligiblePolicies(
  record: ApprovalRecord,
  { by, assurance }: Pick<VerdictInput, 'by' | 'assurance'>,
  rules: EligibilityRules,
): Promise<readonly ApprovalPolicy[]> {
  if (rules.requireRequester === true && !record.requesterKnown) {
    throw new VerdictError(
      403,
      'requester_unknown',
      record.decisionId,
      'The session of this call has no user_id, and requireRequester demands one, so no one can decide it. Set session.user_id on the guard.',
    );
  }
  const covered = new Set(record.verdicts.flatMap((v) => v.policies));
  const eligible: ApprovalPolicy[] = [];
  let own = false;
  for (const policy of record.policies) {
    if (covered.has(policy.id)) continue;
    if (maybeSamePerson(by, record.requester) && policy.selfApproval !== true) {
      own = true;
      continue;
    }
    if (await isEligible(policy, { by, assurance }, record, rules)) eligible.push(policy);
  }
  if (eligible.length > 0) return eligible;
  const [code, why] = own
    ? (['self_approval', 'You cannot approve your own request.'] as const)
    : (['not_an_approver', 'You are not an approver of any policy that is still open; ask one of its approvers.'] as const);
  throw new VerdictError(403, code, record.decisionId, why);
}

/** Whether this person may decide at least one policy. */
export async function mayDecide(
  record: ApprovalRecord,
  { by, assurance }: Pick<VerdictInput, 'by' | 'assurance'>,
  rules: EligibilityRules,
): Promise<boolean> {
  const person = personId(by);
  if (person === undefined) return false;
  return eligiblePolicies(record, { by: person, assurance }, rules).then(
    () => true,
    () => false,
  );
}

async function isEligible(
  policy: ApprovalPolicy,
  { by, assurance }: Pick<VerdictInput, 'by' | 'assurance'>,
  record: ApprovalRecord,
  rules: EligibilityRules,
): Promise<boolean> {
  if (rules.mayApprove !== undefined) {
    try {
      return (await rules.mayApprove(by, frozenData(record), frozenData(policy))) === true;
    } catch {
      return false;
    }
  }
  if (policy.approvers === undefined) return true;
  const groups: Readonly<Record<string, unknown>> = rules.approverGroups ?? {};
  return policy.approvers.some((name) => {
    const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
    // a string instead of an array would match parts of a name
    if (!Array.isArray(group)) return false;
    return isHostOperator(by, assurance)
      ? group.length > 0
      : group.some((member: unknown) => typeof member === 'string' && isSamePerson(member, by));
  });
}
