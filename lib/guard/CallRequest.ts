import { canonicalDigest } from '../common/canonical.js';
import { nextId } from '../common/ids.js';
import { copyData, frozenCopy } from '../model/copyData.js';
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
 * One call's snapshot. Whoever decides sees `params`, a frozen copy made when first read; the method's own copy cannot be reached from here, so
 * that nothing a service does to a request changes the call. Digests and ids are made when first read: an allow in the same process needs neither.
 */
export class CallRequest implements DecisionRequest {
  readonly agentId: string;
  readonly toolName: string;
  readonly guardKey: string;
  readonly session: Session | null;
  readonly groups: readonly string[];
  readonly opaque: readonly string[];
  readonly approvalTimeoutMs: number;
  readonly #values: Params;
  readonly #hasSchema: boolean;
  #callId: string | undefined;
  #params: Params | undefined;
  #paramsDigest: string | undefined;
  #sessionDigest: string | undefined;

  constructor(values: Params, facts: CallFacts) {
    this.#values = values;
    this.agentId = facts.agentId;
    this.toolName = facts.toolName;
    this.guardKey = facts.guardKey;
    this.session = facts.session;
    this.groups = facts.groups;
    this.opaque = facts.opaque;
    this.approvalTimeoutMs = facts.approvalTimeoutMs;
    this.#hasSchema = facts.hasSchema;
    Object.freeze(this);
  }

  /** The method's own copy, for its one run. Whoever reads the request afterwards still finds what was decided on. */
  static release(request: CallRequest): Params {
    return request.#params === undefined ? copyData(request.#values) : request.#values;
  }

  get callId(): string {
    this.#callId ??= nextId('call');
    return this.#callId;
  }

  get params(): Params {
    this.#params ??= frozenCopy(this.#values);
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
    return this.#hasSchema ? Object.keys(this.#values) : [];
  }
}

/** The digest that binds an approval to a session. */
export function digestOfSession(session: Session | null): string {
  return session === null ? NO_SESSION : canonicalDigest(session);
}
