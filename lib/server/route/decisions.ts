import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { randomId } from '../../common/nextId.js';
import { monotonicNow, SteadyClock } from '../../common/time/SteadyClock.js';
import { reasonOf } from '../../decision/halt/haltedBy.js';
import { decideRequest, dryRunRequest, readDecideRequest, readDryRunRequest } from '../../decision/wire/decideRequest.js';
import type { DecideRequest } from '../../decision/wire/decideRequest.js';
import {
  decisionAnswer,
  dryRunAnswer,
  writeDecisionAnswer,
  writeDryRunAnswer,
  writePreviewNeeded,
} from '../../decision/wire/decisionAnswer.js';
import type { AnswerFields } from '../../decision/wire/decisionAnswer.js';
import { PreviewNeeded } from '../../decision/preview/PreviewNeeded.js';
import { readBody, withdrawBody } from '../../decision/wire/readBody.js';
import { BINDING_HEADER, CONSUME, IDEMPOTENCY_HEADER } from '../../decision/wire/wireHeaders.js';
import { CAPABILITIES } from '../../model/Capability.js';
import { digestOfSession } from '../../model/bindingBase.js';
import type { Decision } from '../../model/Decision.js';
import { EVIDENCE, newSalt } from '../../model/DecisionEvidence.js';
import type { HaltableCall } from '../../model/halt/Halt.js';
import { AegisError } from '../../model/AegisError.js';
import type { DenialCode } from '../../model/terms/DenialCode.js';
import { KEY_REUSED } from '../../decision/desk/ApprovalRequest.js';
import { RequestError } from '../front/RequestError.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import type { Caller } from '../access/Caller.js';
import { AnswerReplays } from '../decide/AnswerReplays.js';
import { coveredApproval, requireAgent, soleAgent } from '../decide/covers.js';
import { forbiddenNull, nullReason } from '../decide/forbiddenNull.js';
import { RemoteRequest } from '../decide/RemoteRequest.js';
import { endIfWithdrawn, withdrawRequest } from '../decide/withdrawnRequests.js';
import type { Tenant } from '../tenant/Tenant.js';
import { haltOn, refusedWhileHalted } from '../tenant/haltsOf.js';
import type { Answer, CallerInput, Route } from './Route.js';

const ERRORS = ['agent_not_covered', 'params_digest_mismatch', 'idempotency_mismatch', 'capacity'];

/** What the routes of decisions need. */
export interface DecisionRoutesOptions {
  /** @defaultValue a clock of its own */
  readonly clock?: SteadyClock | undefined;
}

