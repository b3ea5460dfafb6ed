import type { CredentialRecord, VerdictRecord } from '../../record/AuditRecord.js';

/** The passkeys that the logs say were registered and removed. */
export class Credentials {
  readonly #records = new Map<string, CredentialRecord[]>();

  add(record: CredentialRecord): void {
    const records = this.#records.get(record.credential);
    if (records === undefined) this.#records.set(record.credential, [record]);
    else records.push(record);
  }

  /** The public key (COSE, base64url) with which that person could sign at the time of a verdict. */
  keyAt({ writer, seq, at, committedAt, by, tenantId }: VerdictRecord, credential: string): string | undefined {
    let key: string | undefined;
    // in one log by place, across logs by time, and so is a verdict that was written late
    const before = (this.#records.get(credential) ?? []).filter((record) =>
      record.writer === writer && committedAt === undefined ? record.seq < seq : record.at <= (committedAt ?? at),
    );
    for (const { act, person, publicKey, tenantId: tenant } of before.toSorted((a, b) => a.at - b.at)) {
      if (person !== by || tenant !== tenantId) continue;
      key = act === 'registered' ? publicKey : undefined;
    }
    return key;
  }
}
