import type { Awaitable } from '../../common/awaitable.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import { isSamePerson, maybeSamePerson } from '../../model/personId.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { ApprovalPolicy, ApprovalRecord, Assurance, Verdict } from '../../store/ApprovalStore.js';
import { isGrave } from './assurance.js';
import type { DeskPeople, Directory, DirectoryPerson } from './Directory.js';

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
  /** The operator of the host, who counts as one person under every name. */
  readonly isOperator: boolean;
}

/** What there is to say of who may decide. */
export interface Eligibility {
  readonly giver: Giver;
  /** Of those that still lack a yes. */
  readonly policies: readonly ApprovalPolicy[];
}

const LOCAL_ADMIN = 'local-admin';

/** Whether it is the operator of the host who decides: by the command line, or in the browser in development mode. */
export function isHostOperator(by: string, assurance: Assurance | undefined): boolean {
  if (by === LOCAL_ADMIN) return assurance !== undefined;
  return assurance === 'host' && by.startsWith('host:');
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
  const person = rules.directory === undefined ? known : await answerOf(decisionId, () => joined(known, by, rules.directory as Directory));
  return { by: person?.id ?? by, assurance, person, isOperator: false };
}

/**
 * The approval policies that someone may decide, of those that still lack a verdict.
 *
 * @throws VerdictError 403 with the reason, if there are none; 503 `directory_unavailable`, `store_unavailable`
 */
export async function eligiblePolicies(record: ApprovalRecord, verdict: Claim, people: PeopleRules, approve = true): Promise<Eligibility> {
  const { decisionId } = record;
  const giver = await giverOf(verdict, decisionId, people);
  if (giver.person?.mayDecide === false)
    throw new VerdictError(403, 'not_an_approver', decisionId, 'You may decide nothing now. Ask an admin for the role approver.');
  const requester = await requesterIn(record, people);
  checkRequester(record, requester, people.rules);
  const isOwn = isRequester(giver, record.requester, requester);
  const isEdited = approve && (await isEditor(giver, record, people));
  const covered = new Set(record.verdicts.flatMap((v) => v.policies));
  const eligible: ApprovalPolicy[] = [];
  let own = false;
  let edited = false;
  for (const policy of record.policies) {
    if (covered.has(policy.id)) continue;
    if (isOwn && policy.selfApproval !== true) {
      own = true;
      continue;
    }
    if (isEdited && !mayEditorApprove(policy)) {
      edited = true;
      continue;
    }
    if (await isEligible(policy, giver, record, people)) eligible.push(policy);
  }
  if (eligible.length > 0) return { giver, policies: eligible };
  const [code, why] = own
    ? (['self_approval', 'You cannot approve your own request.'] as const)
    : edited
      ? (['editor_approval', 'You edited this call, so that somebody else has to approve it.'] as const)
      : (['not_an_approver', 'You are not an approver of any policy that is still open; ask one of its approvers.'] as const);
  throw new VerdictError(403, code, decisionId, why);
}

/**
 * Whether every policy of an approval still has a yes of someone who may give it. A yes of someone whom a directory knew then counts while it knows them, and
 * in a group that the policy names.
 *
 * @throws VerdictError 503 `directory_unavailable`, `store_unavailable`
 */
export async function isStillCovered(record: ApprovalRecord, people: PeopleRules): Promise<boolean> {
  for (const policy of record.policies) {
    let counts = false;
    for (const verdict of record.verdicts)
      counts ||= verdict.approve && verdict.policies.includes(policy.id) && (await stillCounts(verdict, policy, record, people));
    if (!counts) return false;
  }
  return true;
}

async function stillCounts(
  { by, assurance, groupsFrom }: Verdict,
  policy: ApprovalPolicy,
  { decisionId }: ApprovalRecord,
  people: PeopleRules,
): Promise<boolean> {
  // the program itself has vouched for them, or it was the operator of the host
  if (groupsFrom === undefined) return true;
  let giver: Giver;
  try {
    giver = await giverOf({ by, assurance }, decisionId, people);
  } catch (error) {
    if (error instanceof VerdictError && error.status === 503) throw error;
    return false;
  }
  const { person } = giver;
  if (person === undefined || person.mayDecide === false) return false;
  const { rules } = people;
  if (rules.mayApprove !== undefined || policy.approvers === undefined || isMember(policy.approvers, giver, rules)) return true;
  if (person.groupsIncomplete === true) throw unavailable(decisionId);
  return false;
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
    return isMember(policy.approvers, giver, rules);
  return policy.approvers.some((name) => membersOf(name, rules).length > 0);
}

function isMember(approvers: readonly string[], { by, person }: Giver, rules: EligibilityRules): boolean {
  const ids = person === undefined ? [by] : [by, ...person.ids];
  return approvers.some(
    (name) => person?.groups.includes(name) === true || membersOf(name, rules).some((member) => ids.some((id) => isSamePerson(member, id))),
  );
}

function membersOf(name: string, { approverGroups = {} }: EligibilityRules): readonly string[] {
  const group: unknown = Object.hasOwn(approverGroups, name) ? approverGroups[name] : undefined;
  // a string instead of an array would match parts of a name
  return Array.isArray(group) ? group.filter((member) => typeof member === 'string') : [];
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

/** Whether it is one of those who edited the params: as far as a yes goes, they have asked for the call themselves. */
async function isEditor(giver: Giver, { amendments = [], decisionId }: ApprovalRecord, people: PeopleRules): Promise<boolean> {
  for (const { by } of amendments) if (isRequester(giver, by, await everyoneOf(by, decisionId, people))) return true;
  return false;
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

function isRequester({ by, person, isOperator }: Giver, requester: string, known: readonly DirectoryPerson[]): boolean {
  if (isOperator && (requester === LOCAL_ADMIN || requester.startsWith('host:'))) return true;
  const own = person === undefined ? [by] : [by, person.id, ...person.ids];
  const others = [requester, ...known.flatMap(({ id, ids }) => [id, ...ids])];
  return own.some((one) => others.some((other) => maybeSamePerson(one, other)));
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
    mayDecide: known.mayDecide !== false && more.mayDecide !== false,
  };
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
