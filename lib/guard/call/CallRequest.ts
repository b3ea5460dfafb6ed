import { canonicalDigest } from '../../common/data/canonical.js';
import { nextId } from '../../common/nextId.js';
import { ArgumentList, recordOf } from '../../model/snapshot/ArgumentList.js';
import { copyData, frozenCopy } from '../../model/snapshot/copyData.js';
import type { DecisionRequest } from '../../model/Decision.js';
import type { Params, Session } from '../../model/Params.js';
import type { CallFacts, OwnParams } from './GuardedCall.js';
import type { GuardRuntime } from './GuardRuntime.js';

const NONE: readonly string[] = [];

/** The digest of no session at all. */
const NO_SESSION = 'none';

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
  #values: OwnParams | undefined;
  readonly #hasSchema: boolean;
  #callId: string | undefined;
  #params: Params | undefined;
  #paramsDigest: string | undefined;
  #sessionDigest: string | undefined;

  constructor(values: OwnParams, call: CallFacts<never>, { approvalTimeoutMs }: Pick<GuardRuntime, 'approvalTimeoutMs'>) {
    this.#values = values;
    const { toolName } = call;
    this.agentId = call.agentId;
    this.toolName = toolName;
    this.guardKey = call.guardKey ?? toolName;
    this.session = call.session ?? null;
    this.groups = call.groups ?? NONE;
    this.opaque = call.opaque ?? NONE;
    this.approvalTimeoutMs = call.approvalTimeoutMs ?? approvalTimeoutMs;
    this.#hasSchema = call.schema !== undefined;
    Object.freeze(this);
  }

  /** The method's own copy, for its one run. Whoever reads the request afterwards still finds what was decided on. */
  static release(request: CallRequest): OwnParams {
    const values = request.#values as OwnParams;
    if (request.#params !== undefined) return values;
    return values instanceof ArgumentList ? values.copy() : copyData(values);
  }

  /** The request of a call that waits, made once more: params, callId and caller are those it was decided with. */
  static of(params: Params, callId: string, call: CallFacts<never>, runtime: Pick<GuardRuntime, 'approvalTimeoutMs'>): CallRequest {
    const request = new CallRequest(params, call, runtime);
    request.#params = params;
    request.#callId = callId;
    return request;
  }

  get callId(): string {
    this.#callId ??= nextId('call');
    return this.#callId;
  }

  get params(): Params {
    this.#params ??= frozenCopy(recordOf(this.#values as OwnParams));
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
    return this.#hasSchema ? Object.keys(this.params) : [];
  }
}

/** The digest that binds an approval to a session. */
export function digestOfSession(session: Session | null): string {
  return session === null ? NO_SESSION : canonicalDigest(session);
}
