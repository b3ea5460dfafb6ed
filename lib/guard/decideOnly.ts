import { callSafely } from '../common/awaitable.js';
import { isPlainObject } from '../common/data/plainObject.js';
import { didYouMean } from '../common/didYouMean.js';
import { checkDecision, checkStatus } from '../model/checkDecision.js';
import type { ApprovalNeededDecision, Decision, DecisionStatus, SanitizeDecision } from '../model/Decision.js';
import { publishCallbackError } from '../model/diagnostics.js';
import { ParamsError } from '../model/errors/CallErrors.js';
import { ShutdownError } from '../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../model/errors/ServiceErrors.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import { checkCall } from './call/checkCall.js';
import { checkEffectiveParams } from './call/checkEffectiveParams.js';
import type { CallRequest } from './call/CallRequest.js';
import type { CallFacts } from './call/GuardedCall.js';
import type { GuardRuntime } from './call/GuardRuntime.js';
import { refused } from './call/refusals.js';
import type { Proposal, ProposedCall } from './call/ProposedCall.js';
import { prepare, shownDecision, untilAborted } from './decideCall.js';

const FIELDS: readonly string[] = [
  'agentId',
  'toolName',
  'params',
  'session',
  'groups',
  'schema',
  'signal',
] satisfies (keyof ProposedCall)[];

/** Decides a call as a guard would, and leaves it at that: no task, no run, and no approval that stays open where the service can help it. */
export async function decideOnly(runtime: GuardRuntime, proposal: Proposal): Promise<Decision> {
  const call = callOf(runtime, proposal);
  try {
    const request = await prepare(runtime, call);
    const beganMs = performance.now();
    const decision = await untilAborted(ask(runtime, call, request), call.signal, call.toolName);
    const durationMs = performance.now() - beganMs;
    runtime.journal?.note({ kind: 'decided', request, decision: shownDecision(decision, runtime.limits), dryRun: true, durationMs });
    if ((decision.effect !== 'sanitize' && decision.effect !== 'approval_needed') || decision.params === undefined)
      return Object.freeze({ ...decision });
    const params = await checkEffectiveParams(decision.params, call, request, runtime.limits);
    return Object.freeze<SanitizeDecision | ApprovalNeededDecision>({ ...decision, params });
  } catch (error) {
    throw refused(call, error).error;
  }
}

/** Reads the status of an approval. */
export async function readDecisionStatus(runtime: GuardRuntime, decisionId: string): Promise<DecisionStatus> {
  if (typeof decisionId !== 'string' || decisionId === '' || decisionId.length > 512)
    throw new ParamsError('', '`decisionId` must be a string of 1 to 512 characters, as a decision has it.', { code: 'invalid_call' });
  if (runtime.closed)
    throw new ShutdownError('The module is closed, so it asks no service. Configure a new module, or close this one later.');
  let answer: unknown;
  try {
    await runtime.opening;
    answer = await runtime.decisions.status(decisionId, {});
  } catch (error) {
    throw refused({ agentId: '', toolName: 'unknown' }, error).error;
  }
  const status = checkStatus(answer);
  if (status === undefined)
    throw new DecisionUnavailableError('malformed', "The decision service's answer is not a status: it has no readable decisionId.");
  if (status.decisionId === decisionId) return Object.freeze(status);
  throw new DecisionUnavailableError('echo_mismatch', 'The decision service answered for another decision than it was asked about.');
}

/** @throws what a guard would refuse the call with before the decision */
function callOf(runtime: GuardRuntime, { given, fields, params, session }: Proposal): CallFacts {
  if (!isPlainObject(given)) throw invalid('`decide()` takes a plain object with `toolName` and `params`.');
  for (const name of Object.keys(fields)) {
    if (FIELDS.includes(name)) continue;
    const hint = didYouMean(name, FIELDS) || `; it takes ${FIELDS.join(', ')}.`;
    throw invalid(`\`${name.slice(0, 64)}\` is not a field of the call that \`decide()\` takes${hint}`);
  }
  const { agentId = runtime.agentId, toolName, groups, schema, signal } = fields;
  if (agentId === undefined) {
    const message = 'is not known; give decide() an `agentId`, or the module.';
    throw new ConfigError([{ where: 'agentId', message }]);
  }
  checkCall({ agentId, toolName, params: fields.params });
  if (groups !== undefined && !(Array.isArray(groups) && groups.every((group) => typeof group === 'string')))
    throw invalid('`groups` must be a list of strings, as the guard of the tool has them.');
  return { agentId, toolName, schema, signal, groups, session: session(), takeSnapshot: params };
}

/** Asks without opening an approval, or else takes back the one that was opened, also where its caller did not wait for the answer. */
async function ask(runtime: GuardRuntime, { signal }: CallFacts, request: CallRequest): Promise<Decision> {
  const { decisions, journal } = runtime;
  if (decisions.dryRun !== undefined) return checkDecision(await decisions.dryRun(request, { signal }), request, journal);
  const decision = checkDecision(await decisions.decide(request, { signal }), request, journal);
  if (decision.limits !== undefined) await giveBack(runtime, decision);
  if (decision.effect === 'approval_needed')
    callSafely(
      () => withdrawUnlessAwaited(runtime, decision),
      [],
      (error) => publishCallbackError('notifying the decision service (withdraw)', error),
    );
  return decision;
}

/** The service has counted a call that no one makes. */
async function giveBack({ decisions }: GuardRuntime, { decisionId }: Decision): Promise<void> {
  try {
    await decisions.release?.(decisionId);
  } catch (error) {
    publishCallbackError('notifying the decision service (release)', error);
  }
}

/** A service may answer with the approval of another call, whose caller still waits for it. */
async function withdrawUnlessAwaited({ decisions, tasks }: GuardRuntime, { decisionId }: Decision): Promise<void> {
  if (decisions.withdraw !== undefined && (await tasks.store.ofDecision(decisionId)) === undefined) await decisions.withdraw(decisionId);
}

function invalid(message: string): ParamsError {
  return new ParamsError('', message, { code: 'invalid_call' });
}
