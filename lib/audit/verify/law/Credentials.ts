import type { AmendedRecord, CredentialRecord, VerdictRecord } from '../../record/AuditRecord.js';

/** The passkeys that the logs say were registered and removed. */
export class Credentials {
  readonly #records = new Map<string, CredentialRecord[]>();
  /** The challenges that were signed, with the verdict or the edit that they are over. */
  readonly #signed = new Map<string, string>();

  add(record: CredentialRecord): void {
    const records = this.#records.get(record.credential);
    if (records === undefined) this.#records.set(record.credential, [record]);
    else records.push(record);
  }

  /** The public key (COSE, base64url) with which that person could sign at the time of a verdict or an edit. */
  keyAt({ writer, seq, at, committedAt, by, tenantId }: VerdictRecord | AmendedRecord, credential: string): string | undefined {
    let found: CredentialRecord | undefined;
    for (const record of this.#records.get(credential) ?? []) {
      if (record.person !== by || record.tenantId !== tenantId) continue;
      // in one log by place, across logs by time, and so is a verdict that was written late
      const isBefore = record.writer === writer && committedAt === undefined ? record.seq < seq : record.at <= (committedAt ?? at);
      if (isBefore && record.at >= (found?.at ?? 0)) found = record;
    }
    return found?.act === 'registered' ? found.publicKey : undefined;
  }

  /** Whether no other verdict has that signature: a person signs one verdict at a time, and its statement, which would show the other one, may be erased. */
  isOver(challenge: string, record: VerdictRecord | AmendedRecord): boolean {
    const { decisionId, tenantId = '', by, effective } = record;
    const verdict = JSON.stringify([decisionId, tenantId, by, statedAs(record), effective]);
    const first = this.#signed.get(challenge);
    if (first === undefined) this.#signed.set(challenge, verdict);
    return first === undefined || first === verdict;
  }
}

/** What a signed statement calls it. */
export function statedAs(record: VerdictRecord | AmendedRecord): 'approve' | 'deny' | 'amend' {
  if (record.kind === 'amended') return 'amend';
  return record.approved ? 'approve' : 'deny';
}
