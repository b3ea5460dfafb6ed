import type { Sensitive } from './sensitive/Sensitive.js';
import { randomBits } from '../common/nextId.js';

/** A policy by its id and the SHA-256 of its text. */
export interface NamedPolicy {
  readonly id: string;
  readonly hash: string;
}

/** A policy that asks, and what it asks for. */
export interface JournaledPolicy extends NamedPolicy {
  readonly severity?: string | undefined;
  readonly approvers?: readonly string[] | undefined;
  readonly selfApproval?: boolean | undefined;
  readonly quorum?: number | undefined;
  readonly distinct?: boolean | undefined;
  readonly editorMayApprove?: boolean | undefined;
  readonly needsPreview?: boolean | undefined;
  readonly escalate?: readonly { readonly afterMs: number; readonly groups: readonly string[] }[] | undefined;
}

/** A limit that a call was counted towards. What it counts by a param or by the session is not in it: that would tell of them. */
export interface JournaledLimit extends NamedPolicy {
  /** How many calls may run in a window; absent where it counts something else. */
  readonly calls?: number | undefined;
  readonly windowMs?: number | undefined;
  readonly isSliding?: true | undefined;
  readonly by?: readonly string[] | undefined;
}

/** What an audit log writes of an approval: an approval record has it all. */
export interface JournaledApproval {
  readonly decisionId: string;
  readonly agentId: string;
  readonly toolName: string;
  readonly digest: string;
  readonly originalDigest: string;
  readonly requester: string;
  readonly sensitive?: Sensitive | undefined;
  readonly preview?: { readonly digest: string } | undefined;
  readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'withdrawn';
  readonly policies: readonly JournaledPolicy[];
  readonly policySetHash: string;
  readonly expiresAtMs: number;
  readonly auditSalt?: string | undefined;
  readonly verdicts: readonly JournaledVerdict[];
  readonly amendments?: readonly JournaledAmendment[] | undefined;
  readonly consumed?: { readonly token: string } | undefined;
  readonly begun?: { readonly claimToken: string } | undefined;
}

/** What an audit log writes of an edit. */
export interface JournaledAmendment {
  readonly by: string;
  readonly reason?: string | undefined;
  readonly assurance?: Assurance | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly proof?: VerdictProof | undefined;
  readonly from: string;
  readonly to: string;
  readonly changes: readonly { readonly pointer: string }[];
}

/** What an audit log writes of a verdict. */
export interface JournaledVerdict {
  readonly approve: boolean;
  readonly by: string;
  readonly reason?: string | undefined;
  readonly policies: readonly string[];
  readonly assurance?: Assurance | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly proof?: VerdictProof | undefined;
}

/**
 * What shows that a verdict is a person's own: a session alone, with typed characters of the digest (`code`), a passkey, a fresh sign-in (`step-up`), or the
 * operator of the host, who typed them there.
 */
export type Assurance = 'session' | 'code' | 'passkey' | 'step-up' | 'host';

/** A signature by which a person gave exactly one verdict (WebAuthn). Binary fields are base64url. */
export interface VerdictProof {
  /** How it was made. */
  readonly kind: 'passkey';
  /** The id of the credential. */
  readonly credential: string;
  /** The random value in the challenge, used once. */
  readonly nonce: string;
  /** The version of the approval that was signed. */
  readonly version: number;
  /** What the browser signed: the challenge and the origin are in it. */
  readonly clientDataJSON: string;
  /** What the authenticator added: the relying party, and that it verified the person. */
  readonly authenticatorData: string;
  /** Over both. */
  readonly signature: string;
}

/**
 * What a journal learns of a decision beside it. It is under a symbol of the decision, so that no JSON of a decision, for a caller or a model, has
 * it.
 */
export interface DecisionEvidence {
  /** Base64url of 16 random bytes: all commitments of this decision are made with it. */
  readonly salt: string;
  /** The policies that determined the decision. */
  readonly policies?: readonly NamedPolicy[] | undefined;
  /** The policies that ask for a person. */
  readonly asking?: readonly JournaledPolicy[] | undefined;
  /** Policies that are only watched: what they would have done. */
  readonly observed?: readonly NamedPolicy[] | undefined;
  /** The limits that it was counted towards when it was decided. */
  readonly limits?: readonly JournaledLimit[] | undefined;
  /** Why it is a deny, for programs. */
  readonly code?: string | undefined;
  /** What policies saw as `context.facts`. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  /** The approval that was opened. */
  readonly approval?: JournaledApproval | undefined;
  /** Whether the decision is that on the call around it. */
  readonly isReused?: true | undefined;
}

/** The key of a decision's evidence. */
export const EVIDENCE: unique symbol = Symbol('aegis.evidence');

/** Makes the salt of a decision. */
export function newSalt(): string {
  return randomBits();
}
