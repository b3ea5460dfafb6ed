import type { ApprovalPolicy, ApprovalRecord, Assurance, RunOutcome, VerdictProof } from '../../store/ApprovalStore.js';
import type { Effect } from '../../model/Decision.js';
import type { HaltRecord } from './HaltRecord.js';
import type { CallFields, RecordFields } from './RecordFields.js';
import type { ToldRecord } from './ToldRecord.js';

/** Hides a value and binds to it: the base64url of a salted SHA-256. Equal values of one decision and field have equal commitments. */
export type Commitment = string;

/** A policy by its id and the SHA-256 of its text. */
export interface RecordedPolicy {
  /** The policy's `@id`. */
  readonly id: string;
  /** SHA-256 of its text. */
  readonly hash: string;
}

/** A policy that asks for people, and whose yes is enough for it. */
export interface RecordedApprovalPolicy
  extends
    RecordedPolicy,
    Pick<
      ApprovalPolicy,
      'severity' | 'approvers' | 'selfApproval' | 'quorum' | 'distinct' | 'escalate' | 'editorMayApprove' | 'needsPreview'
    > {}

/** A log begins, or goes on after its writer was away. */
export interface StartedRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'started';
  /** What writes it: a library sees methods entered, a server sees approvals consumed and begun. */
  readonly source: 'library' | 'server';
  /** The version of this library. */
  readonly version: string;
  /** Whether calls wait for their records. */
  readonly mode: 'required' | 'best-effort';
  /** Identifies the process that writes: 96 random bits. */
  readonly process?: string | undefined;
  /** The key that signs its checkpoints: base64url of the 32 bytes of an ed25519 public key. */
  readonly publicKey: string;
  /** How many bytes of an incomplete last line were cut off. */
  readonly tornBytes?: number | undefined;
}

/** The writer closed the log in order. */
export interface ClosedRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'closed';
}

/** Records were lost because their queue was full (`best-effort` only). */
export interface DroppedRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'dropped';
  /** How many. */
  readonly count: number;
}

/** Another key signs from here on. The next checkpoint is signed by both. */
export interface KeyRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'key';
  /** Base64url of the 32 bytes of an ed25519 public key. */
  readonly publicKey: string;
  /** The key before, in the same form. */
  readonly previousPublicKey: string;
}

/** A policy set came into force. */
export interface PoliciesRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'policies';
  /** Of a server: whose it is. */
  readonly tenantId?: string | undefined;
  /** The hash of all policies. */
  readonly hash: string;
  /** The hash of those before. */
  readonly previousHash?: string | undefined;
  /** Who put them in force, where they were staged and promoted. */
  readonly by?: string | undefined;
}

/** A limit that a call was counted towards. What it counts by a param or by the session is not in it: that would tell of them. */
export interface RecordedLimit extends RecordedPolicy {
  /** How many calls may run in a window; absent where the limit counts something else, and with it what follows. */
  readonly calls?: number | undefined;
  /** How long the window is, in milliseconds. */
  readonly windowMs?: number | undefined;
  /** The window ends now; else windows follow each other, counted from 1970. */
  readonly isSliding?: true | undefined;
  /** What is counted apart: `tenant`, `agent`, `tool`. */
  readonly by?: readonly string[] | undefined;
}

/** A call was decided. */
export interface DecidedRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'decided';
  /** The call. */
  readonly callId: string;
  /** What was decided. */
  readonly effect: Effect;
  /** Why it was denied, for programs. */
  readonly code?: string | undefined;
  /** The policies that determined the decision, where they are known. */
  readonly policies?: readonly RecordedPolicy[] | undefined;
  /** The hash of all policies that decided. */
  readonly policySetHash?: string | undefined;
  /** No call was made, and none follows. */
  readonly dryRun?: true | undefined;
  /** The approval of the call that was decided again. */
  readonly approvalId?: string | undefined;
  /** The policies that ask for a person, and what they ask for; where the call is denied, because a person denied it before or none is there. */
  readonly asking?: readonly RecordedApprovalPolicy[] | undefined;
  /** Of the params as called. */
  readonly original: Commitment;
  /** Of the params that would run; absent where nothing would. */
  readonly effective?: Commitment | undefined;
  /** Of the session; absent where there is none. */
  readonly session?: Commitment | undefined;
  /** Of the facts; absent where there are none. */
  readonly facts?: Commitment | undefined;
  /** Of who asks: `session.user_id`, else the agent. */
  readonly requester?: Commitment | undefined;
  /** The grant that answered the policies that ask; absent where none did. */
  readonly grantId?: string | undefined;
  /** The limits that the call was counted towards when it was decided. */
  readonly limits?: readonly RecordedLimit[] | undefined;
  /** The action groups of the guard, where it has some. */
  readonly groups?: readonly string[] | undefined;
  /** Names of params that a sanitize may remove, where there are some. */
  readonly removable?: readonly string[] | undefined;
  /** Policies that are only watched: what they would have done. */
  readonly observed?: readonly RecordedPolicy[] | undefined;
}

