import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { StandingVerdict } from '../../model/errors/SetupErrors.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { isRecord } from '../../common/data/plainObject.js';
import { PERSON_ID, personId } from '../../model/personId.js';
import { hiddenFromApprover } from '../../model/view/viewOf.js';
import type { ApprovalPolicy, ApprovalRecord, Assurance, Verdict, VerdictProof } from '../../store/ApprovalStore.js';
import { isAssurance } from './assurance.js';
import type { EditInput } from '../amend/ParamsEdit.js';
import type { GivenProof } from './Directory.js';
import type { Giver } from './eligibility.js';
import type { PreparedGrant } from './GrantMaker.js';
import type { GrantInput } from '../../model/terms/Grant.js';
import { reportNotReplaced } from './use/reportNotReplaced.js';
import { readOptions } from '../../common/readOptions.js';

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
  /**
   * How many values of the approval the person was not shown in full, because the guard hides them, and knows that. Required to approve where there are any:
   * `describeApproval` and the page count them.
   */
  readonly acknowledgeHidden?: number | undefined;
  /** The name of the person, for the record. A directory that knows the person says it instead. */
  readonly name?: string | undefined;
  /** The version of the approval that was displayed. A verdict on one that has changed since is refused. */
  readonly version?: number | undefined;
  /** 1 to 128 characters that name this verdict: given once more under the same key, it is the one that was recorded. */
  readonly key?: string | undefined;
  /**
   * Changes of the params, with a yes to the edited call: both are recorded, or neither. `digest` is that of the params as they are before. Policies decide on
   * the edited call as if it had been called so.
   */
  readonly edit?: EditInput | undefined;
  /**
   * Lets the yes count for later calls like this one: how many, for how long, and in what they may differ. Refused where a policy that asks has no
   * `@grantable`, and for who may not decide all of them. Only with a yes.
   *
   * @defaultValue the yes counts for this call alone
   */
  readonly grant?: GrantInput | undefined;
  /** @internal The signature of a passkey over this verdict, as the browser gave it. */
  readonly proof?: GivenProof | undefined;
  /** @internal The session in which the nonce of the proof was given out. */
  readonly sessionId?: string | undefined;
  /** @internal The origin of the server, as the browser sees it. */
  readonly origin?: string | undefined;
  /** @internal Whether a session alone is enough for nothing. */
  readonly mustSign?: boolean | undefined;
  /** @internal Whether all of `version` was shown to the person, with nothing cut. */
  readonly sawAll?: boolean | undefined;
}

/** An edit of the params of an approval, without a verdict. */
export interface AmendInput extends Omit<VerdictInput, 'edit' | 'key'>, EditInput {}

/** The error for a verdict on an approval that is not there. */
export function unknownApproval(decisionId: string): VerdictError {
  const message = 'There is no approval with this id; list the pending ones to find it.';
  return new VerdictError(404, 'approval_not_found', decisionId, message);
}

