import { canonicalDigest } from '../../common/data/canonical.js';
import type { Decision } from '../../model/Decision.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { RemoteRequest } from '../decide/RemoteRequest.js';
import type { Tenant } from '../tenant/Tenant.js';

/** What the policies in force would say of the call of an approval, in a sentence. It opens nothing and uses nothing up. */
export async function redecide(record: ApprovalRecord, tenant: Pick<Tenant, 'decisions' | 'tools'>): Promise<string> {
  return sentenceOf(await tenant.decisions.dryRun(RemoteRequest.ofRecord(record, tenant)), record);
}

function sentenceOf(decision: Decision, { digest, originalDigest }: ApprovalRecord): string {
  switch (decision.effect) {
    case 'deny':
      return `they would deny it: ${decision.reason ?? 'without a reason'}. An approval no longer lets it run.`;
    case 'allow':
      return digest === originalDigest
        ? 'they would let it run without asking.'
        : 'they would let it run as the agent wrote it, without asking. An approval of other values no longer lets it run.';
    case 'sanitize':
      return canonicalDigest(decision.params) === digest
        ? 'they would let these very values run without asking.'
        : 'they would change it to other values than are shown here. It would be asked about anew.';
    case 'approval_needed': {
      const isSame = decision.params === undefined ? digest === originalDigest : canonicalDigest(decision.params) === digest;
      return isSame
        ? 'they would ask a person about these very values.'
        : 'they would ask a person, about other values than are shown here.';
    }
  }
}
