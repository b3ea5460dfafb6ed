import { canonicalDigest } from '../common/canonical.js';
import { nextId } from '../common/ids.js';
import { frozenCopy } from '../model/copyData.js';
import type { DecisionRequest } from '../model/Decision.js';
import type { Params, Session } from '../model/Params.js';

/** The digest of no session at all. */
const NO_SESSION = 'none';

/** What a request is about, beside its params. */
export interface CallFacts {
  readonly agentId: string;
  readonly toolName: string;
  readonly guardKey: string;
  readonly session: Session | null;
  readonly groups: readonly string[];
  readonly opaque: readonly string[];
  /** Whether a schema will check what a sanitize leaves. */
  readonly hasSchema: boolean;
  readonly approvalTimeoutMs: number;
}

/**
 * One call's snapshot. The method gets `values`; whoever decides sees `params`, a frozen copy made when first read, so that nothing a service
 * does to it reaches the method. Digests and ids are made when first read: an allow in the same process needs neither.
 */
export class CallRequest implements DecisionRequest {
  /** The method's own copy. */
  readonly values: Params;
  readonly agentId: string;
  readonly toolName: string;
  readonly guardKey: string;
  readonly session: Session | null;
  readonly groups: readonly string[];
  readonly opaque: readonly string[];
  readonly approvalTimeoutMs: number;
  readonly #hasSchema: boolean;
  #callId: string | undefined;
  #params: Params | undefined;
  #paramsDigest: string | undefined;
  #sessionDigest: string | undefined;

  constructor(values: Params, facts: CallFacts) {
    this.values = values;
    this.agentId = facts.agentId;
    this.toolName = facts.toolName;
    this.guardKey = facts.guardKey;
    this.session = facts.session;
    this.groups = facts.groups;
    this.opaque = facts.opaque;
    this.approvalTimeoutMs = facts.approvalTimeoutMs;
    this.#hasSchema = facts.hasSchema;
  }

  get callId(): string {
    this.#callId ??= nextId('call');
    return this.#callId;
  }

  get params(): Params {
    this.#params ??= frozenCopy(this.values);
    return this.#params;
  }

  get paramsDigest(): string {
    this.#paramsDigest ??= canonicalDigest(this.params);
    return this.#paramsDigest;
  }

  get sessionDigest(): string {
    this.#sessionDigest ??= digestOfSession(this.session);
    return this.#sessionDigest;
  }

  /** With a schema any param may go: the schema then says whether the call holds without it. Without one, none may. */
  get removable(): readonly string[] {
    return this.#hasSchema ? Object.keys(this.values) : [];
  }
}

/** The digest that binds an approval to a session. */
export function digestOfSession(session: Session | null): string {
  return session === null ? NO_SESSION : canonicalDigest(session);
}
