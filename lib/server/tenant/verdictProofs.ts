import { canonicalText } from '../../common/data/canonical.js';
import type { ProofVerifier, SignedVerdict } from '../../decision/desk/Directory.js';
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
