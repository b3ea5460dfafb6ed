import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ApprovalPolicy, ApprovalRecord, Verdict } from '../../store/ApprovalStore.js';

/** A person's word on an approval. */
export interface VerdictInput {
  /** Who decides: an id the host has authenticated. */
  readonly by: string;
  /** Why, in the person's words. */
  readonly reason?: string | undefined;
  /** The digest that was displayed to the person. Needed to approve. */
  readonly digest?: string | undefined;
}

/** The error for whoever comes after the first verdict: the outcome that stands. */
export function settled(record: ApprovalRecord): VerdictError {
  const last = record.verdicts.at(-1);
  const who = record.status !== 'expired' && record.status !== 'withdrawn' && last !== undefined ? ` by ${last.by}` : '';
  return new VerdictError(
    409,
    `already_${record.status}`,
    record.decisionId,
    `This approval was ${record.status}${who} already; that stands.`,
  );
}

/** @throws VerdictError 400 for a verdict that names nobody, or is out of bounds */
export function checkVerdict(decisionId: string, verdict: VerdictInput): void {
  const { by, reason } = verdict as Partial<VerdictInput>;
  if (typeof by !== 'string' || by.trim() === '' || by.length > 256) {
    throw new VerdictError(
      400,
      'invalid_verdict',
      decisionId,
      'A verdict needs `by`: the id of the person who decides, at most 256 characters.',
    );
  }
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > 10_000)) {
    throw new VerdictError(400, 'invalid_verdict', decisionId, 'A reason is a text of at most 10,000 characters.');
  }
}

/** @throws VerdictError 409 where the person was shown other params than would run; a no need not say what was shown */
export function checkDigest({ decisionId, digest }: ApprovalRecord, approve: boolean, verdict: VerdictInput): void {
  if (verdict.digest === digest || (!approve && verdict.digest === undefined)) return;
  throw new VerdictError(409, 'digest_mismatch', decisionId, 'The digest is not the one of the params that would run; show them again.');
}

/** What a verdict for these policies makes of a record. One no is enough; a yes is needed for each policy. */
export function withVerdict(
  record: ApprovalRecord,
  approve: boolean,
  { by, reason }: VerdictInput,
  policies: readonly ApprovalPolicy[],
  atMs: number,
): Pick<ApprovalRecord, 'status' | 'verdicts'> {
  const verdict: Verdict = { approve, by, reason, atMs, policies: policies.map((p) => p.id) };
  const verdicts = [...record.verdicts, verdict];
  if (!approve) return { status: 'denied', verdicts };
  const covered = new Set(verdicts.flatMap((v) => v.policies));
  return { status: record.policies.every((p) => covered.has(p.id)) ? 'approved' : 'pending', verdicts };
}