/** The error for a grant where none can be kept. */
export function noGrants(decisionId: string): VerdictError {
  const message =
    'No grants can be kept here: the store is durable but its rows are not signed. Approve without a grant, or give this process a `stateKey`.';
  return new VerdictError(409, 'grants_unavailable', decisionId, message);
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
    { stands: standing(record) },
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

/** The error for a yes that was recorded without the grant that was to be made with it. */
export function grantNotMade(decisionId: string, cause?: unknown): VerdictError {
  const message = 'The call is approved, but its grant could not be stored. Later calls like it are asked as before.';
  return new VerdictError(503, 'grant_not_made', decisionId, message, { cause });
}

/** The error for a verdict that the store does not take though no other change was first. */
export function notRecorded(record: ApprovalRecord): VerdictError {
  reportNotReplaced(record);
  const message = 'The verdict could not be recorded: the row of this approval is not what its record says. Check who can write the store.';
  return new VerdictError(409, 'verdict_not_recorded', record.decisionId, message, { stands: standing(record) });
}

/**
 * A verdict as it is recorded. Its fields are read once, so that the person whose rights are checked is the one that is recorded.
 *
 * @throws VerdictError 400 for a verdict without a valid `by`, with a reason that is too long, or with a field that does not exist
 */
export function readVerdict(decisionId: string, given: VerdictInput): VerdictInput {
  const refuse = (message: string): never => {
    throw new VerdictError(400, 'invalid_verdict', decisionId, message);
  };
  const fields = readOptions<VerdictInput>(given, VERDICT_FIELDS, (name, message) =>
    refuse(`${name === '' ? 'The verdict' : `\`${name}\``} ${message}`),
  );
  const {
    by: person,
    reason,
    digest,
    assurance,
    acknowledgeHidden,
    name,
    version,
    key,
    edit,
    grant,
    proof,
    sessionId,
    origin,
    mustSign,
    sawAll,
  } = fields as Partial<VerdictInput>;
  const by = personId(person);
  if (by === undefined) return refuse(`\`by\` must be ${PERSON_ID}. Pass the id that your host authenticated.`);
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > 10_000))
    return refuse('`reason` must be a string of at most 10,000 characters; shorten it.');
  if (assurance !== undefined && !isAssurance(assurance))
    return refuse(
      '`assurance` must be session, code, passkey, step-up or host. Leave it out where your program itself vouches for the person.',
    );
  if (name !== undefined && (typeof name !== 'string' || name === '' || name.length > 256))
    return refuse('`name` must be a string of 1 to 256 characters. Pass the name of the person, or leave it out.');
  if (acknowledgeHidden !== undefined && !(Number.isSafeInteger(acknowledgeHidden) && acknowledgeHidden >= 0))
    return refuse('`acknowledgeHidden` must be a whole number from 0 on. Pass how many values of the approval are not shown in full.');
  if (version !== undefined && !(Number.isSafeInteger(version) && version > 0))
    return refuse('`version` must be a whole number from 1 on. Pass the `version` of the approval that was shown.');
  if (key !== undefined && (typeof key !== 'string' || !/^[\w.:-]{1,128}$/.test(key)))
    return refuse('`key` must have 1 to 128 letters, digits and _ . : -. Make a random one for each verdict.');
  const signed = proof === undefined ? undefined : readProof(proof);
  if (signed === null) return refuse('`proof` must be the signature of a passkey, with all its fields as texts in base64url.');
  return {
    by,
    reason,
    digest,
    assurance,
    acknowledgeHidden,
    name,
    version,
    key,
    edit,
    grant,
    proof: signed,
    sessionId,
    origin,
    mustSign,
    sawAll,
  };
}

/** The fields of a verdict, and their kinds where nothing else checks them. */
export const VERDICT_FIELDS = {
  by: 'any',
  reason: 'any',
  digest: 'any',
  assurance: 'any',
  acknowledgeHidden: 'any',
  name: 'any',
  version: 'any',
  key: 'any',
  edit: 'any',
  grant: 'any',
  proof: 'any',
  sessionId: 'string',
  origin: 'string',
  mustSign: 'boolean',
  sawAll: 'boolean',
} as const;

/** The longest field of a proof, in characters: a passkey's signature with what it signs has about 800. */
const MAX_PROOF_FIELD = 8_192;

/** A copy, each field read once; null where it is not a proof. */
function readProof(value: unknown): GivenProof | null {
  if (!isRecord(value)) return null;
  const { kind, credential, nonce, clientDataJSON, authenticatorData, signature } = value;
  const fields = { credential, nonce, clientDataJSON, authenticatorData, signature };
  const isText = (field: unknown): boolean => typeof field === 'string' && field.length <= MAX_PROOF_FIELD && /^[\w-]+$/.test(field);
  return kind === 'passkey' && Object.values(fields).every(isText) ? ({ kind, ...fields } as GivenProof) : null;
}

