import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import { maybeSamePerson } from '../../model/personId.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { ApprovalPolicy, ApprovalRecord, Assurance, Verdict } from '../../store/ApprovalStore.js';
import { isGrave } from './assurance.js';
import { approversAt } from '../../model/terms/approversAt.js';
import type { DeskPeople, Directory, DirectoryPerson } from './Directory.js';
import { isHostOperator, LOCAL_ADMIN, OPERATOR } from '../../model/terms/isHostOperator.js';
import { isMember, membersOf } from './quorum/PeopleSnapshot.js';
import type { GiverNow, PeopleSnapshot } from './quorum/PeopleSnapshot.js';
import { backedPolicies, openPolicies, personOf, seatsOf } from './quorum/seatsOf.js';
import type { Seats } from '../../model/terms/recordedSeats.js';
import { takesSeats } from './use/semantics.js';

/** The rules that say who may decide an approval. */
export interface EligibilityRules {
  /** People by group, for `@approvers`: `{ 'finance-leads': ['ann', 'bob'] }`. A group that is missing or empty has no members. */
  readonly approverGroups?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Says whether a person may decide what one policy asks; used instead of `approverGroups` where given. A throw counts as no. */
  readonly mayApprove?: ((by: string, request: ApprovalRecord, policy: ApprovalPolicy) => Awaitable<boolean>) | undefined;
  /**
   * Knows the people of your organisation, with all their ids and groups: no one approves the own request under another id, and who is removed or leaves a
   * group before the call runs has not approved it. Its groups count besides `approverGroups`. While it throws, nothing is decided and nothing approved runs.
   */
  readonly directory?: Directory | undefined;
  /**
   * Refuses verdicts on calls whose session has no `user_id`: without one, the approver could be the requester.
   *
   * @defaultValue false
   */
  readonly requireRequester?: boolean | undefined;
  /**
   * Refuses verdicts on calls whose requester no directory knows: under an id that no one owns, the approver could be the requester.
   *
   * @defaultValue false
   */
  readonly requireKnownRequester?: boolean | undefined;
}

/** Hexadecimal digits of a number that JSON keeps. */
const EPOCH_DIGITS = 12;

/** Whom a desk asks about people: its rules, and the server that people come to. */
export interface PeopleRules {
  readonly rules: EligibilityRules;
  readonly served: DeskPeople | undefined;
}

/** Who is said to give a verdict. */
export interface Claim {
  readonly by: string;
  readonly assurance?: Assurance | undefined;
}

/** Who gives a verdict, as far as that is known. */
export interface Giver {
  /** The id that the verdict is recorded with. */
  readonly by: string;
  readonly assurance: Assurance | undefined;
  /** The person, where a directory knows them. */
  readonly person: DirectoryPerson | undefined;
  /** The groups of a person of a directory, those of the program too; absent where the program says by itself who may decide. */
  readonly groups?: readonly string[] | undefined;
  /** The operator of the host, who counts as one person under every name. */
  readonly isOperator: boolean;
}

/** What there is to say of who may decide. */
export interface Eligibility {
  readonly giver: Giver;
  /** Those for which the verdict counts. */
  readonly policies: readonly ApprovalPolicy[];
  /** The seats before it. */
  readonly seats: Seats;
}

/**
 * Who gives a verdict.
 *
 * @throws VerdictError 403 `not_a_person` where a server vouches for someone whom it does not know, 503 `directory_unavailable`,
 *   `store_unavailable`
 */
export async function giverOf({ by, assurance }: Claim, decisionId: string, { rules, served }: PeopleRules): Promise<Giver> {
  if (isHostOperator(by, assurance)) {
    // who is at the host is in the directory under another name, if at all
    if (by === LOCAL_ADMIN && served !== undefined && (await hasPeople(served, decisionId))) throw notAPerson(decisionId);
    return { by, assurance, person: undefined, isOperator: true };
  }
  const known = await knownToServer(by, decisionId, served);
  if (served !== undefined && known === undefined && assurance !== undefined && assurance !== 'host') throw notAPerson(decisionId);
  const person = await asAnyoneKnows(known, by, decisionId, rules);
  return { by: person?.id ?? by, assurance, person, groups: person && groupsOf(person, by, rules), isOperator: false };
}

