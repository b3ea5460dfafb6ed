import { canonicalDigest } from '../../common/data/canonical.js';
import { nextId } from '../../common/nextId.js';
import { ArgumentList, recordOf } from '../../model/snapshot/ArgumentList.js';
import { copyData, frozenCopy } from '../../model/snapshot/copyValue.js';
import { bindingBase, digestOfSession } from '../../model/bindingBase.js';
import type { DecisionRequest } from '../../model/Decision.js';
import type { Params, Session } from '../../model/Params.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import { classNameOf } from './classNameOf.js';
import type { CallFacts, OwnParams } from './GuardedCall.js';
import type { GuardRuntime } from './GuardRuntime.js';

const NONE: readonly string[] = [];

/**
 * The snapshot of one call, as a decision service gets it. The service sees `params`, a frozen copy that is made when it is first read. It cannot reach
 * the method's own copy, so nothing that it does to a request changes the call. Digests and ids too are made when they are first read: an allow in this
 * process needs neither.
 */
export class CallRequest implements DecisionRequest {
  readonly agentId: string;
  readonly toolName: string;
  readonly guardKey: string;
  readonly session: Session | null;
  readonly groups: readonly string[];
  readonly opaque: readonly string[];
  readonly approvalTimeoutMs: number;
  #snapshot: OwnParams | undefined;
  readonly #hasSchema: boolean;
  readonly #call: CallFacts<never>;
  #callId: string | undefined;
  #params: Params | undefined;
  #paramsDigest: string | undefined;
  #sessionDigest: string | undefined;
  #bindingBase: string | undefined;

  constructor(snapshot: OwnParams, call: CallFacts<never>, { approvalTimeoutMs }: Pick<GuardRuntime, 'approvalTimeoutMs'>) {
    this.#snapshot = snapshot;
    const { toolName } = call;
    this.agentId = call.agentId;
    this.toolName = toolName;
    this.guardKey = call.guardKey ?? toolName;
    this.session = call.session ?? null;
    this.groups = call.groups ?? NONE;
    this.opaque = call.opaque ?? NONE;
    this.approvalTimeoutMs = call.approvalTimeoutMs ?? approvalTimeoutMs;
    this.#hasSchema = call.schema !== undefined;
    this.#call = call;
    Object.freeze(this);
  }

  /** The method's own copy, for its one run. The request still shows what was decided on afterwards. */
  static release(request: CallRequest): OwnParams {
    const snapshot = request.#snapshot as OwnParams;
    if (request.#params !== undefined) {
      request.#snapshot = undefined;
      return snapshot;
    }
    return snapshot instanceof ArgumentList ? snapshot.copy() : copyData(snapshot);
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
    this.#params ??= frozenCopy(recordOf(this.#snapshot as OwnParams));
    return this.#params;
  }

  get paramsDigest(): string {
    // of the snapshot while it is here: a service or journal that has `params` may have changed a Date in them, which cannot be frozen
    this.#paramsDigest ??= canonicalDigest(
      this.#snapshot instanceof ArgumentList ? recordOf(this.#snapshot) : (this.#snapshot ?? this.params),
    );
    return this.#paramsDigest;
  }

  get sessionDigest(): string {
    this.#sessionDigest ??= digestOfSession(this.session);
    return this.#sessionDigest;
  }

  get wireTypes(): 'string' | undefined {
    return this.#call.wireTypes;
  }

  get sensitive(): Sensitive | undefined {
    return this.#call.sensitive;
  }

  get preview(): DecisionRequest['preview'] {
    const { preview } = this.#call;
    return preview && ((params) => preview(this, params));
  }

  get bindingBase(): string {
    this.#bindingBase ??= this.#call.bindingBase ?? this.#bindCall();
    return this.#bindingBase;
  }

  /** With a schema a sanitize may remove any param: the schema then checks the call without it. Without a schema it may remove none. */
  get removable(): readonly string[] {
    return this.#hasSchema ? Object.keys(this.params) : [];
  }

  #bindCall(): string {
    const { mode = 'wait', idempotent = false, argumentCount = 0, signature, target } = this.#call;
    const { agentId, toolName, guardKey, paramsDigest: originalDigest, sessionDigest } = this;
    const resumable = isResumable(this.#call);
    const caller = { agentId, toolName, guardKey, mode, idempotent, resumable, originalDigest, sessionDigest };
    return bindingBase({ ...caller, argumentCount, target: classNameOf(target), signature: signature ?? '' });
  }
}

/** Whether another process may run a call: what waits in this one ends with it, and so does what cannot be told from other calls. */
export function isResumable({ mode = 'wait', signature }: CallFacts<never>): boolean {
  return mode !== 'wait' && signature !== undefined;
}