/** A person is asked. */
export interface OpenedRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'opened';
  /** The task of the call. */
  readonly taskId?: string | undefined;
  /** The policies that ask. */
  readonly policies: readonly RecordedApprovalPolicy[];
  /** The hash of all policies that decided. */
  readonly policySetHash?: string | undefined;
  /** Until when a person may decide, in epoch milliseconds. */
  readonly expiresAt: number;
  /** Of the params as called. */
  readonly original: Commitment;
  /** Of the params that would run. */
  readonly effective: Commitment;
  /** Of what the tool says that it would do; absent where it says nothing. */
  readonly preview?: Commitment | undefined;
  /** Of who asks. */
  readonly requester?: Commitment | undefined;
}

/** A person decided. */
export interface VerdictRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'verdict';
  /** The person. */
  readonly by: string;
  /** Whether the person said yes. */
  readonly approved: boolean;
  /** The status of the approval after the verdict. */
  readonly status: ApprovalRecord['status'];
  /** Ids of the approval policies that it counts for. */
  readonly policies?: readonly string[] | undefined;
  /** What showed that it was this person. */
  readonly assurance?: Assurance | undefined;
  /** The groups of the person at that time. */
  readonly groups?: readonly string[] | undefined;
  /** Whether the person is the one for whom the call is made. */
  readonly isRequester?: true | undefined;
  /** Of the params that were shown and decided on. */
  readonly effective: Commitment;
  /** Of the person's reason. */
  readonly reason?: Commitment | undefined;
  /** The signature that was given with it. Without the nonce: who knew it could guess the params from the challenge, also after the statement was erased. */
  readonly proof?: Omit<VerdictProof, 'nonce'> | undefined;
  /** Of the statement that was signed: its digest is the challenge in the proof. */
  readonly statement?: Commitment | undefined;
}

/** A person edited the params of an approval. Verdicts from before count no more. */
export interface AmendedRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'amended';
  /** The person. */
  readonly by: string;
  /** What showed that it was this person. */
  readonly assurance?: Assurance | undefined;
  /** The groups of the person at that time. */
  readonly groups?: readonly string[] | undefined;
  /** Of the params that would have run before. */
  readonly from: Commitment;
  /** Of the params that would run from then on. */
  readonly effective: Commitment;
  /** Of the places that changed in what would run: a list of JSON pointers. */
  readonly changed: Commitment;
  /** The policies that ask from then on. */
  readonly policies: readonly RecordedApprovalPolicy[];
  /** The hash of all policies that decided on the edited call. */
  readonly policySetHash?: string | undefined;
  /** Of the person's reason. */
  readonly reason?: Commitment | undefined;
  /** The signature that was given with it, where it was no verdict at the same time. */
  readonly proof?: Omit<VerdictProof, 'nonce'> | undefined;
  /** Of the statement that was signed: its digest is the challenge in the proof. */
  readonly statement?: Commitment | undefined;
}

/** A person let a yes count for later calls, or a grant was taken back. */
export interface GrantRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'grant';
  /** What became of it. */
  readonly how: 'made' | 'used' | 'revoked';
  /** The grant. */
  readonly grantId: string;
  /** Who did it; of a use, who made the grant. */
  readonly by: string;
  /** Of a server: how many calls it has covered, where it was used. */
  readonly uses?: number | undefined;
  /** How many calls it covers. Absent where it was taken back. */
  readonly maxUses?: number | undefined;
  /** Until when, in epoch milliseconds. Absent where it was taken back. */
  readonly expiresAt?: number | undefined;
  /** The policies that it answers. Absent where it was taken back. */
  readonly lifts?: readonly RecordedPolicy[] | undefined;
}