/** `POST /v1/decision`, `/v1/decision/{id}/reevaluate`, `/v1/decisions/withdraw` and `/v1/decisions/dry-run`: how calls are decided. */
export function decisionRoutes({ clock = new SteadyClock() }: DecisionRoutesOptions = {}): readonly Route[] {
  const replays = new AnswerReplays();
  return [
    {
      method: 'POST',
      path: '/v1/decision',
      name: 'decide',
      summary: 'Decides one call of a tool: allow, deny, sanitize, or approval by a person.',
      scope: 'decide',
      request: decideRequest,
      answers: { 200: decisionAnswer },
      errors: ERRORS,
      handle: (input) => decide(input, replays, undefined),
    },
    {
      method: 'POST',
      path: '/v1/decision/:id/reevaluate',
      name: 'reevaluate',
      summary: 'Decides a call again before it runs under its approval. An answer approval_needed names a new approval.',
      scope: 'decide',
      request: decideRequest,
      answers: { 200: decisionAnswer },
      errors: [...ERRORS, 'halted', 'halt_unknown'],
      handle: (input) => {
        const id = input.params['id'] as string;
        return chain(coveredApproval(input, id), () => decide(input, replays, id));
      },
    },
    {
      method: 'POST',
      path: '/v1/decisions/withdraw',
      name: 'withdrawRequest',
      summary: 'Gives up a request for a decision whose answer its client did not get: what it opened, or still opens, is withdrawn.',
      scope: 'decide',
      request: withdrawBody,
      answers: { 204: undefined },
      errors: ['agent_not_covered'],
      handle: async ({ caller, tenant, body }) => {
        const { agent_id: agentId, idempotency_key: key } = readBody(withdrawBody, body);
        requireAgent(caller, agentId);
        await withdrawRequest(tenant, agentId, key, clock.now());
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: '/v1/decisions/dry-run',
      name: 'dryRun',
      summary: 'Says how up to 200 calls would be decided, in their order. Opens no approval and uses nothing up.',
      scope: 'decide',
      request: dryRunRequest,
      answers: { 200: dryRunAnswer },
      errors: ['agent_not_covered'],
      handle: dryRun,
    },
  ];
}

/** @param approvalId the approval that the call is to run under */
function decide(input: CallerInput, replays: AnswerReplays, approvalId: string | undefined): Awaitable<Answer> {
  const startMs = monotonicNow();
  const { caller, tenant, headers, body } = input;
  const wire = readDecideRequest(headers, body);
  requireAgent(caller, wire.agentId);
  const answer = (decision: Decision): Answer => {
    const written = writeDecisionAnswer(decision, wire, fieldsOf(input, wire.capabilities, startMs));
    return { status: 200, headers: written.headers, body: written.body };
  };
  if (wire.capabilities.has(CONSUME) && wire.bindingBase === undefined) throw bindingMissing();
  const refused = refusedNull(wire, tenant);
  if (refused !== undefined) {
    tenant.audit?.decided({ request: RemoteRequest.of(wire, caller, tenant), decision: refused, approvalId });
    return answer(refused);
  }
  const { idempotencyKey } = wire;
  const fingerprint = idempotencyKey === undefined ? undefined : fingerprintOf(wire, caller, approvalId);
  const request = RemoteRequest.of(wire, caller, tenant, fingerprint);
  const { decisions } = tenant;
  const opened = (decision: Decision): Awaitable<Decision> =>
    idempotencyKey === undefined ? decision : endIfWithdrawn(tenant, wire.agentId, idempotencyKey, decision);
  const refuseHalted = (halted: AegisError): Decision => {
    tenant.haltRefusals.count += 1;
    // an approved call waits until it is lifted
    if (approvalId !== undefined) throw refusedWhileHalted(halted);
    return haltedDecision(halted, request, tenant);
  };
  const ask = (): Awaitable<Decision> =>
    chain(approvalId === undefined ? decisions.decide(request) : decisions.reevaluate(request, approvalId), (decided) =>
      // its client knows of no halts: one that was ordered while this was decided counts
      chain(decided.effect === 'allow' || decided.effect === 'sanitize' ? haltOn(tenant.halts, request) : undefined, (halted) => {
        const decision = halted === undefined ? decided : refuseHalted(halted);
        tenant.audit?.decided({ request, decision, approvalId });
        // of a key for several agents it is not known which one asks; what is decided again, no agent has made
        if (approvalId === undefined && soleAgent(caller) !== undefined) tenant.autoHalt?.decided(request.agentId, decision);
        return opened(decision);
      }),
    );
  // what is halted is denied also where the same request was answered before
  return chain(haltOn(tenant.halts, request), (halted) => {
    if (halted !== undefined) {
      const decision = refuseHalted(halted);
      tenant.audit?.decided({ request, decision, approvalId });
      return answer(decision);
    }
    const preview = (error: unknown): Answer => {
      if (!(error instanceof PreviewNeeded)) return refuseReuse(error);
      const fields = fieldsOf(input, wire.capabilities, startMs);
      return { status: 200, ...writePreviewNeeded(randomId('dec'), error.params, wire, fields) };
    };
    if (fingerprint === undefined) return attempt(ask, answer, preview);
    const key = JSON.stringify([tenant.id, caller.id, idempotencyKey]);
    // what a watched policy would have done is told for each call, and ends at a time of its own; a grant may be over by now, and who is told that a call may
    // run is counted each time
    const isCurrent = ({ policySetHash, observed, grantId, limits }: Decision): boolean =>
      policySetHash === tenant.policies.hash && observed === undefined && grantId === undefined && limits === undefined;
    const state = tenant.halts.changes;
    return attempt(
      () => replays.decide({ key, fingerprint, bytes: body.length, state, sentPreview: digestOfSent(wire), isCurrent }, ask),
      answer,
      preview,
    );
  });
}

function haltedDecision(halted: AegisError, request: HaltableCall, { policies }: Tenant): Decision {
  const evidence = { salt: newSalt(), code: halted.code };
  return {
    effect: 'deny',
    decisionId: randomId('dec'),
    reason: reasonOf(halted, request),
    policySetHash: policies.hash,
    // one of the two that a halt has
    code: halted.code as DenialCode,
    [EVIDENCE]: evidence,
  };
}

/** The row of an approval knows its request for longer than this process, and at other servers. */
function refuseReuse(error: unknown): never {
  if (AegisError.is(error) && error.code === KEY_REUSED)
    throw new RequestError(422, KEY_REUSED, error.message, { field: IDEMPOTENCY_HEADER });
  throw error;
}

/** The deny of a call with a null that its tool does not allow. */
function refusedNull({ params, toolName, firstNull }: DecideRequest, { tools, policies }: Tenant): Decision | undefined {
  const at = firstNull === undefined ? undefined : forbiddenNull(params, tools.get(toolName)?.nullable ?? []);
  return at === undefined
    ? undefined
    : { effect: 'deny', decisionId: randomId('dec'), reason: nullReason(at), policySetHash: policies.hash };
}

/** SHA-256 over all that is asked, and by whom. The digest of typed params is also one of their form on the wire. */
function fingerprintOf(wire: DecideRequest, { tenantId, id }: Caller, approvalId: string | undefined): string {
  const {
    agentId,
    toolName,
    guardKey,
    params,
    session,
    removable,
    opaque,
    capabilities,
    approvalTimeoutMs,
    bindingBase,
    sensitive = {},
  } = wire;
  const call = { agentId, toolName, guardKey, params, session: digestOfSession(session), removable, opaque, sensitive };
  const client = {
    tenantId,
    id,
    capabilities: [...capabilities].sort(),
    approvalTimeoutMs: approvalTimeoutMs ?? 0,
    bindingBase: bindingBase ?? '',
  };
  return canonicalDigest(['aegis request 1', call, client, approvalId ?? '']);
}

/** A request is the same without its preview: a client that has lost the answer asks again before it makes one. */
function digestOfSent({ preview }: DecideRequest): string | undefined {
  return preview && canonicalDigest([preview.of, { ...preview.outcome }]);
}

function bindingMissing(): BadRequestError {
  return new BadRequestError(
    `The header ${BINDING_HEADER} is missing: a client with the capability ${CONSUME} sends it with each call, so that an approval is used for that call only.`,
  );
}

function fieldsOf({ requestId, tenant }: CallerInput, capabilities: ReadonlySet<string>, startMs: number): AnswerFields {
  // who says nothing of itself gets the hosted protocol, and nothing else
  const server = capabilities.size === 0 ? undefined : { capabilities: CAPABILITIES, consumable: capabilities.has(CONSUME) };
  return { requestId, tenantId: tenant.id, latencyMs: monotonicNow() - startMs, server };
}

async function dryRun(input: CallerInput): Promise<Answer> {
  const startMs = monotonicNow();
  const { caller, tenant, headers, body } = input;
  const calls = readDryRunRequest(headers, body);
  if (calls.length > 1) input.spend(calls.length - 1);
  for (const { agentId } of calls) requireAgent(caller, agentId);
  const decided: (readonly [Decision, DecideRequest])[] = [];
  for (const call of calls) {
    const request = RemoteRequest.of(call, caller, tenant);
    const halted = await haltOn(tenant.halts, request);
    const decision =
      refusedNull(call, tenant) ??
      (halted === undefined ? await tenant.decisions.dryRun(request) : haltedDecision(halted, request, tenant));
    tenant.audit?.decided({ request, decision, dryRun: true });
    decided.push([decision, call]);
  }
  return { status: 200, body: writeDryRunAnswer(decided, fieldsOf(input, new Set(), startMs)) };
}