/** @throws VerdictError 409 where the approval is not what the person was shown */
export function checkVersion({ decisionId, version }: ApprovalRecord, shown: number | undefined): void {
  if (shown === undefined || shown === version) return;
  throw new VerdictError(409, 'version', decisionId, 'Changed since you opened this. Read it again, and decide then.');
}

/** @throws VerdictError 428 where a person approves without saying how much of it was hidden */
export function checkHidden(record: ApprovalRecord, approve: boolean, { acknowledgeHidden }: VerdictInput): void {
  const count = approve ? hiddenFromApprover(record).length : 0;
  if (count === 0 || acknowledgeHidden === count) return;
  const what = count === 1 ? '1 value of this approval is' : `${count} values of this approval are`;
  const message = `${what} not shown in full to who decides it, and a yes has to say so. Confirm it: \`acknowledgeHidden: ${count}\`.`;
  throw new VerdictError(428, 'hidden_not_acknowledged', record.decisionId, message);
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
    { stands: standing(record) },
  );
}

/** What a verdict is recorded with. */
export interface CheckedVerdict {
  readonly approve: boolean;
  readonly verdict: VerdictInput;
  readonly giver: Giver;
  /** The policies that it counts for. */
  readonly policies: readonly ApprovalPolicy[];
  readonly proof: VerdictProof | undefined;
  /** Whether every policy has the people that it takes, if it is a yes. */
  readonly isCovered: boolean;
  /** The grant that is made with it. */
  readonly grant?: Pick<PreparedGrant, 'id' | 'digest'> | undefined;
}

/**
 * SHA-256 of what a verdict asks for besides a yes or no, so that its key is not taken for another one.
 *
 * @returns `undefined` where it asks for nothing else; a text that is no digest where it asks for what can be recorded nowhere
 */
export function keyedDigest({ edit, grant }: Pick<VerdictInput, 'edit' | 'grant'>): string | undefined {
  if (edit === undefined && grant === undefined) return undefined;
  try {
    // a BigInt and a date are texts over HTTP, and once the approval was used nothing says which text is one
    const text = JSON.stringify({ edit, grant }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    return canonicalDigest(JSON.parse(text));
  } catch {
    return '';
  }
}

/** The fields of a record that a verdict changes. One no is enough; each policy needs a yes of as many people as it says. */
export function withVerdict(
  record: ApprovalRecord,
  {
    approve,
    verdict: { reason, key, name, acknowledgeHidden, edit, grant: wanted },
    giver: { by, assurance, person, groups },
    policies,
    proof,
    grant,
    isCovered,
  }: CheckedVerdict,
  atMs: number,
): Pick<ApprovalRecord, 'status' | 'verdicts' | 'requires'> {
  const shownName = person?.name ?? name;
  const keyed = key === undefined ? undefined : keyedDigest({ edit, grant: wanted });
  const verdict: Verdict = {
    approve,
    by,
    reason,
    atMs,
    ...(assurance && { assurance }),
    ...(shownName !== undefined && { name: shownName }),
    ...(groups && { groups }),
    ...(person && { groupsFrom: person.groupsFrom }),
    ...(proof && { proof }),
    ...(key !== undefined && { key }),
    ...(keyed !== undefined && { keyed }),
    ...(approve && acknowledgeHidden !== undefined && { hidden: acknowledgeHidden }),
    ...(grant && { grant: { id: grant.id, digest: grant.digest } }),
    policies: policies.map((p) => p.id),
  };
  const verdicts = [...record.verdicts, verdict];
  const { requires = [] } = record;
  // code that knows no grants reads what was signed in another way
  const demands = grant === undefined ? { requires: record.requires } : { requires: [...requires, 'grant'] };
  if (!approve) return { status: 'denied', verdicts, ...demands };
  return { status: isCovered ? 'approved' : 'pending', verdicts, ...demands };
}
