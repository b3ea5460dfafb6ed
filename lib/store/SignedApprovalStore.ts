import { createHmac, timingSafeEqual } from 'node:crypto';
import { chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { canonicalText } from '../common/data/canonical.js';
import type { SecretString } from '../common/SecretString.js';
import { publishDiagnostic } from '../model/diagnostics.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore, BindOlder } from './ApprovalStore.js';
import { fromStoredJson, toStoredJson } from './storedJson.js';

/**
 * Signs every approval with a key that is not in the store (HMAC-SHA-256 over the whole record, verdicts included), and ignores records without a valid
 * signature. Someone who can write the store but does not have the key cannot approve. It does not protect against putting back an earlier state of the
 * whole store.
 */
export class SignedApprovalStore implements ApprovalStore {
  readonly #inner: ApprovalStore;
  readonly #key: SecretString;

  constructor(inner: ApprovalStore, key: SecretString) {
    this.#inner = inner;
    this.#key = key;
  }

  open(): Awaitable<void> {
    return this.#inner.open?.();
  }

  close(): Awaitable<void> {
    return this.#inner.close?.();
  }

  insert(record: ApprovalRecord): Awaitable<boolean> {
    return this.#inner.insert(this.#signed(record));
  }

  get(decisionId: string): Awaitable<ApprovalRecord | undefined> {
    return chain(this.#inner.get(decisionId), (record) => {
      if (record === undefined || !this.#isSigned(record)) return undefined;
      // a valid signature proves what the record says, not that it is in its own row
      if (record.decisionId === decisionId) return record;
      const message = 'A stored approval is in the row of another one, so it is ignored: check who can write the store.';
      const { agentId, toolName } = record;
      publishDiagnostic({ kind: 'security', code: 'approval_row_swapped', message, agentId, toolName, decisionId });
      return undefined;
    });
  }

  replace(record: ApprovalRecord, version: number): Awaitable<boolean> {
    return this.#inner.replace(this.#signed(record), version);
  }

  list(query: ApprovalQuery): Awaitable<readonly ApprovalRecord[]> {
    return chain(this.#inner.list(query), (records) => records.filter((record) => this.#isSigned(record)));
  }

  countPending(agentId: string, toolName: string): Awaitable<number> {
    return this.#inner.countPending(agentId, toolName);
  }

  listDenied(agentId: string, toolName: string, sinceMs: number): Awaitable<readonly ApprovalRecord[]> {
    return chain(this.#inner.listDenied(agentId, toolName, sinceMs), (records) => records.filter((record) => this.#isSigned(record)));
  }

  prune(endedByMs: number): Awaitable<number> {
    return this.#inner.prune(endedByMs);
  }

  bindOlder(bind: BindOlder): Awaitable<void> {
    return this.#inner.bindOlder?.((record, task) => {
      const bound = this.#isSigned(record) ? bind(record, task) : undefined;
      return bound && this.#signed(bound);
    });
  }

  #signed(record: ApprovalRecord): ApprovalRecord {
    return { ...record, mac: this.#macOf(record) };
  }

  #isSigned(record: ApprovalRecord): boolean {
    const { mac, agentId, toolName, decisionId } = record;
    // a store may withdraw an approval by itself, for example once it was restored: nothing can run because of that
    if (record.status === 'withdrawn') return true;
    const expected = Buffer.from(this.#macOf(record));
    const given = Buffer.from(typeof mac === 'string' ? mac : '');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return true;
    const message =
      'A stored approval has no valid signature of this state key, so it is ignored: check that all processes have the same `stateKey`, and who can write the store.';
    publishDiagnostic({ kind: 'security', code: 'approval_signature_invalid', message, agentId, toolName, decisionId });
    return false;
  }

  #macOf(record: ApprovalRecord): string {
    // as the store returns it: without undefined fields
    const text = canonicalText(fromStoredJson(toStoredJson({ ...record, mac: undefined })));
    return createHmac('sha256', this.#key.reveal()).update(text).digest('base64url');
  }
}
