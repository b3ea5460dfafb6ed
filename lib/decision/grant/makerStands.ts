import { attempt } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { LruMap } from '../../common/LruMap.js';
import type { Grant } from '../../model/terms/Grant.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../store/ApprovalStore.js';
import { eligiblePolicies } from '../desk/eligibility.js';
import type { Claim, Eligibility, PeopleRules } from '../desk/eligibility.js';
import { requesterIn } from './GrantedScope.js';
import type { AskedCall } from './GrantedScope.js';

/**
 * Who may decide all of these policies for this call, and is not who asks.
 *
 * @throws VerdictError as a verdict of theirs would
 */
export async function eligibleForAll(record: ApprovalRecord, by: Claim, people: PeopleRules): Promise<Eligibility | undefined> {
  // not even where a policy lets requesters approve their own calls: a grant is for calls that no one sees
  const policies = record.policies.map((policy): ApprovalPolicy => ({ ...policy, selfApproval: false }));
  // who may decide only because no one else did has no standing right to
  const found = await eligiblePolicies({ ...record, policies, verdicts: [] }, by, people, record.createdAtMs);
  return found.policies.length === policies.length ? found : undefined;
}

async function eligibleNow(
  { by, assurance, credential }: Grant,
  record: ApprovalRecord,
  people: PeopleRules,
): Promise<Eligibility | undefined> {
  const found = await eligibleForAll(record, { by, assurance }, people);
  if (credential === undefined) return found;
  return (await people.served?.proofs?.isHeld?.(by, credential)) === true ? found : undefined;
}

const MAX_GRANTS = 1_000;
const MAX_REQUESTERS = 100;

/** Remembers who may make a grant that answers for a call: a question that can be answered once and for all where no one knows people. */
export class MakerStanding {
  readonly #people: () => PeopleRules;
  /** By grant, then by requester: the hashes of the policies for which it was last so. */
  readonly #known = new LruMap<string, LruMap<string, readonly string[]>>(MAX_GRANTS);

  constructor(people: () => PeopleRules) {
    this.#people = people;
  }

  /** Whether who made a grant could decide this call now. Where that cannot be known, it is not so. */
  stands(grant: Grant, call: AskedCall, nowMs: number): Awaitable<boolean> {
    const people = this.#people();
    const { rules, served } = people;
    const isFixed = rules.mayApprove === undefined && rules.directory === undefined && served === undefined;
    if (isFixed && this.#isKnown(grant, call)) return true;
    return attempt(
      () => eligibleNow(grant, recordLike(call, nowMs), people),
      (found) => {
        if (found === undefined) return false;
        const { person } = found.giver;
        // whose rights were taken once has given nothing out before, also where they are back; nor has someone who was known and is not known now
        if (person?.epoch !== grant.epoch || (person === undefined && grant.name !== undefined)) return false;
        if (isFixed) this.#remember(grant, call);
        return true;
      },
      () => false,
    );
  }

  /** What an answer about people whom no one knows depends on: the grant, who asks, and the policies. */
  #isKnown({ id }: Grant, { request, approvals }: AskedCall): boolean {
    const hashes = this.#known.get(id)?.get(requesterIn(request));
    if (hashes?.length !== approvals.length) return false;
    for (let i = 0; i < hashes.length; i++) if (hashes[i] !== approvals[i]?.hash) return false;
    return true;
  }

  #remember({ id }: Grant, { request, approvals }: AskedCall): void {
    let known = this.#known.get(id);
    if (known === undefined) this.#known.set(id, (known = new LruMap(MAX_REQUESTERS)));
    known.set(
      requesterIn(request),
      approvals.map(({ hash }) => hash),
    );
  }
}

/** The call as the approval that it would open, for those who say who may decide it. */
function recordLike({ request, params, facts, approvals }: AskedCall, nowMs: number): ApprovalRecord {
  const { agentId, toolName, guardKey, session, opaque, remote } = request;
  const requester = requesterIn(request);
  return {
    decisionId: 'grant',
    agentId,
    toolName,
    guardKey,
    originalParams: request.params,
    params: params ?? request.params,
    originalDigest: canonicalDigest(request.params),
    digest: canonicalDigest(params ?? request.params),
    opaque,
    session,
    sessionDigest: canonicalDigest(session),
    facts,
    factsDigest: canonicalDigest(facts),
    requester,
    requesterKnown: requester !== agentId && remote?.sessionTrusted !== false,
    reason: '',
    policies: approvals.map(({ effect: _effect, approvalTimeoutMs: _timeout, ...policy }) => policy),
    policySetHash: '',
    refusals: 0,
    createdAtMs: nowMs,
    expiresAtMs: nowMs,
    status: 'pending',
    verdicts: [],
    version: 1,
  };
}
