import { canonicalDigest } from '../../common/data/canonical.js';
import { randomId } from '../../common/nextId.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import { PreviewNeeded } from '../../decision/preview/PreviewNeeded.js';
import type { DecideRequest } from '../../decision/wire/decideRequest.js';
import { previewedParams } from '../../decision/wire/wirePreview.js';
import { AMEND, CONSUME, DIGEST_HEADER, EFFECTIVE_DIGEST, PREVIEW } from '../../decision/wire/wireHeaders.js';
import { digestOfSession } from '../../model/bindingBase.js';
import type { DecisionRequest, RemoteCall } from '../../model/Decision.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import type { Params, Session } from '../../model/Params.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Caller } from '../access/Caller.js';
import type { Tenant } from '../tenant/Tenant.js';

/** The longest that an approval may stay pending: 100 years. */
const MAX_TIMEOUT_MS = 3_153_600_000_000;
const NONE: readonly string[] = Object.freeze([]);

/** What a call is, wherever it comes from. */
type CallFields = Pick<DecisionRequest, 'agentId' | 'toolName' | 'guardKey' | 'params' | 'session' | 'opaque' | 'sensitive'>;

/** A call in another process, as a decision service gets it. Digests are made when they are first read. */
export class RemoteRequest implements DecisionRequest {
  readonly callId: string;
  readonly agentId: string;
  readonly toolName: string;
  readonly guardKey: string;
  readonly params: Params;
  readonly session: Session | null;
  readonly groups: readonly string[];
  readonly opaque: readonly string[];
  readonly sensitive: Sensitive | undefined;
  readonly removable: readonly string[];
  readonly approvalTimeoutMs: number;
  readonly remote: RemoteCall;
  readonly preview: DecisionRequest['preview'];
  #paramsDigest: string | undefined;
  #sessionDigest: string | undefined;
  #bindingBase: string | undefined;

  private constructor(
    call: CallFields,
    rest: Pick<DecisionRequest, 'callId' | 'groups' | 'removable' | 'approvalTimeoutMs'> & { readonly remote: RemoteCall },
    bindingBase?: string,
    preview?: DecisionRequest['preview'],
  ) {
    this.callId = rest.callId;
    this.agentId = call.agentId;
    this.toolName = call.toolName;
    this.guardKey = call.guardKey;
    this.params = call.params;
    this.session = call.session;
    this.groups = rest.groups;
    this.opaque = call.opaque;
    this.sensitive = call.sensitive;
    this.removable = rest.removable;
    this.approvalTimeoutMs = rest.approvalTimeoutMs;
    this.remote = rest.remote;
    this.#bindingBase = bindingBase;
    this.preview = preview;
  }

  /**
   * The call that a client asks about.
   *
   * @param fingerprint of the request, where it has a key
   * @throws BadRequestError where its digest of the params is another one
   */
  static of(wire: DecideRequest, caller: Caller, { tools }: Pick<Tenant, 'tools'>, fingerprint?: string): RemoteRequest {
    const { capabilities, idempotencyKey, nonce, toolName, bindingBase, approvalTimeoutMs = DAY_MS } = wire;
    const consumes = capabilities.has(CONSUME);
    const appliesChanges = capabilities.has(EFFECTIVE_DIGEST);
    // what a person makes of params is told with their types
    const amends = capabilities.has(AMEND) && appliesChanges && wire.knowsTypes;
    const idempotency = idempotencyKey === undefined || fingerprint === undefined ? undefined : { key: idempotencyKey, fingerprint };
    const request = new RemoteRequest(
      wire,
      {
        callId: idempotencyKey ?? nonce ?? randomId('call'),
        groups: tools.get(toolName)?.groups ?? NONE,
        // who does not know removals would run with what was removed
        removable: appliesChanges ? wire.removable : NONE,
        approvalTimeoutMs: Math.min(approvalTimeoutMs, MAX_TIMEOUT_MS),
        remote: Object.freeze({
          idempotency,
          consumes,
          appliesChanges,
          amends,
          sentPreview: wire.preview?.outcome,
          sessionTrusted: caller.sessionTrusted,
        }),
      },
      // who cannot use an approval up names no call for it: the server does, and uses it up itself
      consumes ? bindingBase : undefined,
      previewOf(wire),
    );
    if (wire.paramsDigest !== undefined && wire.paramsDigest !== request.paramsDigest)
      throw new BadRequestError(
        `The header ${DIGEST_HEADER} is not the digest of the params in the body: they were changed on their way, or hold values whose types the request does not name.`,
        { code: 'params_digest_mismatch' },
      );
    return request;
  }

  /** The call that an approval was opened for, asked about again: nothing is opened for it. */
  static ofRecord(record: ApprovalRecord, { tools }: Pick<Tenant, 'tools'>): RemoteRequest {
    const { toolName, originalParams, sessionTrusted = true } = record;
    return new RemoteRequest(
      { ...record, params: originalParams },
      {
        callId: randomId('call'),
        groups: tools.get(toolName)?.groups ?? NONE,
        // it must come to the very params that were approved, so that no removal is one too many
        removable: Object.keys(originalParams),
        approvalTimeoutMs: MAX_TIMEOUT_MS,
        remote: Object.freeze({ consumes: false, appliesChanges: true, sessionTrusted, opens: false as const }),
      },
    );
  }

  get paramsDigest(): string {
    this.#paramsDigest ??= canonicalDigest(this.params);
    return this.#paramsDigest;
  }

  get sessionDigest(): string {
    this.#sessionDigest ??= digestOfSession(this.session);
    return this.#sessionDigest;
  }

  get bindingBase(): string {
    const { agentId, toolName, guardKey, paramsDigest, sessionDigest } = this;
    this.#bindingBase ??= canonicalDigest(['aegis answer 1', agentId, toolName, guardKey, paramsDigest, sessionDigest]);
    return this.#bindingBase;
  }
}

/** The preview that a client has sent, or can make. One of other params than would run does not count. */
function previewOf({ preview, capabilities }: DecideRequest): DecisionRequest['preview'] {
  if (preview === undefined && !capabilities.has(PREVIEW)) return undefined;
  return (params) => {
    if (preview !== undefined && preview.of === previewedParams(params)) return preview.outcome;
    throw new PreviewNeeded(params);
  };
}
