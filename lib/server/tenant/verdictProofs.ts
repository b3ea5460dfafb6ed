import { canonicalText } from '../../common/data/canonical.js';
import type { ProofVerifier, SignedVerdict } from '../../decision/desk/Directory.js';
import { recordedChallenge } from '../../decision/desk/verdictStatement.js';
import type { ApprovalRecord, Verdict } from '../../store/ApprovalStore.js';
import { RequestError } from '../front/RequestError.js';
import type { ChallengeUse } from '../people/Challenges.js';
import type { Identity } from '../people/Identity.js';

/** What a nonce of a verdict counts for: this person, in this session, for this approval. */
export function verdictUse({
  personId,
  sessionId,
  decisionId,
}: Pick<SignedVerdict, 'personId' | 'sessionId' | 'decisionId'>): ChallengeUse {
  return { purpose: 'verdict', binding: canonicalText([personId, sessionId ?? null, decisionId]) };
}

/** Verifies the signatures of verdicts with the passkeys of a tenant's people. */
export function verdictProofs({ challenges, passkeys }: Pick<Identity, 'challenges' | 'passkeys'>): ProofVerifier {
  return {
    isHeld: async (personId, id) => (await passkeys.credentialNow(id))?.personId === personId,
    async verify(signed) {
      const { personId, origin, proof, challenge } = signed;
      const use = verdictUse(signed);
      const credential = await passkeys.credentialNow(proof.credential);
      if (credential?.personId !== personId || !challenges.isGood(proof.nonce, use)) return false;
      let counter: number;
      try {
        counter = await passkeys.verifyProof({ proof, challenge, origin, credential });
      } catch (error) {
        if (error instanceof RequestError) return false;
        throw error;
      }
      return (await challenges.use(proof.nonce, use)) && passkeys.advance(proof.credential, counter);
    },
  };
}

/** Whom a recorded proof is verified for. */
export interface RecordedProof {
  readonly record: ApprovalRecord;
  /** One of its verdicts. */
  readonly verdict: Verdict;
  /** Scheme, host and port of the server: the verdict was given there. */
  readonly origin: string;
  /** The tenant of the approval, but for `default`. */
  readonly tenantId?: string | undefined;
}

/**
 * Whether a verdict was signed by a passkey of the person that it names, as it was valid then: from the record alone, however much later.
 *
 * @returns false too for a verdict without a proof
 */
export async function verifyVerdictProof(
  { record, verdict, origin, tenantId }: RecordedProof,
  passkeys: Pick<Identity['passkeys'], 'credentialAt' | 'verifyProof'>,
): Promise<boolean> {
  const challenge = recordedChallenge(record, verdict, origin, tenantId);
  const { proof, by, atMs } = verdict;
  if (challenge === undefined || proof === undefined) return false;
  const credential = await passkeys.credentialAt(proof.credential, atMs);
  if (credential?.personId !== by) return false;
  try {
    await passkeys.verifyProof({ proof, challenge, origin, credential });
    return true;
  } catch (error) {
    if (error instanceof RequestError) return false;
    throw error;
  }
}
