import { sha256 } from '../../../common/data/canonical.js';
import type { AuditRecord } from '../../record/AuditRecord.js';
import { commitmentOf } from '../../record/commitment.js';
import type { Opening } from '../../sink/AuditSink.js';

/** Why an opening is not that of a record, in words; `undefined` where it is. */
export function openingFault(opening: Opening, record: AuditRecord): string | undefined {
  if (!('decisionId' in record) || record.decisionId !== opening.decisionId) return 'names another decision';
  if (opening.at !== record.at) return 'names another time';
  const fields = record as unknown as Readonly<Record<string, unknown>>;
  for (const [field, text] of Object.entries(opening.values)) {
    if (fields[field] === undefined) return `opens '${field}', which the record does not have`;
    if (fields[field] !== commitmentIn(field, opening.salt, text)) return `has another value of '${field}' than the record commits to`;
  }
  const requester = opening.values['requester'];
  if (requester !== undefined && opening.requester !== undefined && requester !== JSON.stringify(opening.requester))
    return 'names another requester than it opens';
  return undefined;
}

/** What a field would commit to; `undefined` for a salt that is not one. */
export function commitmentIn(field: string, salt: string, text: string): string | undefined {
  return digestCommitment(field, salt, sha256(text));
}

/** The same, of a digest: 64 hex digits; `undefined` for one that is not. */
export function digestCommitment(field: string, salt: string, digest: string): string | undefined {
  try {
    return commitmentOf(field, salt, digest);
  } catch {
    return undefined;
  }
}
