import type { AuditFinding, AuditVerdict } from './AuditReport.js';

/** Gathers what is wrong, as far as anyone reads it. */
export class Findings {
  readonly #limit: number;
  readonly #findings: AuditFinding[] = [];
  #more = 0;

  /** @param limit how many are kept; the rest is counted */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(code: string, writer: string, seq: number | undefined, message: string): void {
    if (this.#findings.length < this.#limit)
      this.#findings.push(seq === undefined ? { code, writer, message } : { code, writer, seq, message });
    else this.#more += 1;
  }

  /** By log and position. */
  verdict(): AuditVerdict {
    const findings = this.#findings.toSorted(
      (a, b) => (a.writer < b.writer ? -1 : a.writer > b.writer ? 1 : 0) || (a.seq ?? Infinity) - (b.seq ?? Infinity) || 0,
    );
    return { ok: findings.length === 0 && this.#more === 0, findings, more: this.#more };
  }
}
