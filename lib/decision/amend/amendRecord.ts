import { canonicalDigest } from '../../common/data/canonical.js';
import type { Params } from '../../model/Params.js';
import { paramChanges } from '../../model/snapshot/paramChanges.js';
import type { Amendment, ApprovalPolicy, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { EditedRun } from './decideEdited.js';

/** The most edits of one approval. */
export const MAX_EDITS = 5;

/** Who edits, and what shows it. */
export type Editor = Pick<Amendment, 'by' | 'name' | 'reason' | 'atMs' | 'assurance' | 'groups' | 'groupsFrom' | 'proof'>;

/**
 * The approval of an edited call: it asks about other params, under every policy that asked before or asks now, and has no verdict yet. When it expires does
 * not change. It is not bound to the edited call yet.
 *
 * @param edited the call as its editor would have it, before any sanitize
 * @param policies those that ask about the original or the edited call now
 */
export function amendRecord(
  record: ApprovalRecord,
  edited: Params,
  run: EditedRun,
  policies: readonly ApprovalPolicy[],
  editor: Editor,
): ApprovalRecord {
  const { amendments = [] } = record;
  const digest = canonicalDigest(run.params);
  const amendment: Amendment = {
    ...editor,
    from: record.digest,
    to: digest,
    params: edited,
    changes: paramChanges(record.params, run.params),
    superseded: record.verdicts,
  };
  return {
    ...record,
    params: run.params,
    digest,
    facts: run.facts,
    factsDigest: canonicalDigest(run.facts),
    reason: run.reason ?? record.reason,
    message: run.message ?? record.message,
    policies: askingPolicies(record.policies, policies),
    policySetHash: run.policySetHash,
    verdicts: [],
    amendments: [...amendments, amendment],
  };
}

/** Those that asked before and those that ask now, ordered by id. Of one that was changed meanwhile, what it says now counts. */
export function askingPolicies(before: readonly ApprovalPolicy[], now: readonly ApprovalPolicy[]): readonly ApprovalPolicy[] {
  const byId = new Map([...before, ...now].map((policy) => [policy.id, policy]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Names the policies that ask, with their texts: another value means that others ask. */
export function askingDigest(policies: readonly Pick<ApprovalPolicy, 'id' | 'hash'>[]): string {
  return canonicalDigest(policies.map(({ id, hash }) => [id, hash]));
}
