import { VerdictError } from '../model/errors/SetupErrors.js';
import type { ApprovalRecord } from '../store/ApprovalStore.js';

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
export function checkVerdict(decisionId: string, { by, reason }: VerdictInput): void {
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