/** The groups in which someone decides, as a verdict keeps them. */
function groupsOf(
  person: DirectoryPerson,
  by: string,
  { approverGroups = {}, mayApprove }: EligibilityRules,
): readonly string[] | undefined {
  if (mayApprove !== undefined) return undefined;
  const named = Object.keys(approverGroups).filter((name) => isMember([name], { by, person }, approverGroups));
  return [...new Set([...person.groups, ...named])];
}

/**
 * The approval policies that someone may decide, of those that still lack a verdict. Where one of them takes people who count for no other one, a yes may count
 * for all that the person may decide: who takes which seat is open until all have theirs.
 *
 * @param nowMs says which groups have been added by now
 * @param approve whether it is a yes: a no may come from someone whose yes already counts
 * @throws VerdictError 403 with the reason, if there are none; 503 `directory_unavailable`, `store_unavailable`
 */
export async function eligiblePolicies(
  record: ApprovalRecord,
  verdict: Claim,
  people: PeopleRules,
  nowMs: number,
  approve = true,
): Promise<Eligibility> {
  const { decisionId, policies, createdAtMs } = record;
  const giver = await giverOf(verdict, decisionId, people);
  if (giver.person?.mayDecide === false)
    throw new VerdictError(403, 'not_an_approver', decisionId, 'You may decide nothing now. Ask an admin for the role approver.');
  const requester = await requesterIn(record, people);
  checkRequester(record, requester, people.rules);
  const snapshot = await snapshotOf(record, people, requester);
  const seats = seatsOf(record, snapshot, true);
  const { ids } = personOf(giver, []);
  const isOwn = isRequester(giver, snapshot.requester);
  const given = backedPolicies(seats, ids);
  const open = openPolicies(seats, policies);
  const isEdited = approve && isRequester(giver, snapshot.editors);
  const isApart = policies.some(({ distinct }) => distinct === true);
  const eligible: ApprovalPolicy[] = [];
  let own = false;
  let edited = false;
  for (const policy of policies) {
    const isGiven = given.has(policy.id);
    // who said yes may still say no
    if (approve ? isGiven || (!isApart && !open.includes(policy)) : !isGiven && !open.includes(policy)) continue;
    if (isOwn && policy.selfApproval !== true) {
      own = true;
      continue;
    }
    if (isEdited && snapshot.notForEditors.has(policy.id)) {
      edited = true;
      continue;
    }
    const now = { ...policy, approvers: approversAt(policy, nowMs - createdAtMs) };
    if (await isEligible(now, giver, record, people)) eligible.push(policy);
  }
  if (eligible.some((policy) => !approve || open.includes(policy))) return { giver, policies: eligible, seats };
  if (isApart ? given.size > 0 : open.some(({ id }) => given.has(id)))
    throw new VerdictError(409, ALREADY_COUNTS, decisionId, 'Your yes already counts here. What is still open takes another person.');
  const [code, why] = own
    ? (['self_approval', 'You cannot approve your own request.'] as const)
    : edited
      ? (['editor_approval', 'You edited this call, so that somebody else has to approve it.'] as const)
      : (['not_an_approver', 'You are not an approver of any policy that is still open; ask one of its approvers.'] as const);
  throw new VerdictError(403, code, decisionId, why);
}

/** The code of the error for a second yes of one person. */
export const ALREADY_COUNTS = 'already_counts';

/**
 * Whether every policy of an approval still has the people that it takes. A yes of someone whom a directory knew then counts while it knows them, and in a
 * group that the policy names.
 *
 * @throws VerdictError 503 `directory_unavailable`, `store_unavailable`
 */
export async function isStillCovered(record: ApprovalRecord, people: PeopleRules): Promise<boolean> {
  const snapshot = await snapshotOf(record, people, await requesterIn(record, people));
  if (seatsOf(record, snapshot).isCovered) return true;
  // it may be only because someone's groups are not all known
  if (seatsOf(record, snapshot, true).isCovered) throw unavailable(record.decisionId);
  return false;
}

