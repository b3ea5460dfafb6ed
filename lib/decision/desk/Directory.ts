import type { Awaitable } from '../../common/awaitable.js';
import type { ApprovalRecord, VerdictProof } from '../../store/ApprovalStore.js';

/** A person as a directory knows them: one person, with all their ids. */
export interface DirectoryPerson {
  /** The id that verdicts are recorded with. */
  readonly id: string;
  /** The name, as it is now. */
  readonly name: string;
  /** Every id of this person, `id` among them: what sessions call them, mail addresses that an issuer verified, `issuer|subject`. */
  readonly ids: readonly string[];
  /** The groups, for `@approvers`. */
  readonly groups: readonly string[];
  /** Where the groups come from, such as `aegis` or the issuer. */
  readonly groupsFrom: string;
  /** A number that is another one once some of the person's rights were taken, also where they are given back later: earlier grants of theirs are over then. */
  readonly epoch?: number | undefined;
  /** Whether the person may give verdicts at all. @defaultValue true */
  readonly mayDecide?: boolean | undefined;
  /** Set where a source of groups has not said lately which ones: a group that is not among these cannot be ruled out now. */
  readonly groupsIncomplete?: true | undefined;
}

/** Knows people, so that who asks and who decides are compared as people, not as texts. A throw means that it cannot answer now. */
export interface Directory {
  /** The person with this id, whichever of theirs it is; `undefined` where no one has it, or the person was removed or disabled. */
  personOf(id: string): Awaitable<DirectoryPerson | undefined>;
  /** Whether it knows anyone. Until then the operator of the host counts as a member of every group. */
  hasPeople(): Awaitable<boolean>;
}

/** A proof as it comes: what was signed is not yet known. */
export type GivenProof = Omit<VerdictProof, 'version'>;

/** A signature that is said to be a person's, over one verdict. */
export interface SignedVerdict {
  /** The person. */
  readonly personId: string;
  /** The session in which the nonce was given out. */
  readonly sessionId: string | undefined;
  readonly decisionId: string;
  /** Scheme, host and port of the server, as the browser sees them. */
  readonly origin: string;
  readonly proof: GivenProof;
  /** What must have been signed: SHA-256 of the statement, base64url. */
  readonly challenge: string;
}

/** Verifies the signatures of passkeys over verdicts. */
export interface ProofVerifier {
  /**
   * Whether a passkey of this person has signed exactly this challenge, at this origin. The nonce must have been given out to this person, in
   * this session, for this approval. It is used up: another call with it resolves to false.
   */
  verify(signed: SignedVerdict): Awaitable<boolean>;
  /** Whether this person still has this passkey: what was signed with one that is gone gives nothing from then on. */
  isHeld?(personId: string, credentialId: string): Awaitable<boolean>;
}

/** What a server tells a desk of the people who come to it. */
export interface DeskPeople {
  /** Whom it knows. A verdict that the server vouches for counts only where it knows the person, then and at the use of the approval. */
  readonly directory: Directory;
  /** Without it, no verdict has the assurance `passkey`. */
  readonly proofs?: ProofVerifier | undefined;
  /** What says that the use of an approval is halted. @defaultValue that of the options */
  readonly haltChanges?: ((approval: ApprovalRecord, again?: boolean) => Awaitable<number | undefined>) | undefined;
}