/** An approval was used: no other call can use it. */
export interface ConsumedRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'consumed';
  /** SHA-256 of the token that used it, base64url. */
  readonly token: string;
  /** Of the params that it was used for. */
  readonly effective: Commitment;
}

/** The one claim that may enter the method under an approval was recorded. */
export interface BegunRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'begun';
  /** SHA-256 of the claim, base64url. */
  readonly claim: string;
}

/** A pending or approved approval ended without a run. */
export interface EndedRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'ended';
  /** `expired`: no one decided in time. `withdrawn`: its caller took it back. */
  readonly how: 'expired' | 'withdrawn';
}

/** A method is about to be entered. */
export interface EnteringRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'entering';
  /** The task of the call. */
  readonly taskId?: string | undefined;
  /** SHA-256 of the claim, base64url. */
  readonly claim?: string | undefined;
  /** Of the params that the method gets. */
  readonly effective: Commitment;
  /** A second guard on the same call, such as a decorator under an adapter: it runs under the same decision, inside the entry before. */
  readonly reused?: true | undefined;
  /** The guard says that the call may run again after a crash: then it may be entered a second time, if what became of the first one is unknown. */
  readonly idempotent?: true | undefined;
}

/** How a call ended whose method was about to be entered; with a server, how its caller says that it ended. */
export interface SettledRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'settled';
  /** The task of the call. */
  readonly taskId?: string | undefined;
  /** How it ended. `unknown`: it may have run completely, partly or not at all. `withheld`: the method was not entered after all. */
  readonly outcome: RunOutcome['status'] | 'withheld';
  /** Written by the process that continued the log of a writer that died. */
  readonly bySuccessor?: true | undefined;
  /** A caller elsewhere reported it. */
  readonly reported?: true | undefined;
}

/** Something looked forged, replayed or swapped. */
export interface SecurityRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'security';
  /** Of a server: whose it is. */
  readonly tenantId?: string | undefined;
  /** What was found, for programs. */
  readonly code: string;
  /** The agent, where one is concerned. */
  readonly agentId?: string | undefined;
  /** The tool, where one is concerned. */
  readonly toolName?: string | undefined;
  /** The decision, where one is concerned. */
  readonly decisionId?: string | undefined;
}

/** Who may do something changed: a person, membership, agent key, session or token; or someone promoted or dropped staged policies. */
export interface AuthorityRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'authority';
  /** Of a server: whose it is. */
  readonly tenantId?: string | undefined;
  /** What was done, such as `person.created`, `person.removed`, `groups.changed`, `key.created`, `key.revoked`, `policies.promote`, `policies.drop`. */
  readonly act: string;
  /** Who did it. */
  readonly by: string;
  /** The id of what changed, or the hash of the policies. */
  readonly subject: string;
  /** Groups or scopes after it. */
  readonly holds?: readonly string[] | undefined;
}

/** A passkey was registered or removed: verdicts are verified with those that were valid at their time. */
export interface CredentialRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'credential';
  /** Of a server: whose it is. */
  readonly tenantId?: string | undefined;
  /** What was done. */
  readonly act: 'registered' | 'removed';
  /** Whose it is. */
  readonly person: string;
  /** The id of the credential, base64url. */
  readonly credential: string;
  /** The COSE public key, base64url. Absent where it was removed. */
  readonly publicKey?: string | undefined;
  /** Who did it. */
  readonly by: string;
}

/** Openings were deleted: commitments of those decisions can no longer be opened. */
export interface ErasedRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'erased';
  /** Who erased. */
  readonly by: string;
  /** By what they were found; never the name of a user. */
  readonly selector: 'user' | 'decision' | 'before';
  /** How many openings were deleted. */
  readonly count: number;
}

/** One line of an audit log. */
export type AuditRecord =
  | StartedRecord
  | ClosedRecord
  | DroppedRecord
  | KeyRecord
  | PoliciesRecord
  | DecidedRecord
  | OpenedRecord
  | ToldRecord
  | VerdictRecord
  | AmendedRecord
  | GrantRecord
  | ConsumedRecord
  | BegunRecord
  | EndedRecord
  | EnteringRecord
  | SettledRecord
  | SecurityRecord
  | AuthorityRecord
  | CredentialRecord
  | ErasedRecord
  | HaltRecord;

type WithoutPlace<R> = R extends AuditRecord ? Omit<R, 'v' | 'seq' | 'at' | 'writer'> : never;

/** A record before it has its place in a log. */
export type NewRecord = WithoutPlace<AuditRecord>;