/** The seats of an approval as they are now. @throws VerdictError 503 `directory_unavailable`, `store_unavailable` */
export async function seatsNow(record: ApprovalRecord, people: PeopleRules): Promise<Seats> {
  return seatsOf(record, await snapshotOf(record, people, await requesterIn(record, people)), true);
}

/** Who asks, who edited and who has said yes, as they are known now. */
async function snapshotOf(record: ApprovalRecord, people: PeopleRules, known: readonly DirectoryPerson[]): Promise<PeopleSnapshot> {
  const { requester, verdicts, policies, amendments = [], decisionId } = record;
  const editors: string[] = [];
  for (const { by } of amendments) editors.push(...idsOf(by, await everyoneOf(by, decisionId, people)));
  const givers: (GiverNow | undefined)[] = [];
  for (const verdict of verdicts) givers.push(verdict.approve ? await giverNow(verdict, record, people, takesSeats(policies)) : undefined);
  return {
    requester: idsOf(requester, known),
    editors,
    notForEditors: new Set(policies.flatMap((policy) => (mayEditorApprove(policy) ? [] : [policy.id]))),
    givers,
    groups: people.rules.approverGroups ?? {},
    asksProgram: people.rules.mayApprove !== undefined,
  };
}

/** @param asPerson whether people are counted, so that all ids of one person have to be known */
async function giverNow(
  { by, assurance, groupsFrom }: Verdict,
  { decisionId }: ApprovalRecord,
  people: PeopleRules,
  asPerson: boolean,
): Promise<GiverNow | undefined> {
  // the program itself has vouched for them, or it was the operator of the host
  if (groupsFrom === undefined) {
    const isOperator = isHostOperator(by, assurance);
    const { rules, served } = people;
    const person =
      asPerson && !isOperator ? await asAnyoneKnows(await knownToServer(by, decisionId, served), by, decisionId, rules) : undefined;
    return { by, person, isOperator, isVouchedFor: true };
  }
  let giver: Giver;
  try {
    giver = await giverOf({ by, assurance }, decisionId, people);
  } catch (error) {
    if (error instanceof VerdictError && error.status === 503) throw error;
    return undefined;
  }
  if (giver.person === undefined || giver.person.mayDecide === false) return undefined;
  return { by, person: giver.person, isOperator: giver.isOperator, isVouchedFor: false };
}

/** A person as the server and the program's directory know them. */
function asAnyoneKnows(
  known: DirectoryPerson | undefined,
  by: string,
  decisionId: string,
  { directory }: EligibilityRules,
): Awaitable<DirectoryPerson | undefined> {
  return directory === undefined ? known : answerOf(decisionId, () => joined(known, by, directory));
}

async function isEligible(policy: ApprovalPolicy, giver: Giver, record: ApprovalRecord, people: PeopleRules): Promise<boolean> {
  const { rules, served } = people;
  if (rules.mayApprove !== undefined) {
    try {
      return (await rules.mayApprove(giver.by, frozenData(record), frozenData(policy))) === true;
    } catch {
      return false;
    }
  }
  if (policy.approvers === undefined) return true;
  if (!giver.isOperator || (served !== undefined && (await hasPeople(served, record.decisionId))))
    return isMember(policy.approvers, giver, rules.approverGroups);
  return policy.approvers.some((name) => membersOf(name, rules.approverGroups).length > 0);
}

/** The requester as every directory knows them. */
function requesterIn({ requester, decisionId }: ApprovalRecord, people: PeopleRules): Promise<readonly DirectoryPerson[]> {
  return everyoneOf(requester, decisionId, people);
}

/** The person with this id, as every directory knows them. */
async function everyoneOf(id: string, decisionId: string, { rules, served }: PeopleRules): Promise<readonly DirectoryPerson[]> {
  const found = await Promise.all([knownToServer(id, decisionId, served), answerOf(decisionId, () => rules.directory?.personOf(id))]);
  return found.filter((person) => person !== undefined);
}

/** Every id of a person. Who is at the host is one under every name. */
function idsOf(by: string, known: readonly DirectoryPerson[]): readonly string[] {
  const isAtHost = by === LOCAL_ADMIN || by.startsWith('host:');
  return [by, ...(isAtHost ? [OPERATOR] : []), ...known.flatMap(({ id, ids }) => [id, ...ids])];
}

/** From severity high on, it is always somebody else. */
function mayEditorApprove(policy: ApprovalPolicy): boolean {
  return policy.editorMayApprove === true && !isGrave([policy]);
}

function checkRequester(record: ApprovalRecord, known: readonly DirectoryPerson[], rules: EligibilityRules): void {
  const demanded = rules.requireRequester === true ? 'requireRequester' : 'requireKnownRequester';
  if (rules.requireRequester !== true && rules.requireKnownRequester !== true) return;
  if (!record.requesterKnown) {
    throw new VerdictError(
      403,
      'requester_unknown',
      record.decisionId,
      `The session of this call has no user_id, and ${demanded} demands one, so no one can decide it. Set session.user_id on the guard.`,
    );
  }
  if (rules.requireKnownRequester !== true || known.length > 0) return;
  throw new VerdictError(
    403,
    'requester_unknown',
    record.decisionId,
    'No directory knows the requester of this call, and requireKnownRequester demands it, so no one can decide it. Give the person the id that the session of the call has.',
  );
}

function isRequester(giver: Giver, requester: readonly string[]): boolean {
  return personOf(giver, []).ids.some((one) => requester.some((other) => maybeSamePerson(one, other)));
}

/** One person of what the server and the program's directory know. */
async function joined(known: DirectoryPerson | undefined, by: string, directory: Directory): Promise<DirectoryPerson | undefined> {
  let more: DirectoryPerson | undefined;
  for (const id of [by, ...(known?.ids ?? [])]) more ??= await directory.personOf(id);
  if (known === undefined || more === undefined) return known ?? more;
  return {
    id: known.id,
    name: known.name,
    ids: [...known.ids, ...more.ids],
    groups: [...new Set([...known.groups, ...more.groups])],
    groupsFrom: `${known.groupsFrom}, ${more.groupsFrom}`,
    groupsIncomplete: known.groupsIncomplete ?? more.groupsIncomplete,
    epoch: joinedEpoch(known.epoch, more.epoch),
    mayDecide: known.mayDecide !== false && more.mayDecide !== false,
  };
}

/** Another number once one of the two is another one. */
function joinedEpoch(known: number | undefined, more: number | undefined): number | undefined {
  if (known === undefined || more === undefined) return known ?? more;
  return Number.parseInt(canonicalDigest([known, more]).slice(0, EPOCH_DIGITS), 16);
}

function knownToServer(id: string, decisionId: string, served: DeskPeople | undefined): Promise<DirectoryPerson | undefined> {
  return answerOf(decisionId, () => served?.directory.personOf(id), storeUnavailable);
}

function hasPeople({ directory }: DeskPeople, decisionId: string): Promise<boolean> {
  return answerOf(decisionId, () => directory.hasPeople(), storeUnavailable);
}

/** @param ofStore what it means where a store failed: by itself, a directory is not ours, and how it fails is its own affair */
async function answerOf<T>(decisionId: string, question: () => Awaitable<T>, ofStore: typeof unavailable = unavailable): Promise<T> {
  try {
    return await question();
  } catch (cause) {
    throw (cause instanceof StoreError ? ofStore : unavailable)(decisionId, cause);
  }
}

function unavailable(decisionId: string, cause?: unknown): VerdictError {
  const message = 'Who the people are cannot be known now, so that nothing is decided. Try again in a moment.';
  return new VerdictError(503, 'directory_unavailable', decisionId, message, { cause });
}

/** The people of a server are rows of its store. */
function storeUnavailable(decisionId: string, cause: unknown): VerdictError {
  const message = 'What the store holds of people cannot be used now, so that nothing is decided. Try again in a moment.';
  return new VerdictError(503, 'store_unavailable', decisionId, message, { cause });
}

function notAPerson(decisionId: string): VerdictError {
  return new VerdictError(403, 'not_a_person', decisionId, 'The server knows no one with the id of this verdict. Sign in again.');
}
