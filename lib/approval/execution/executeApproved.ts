import { attempt, chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { nextId } from '../../common/nextId.js';
import { copyData } from '../../model/snapshot/copyValue.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { summarizeError } from '../../model/AegisError.js';
import { bindingBaseOf } from '../../model/bindingBase.js';
import { checkDecision } from '../../model/checkDecision.js';
import type { ApprovedCall } from '../../decision/DecisionService.js';
import type { ApprovalNeededDecision, Decision } from '../../model/Decision.js';
import { ForbiddenError, OutcomeUnknownError } from '../../model/errors/RefusalErrors.js';
import { reportSecurity } from '../../model/Journal.js';
import type { Params } from '../../model/Params.js';
import type { ApprovedTask, ExecutingTask, Task } from '../../model/Task.js';
import { saltedDecision } from '../../model/Decision.js';
import { tellableDecision } from '../../model/view/withoutValues.js';
import { cancelledWith, deniedAtRun, otherCall, timedOut } from '../call/resolution.js';
import type { Resolution } from '../call/resolution.js';
import { abandonCall, dropCall, notifyService, settleCall } from '../call/settleCall.js';
import type { LastLook, PendingCall, RunApproved } from '../call/PendingCall.js';
import { claimNow, staleness, tokenHeld } from './Claim.js';
import type { Claim } from './Claim.js';
import { NotEnteredError, StaleClaimError } from './ExecutionHost.js';
import type { ExecutionHost } from './ExecutionHost.js';
import { askAgain } from './askAgain.js';
import { pause } from './pause.js';
import { recheckSafely } from './recheckSafely.js';
import { endUnknown, settleRun } from './settleRun.js';
import { unlessHalted } from './unlessHalted.js';

export { approveEdited } from './approveEdited.js';
export { drainExecutions, endOpenCalls } from './drain.js';

/** How long a call that has begun waits where the service or the store did not answer, in milliseconds. */
const AGAIN_MS = 1_000;

/** Runs a call, if it is approved and not on its way already. Settles when it has ended, or waits again. */
export function executeApproved(entry: PendingCall, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { task } = entry;
  if (task.status !== 'approved' || host.executing.has(entry) || host.signal.aborted) return;
  entry.phase = 'busy';
  host.pause(entry);
  host.executing.add(entry);
  const done = (): void => {
    host.executing.delete(entry);
    if (entry.execution !== undefined) entry.execution = undefined;
    // what another process has changed first is that one's, or waits again
    if (entry.phase === 'busy') entry.phase = 'waiting';
  };
  const execution = attempt(
    () => begin(entry, task, run, host),
    done,
    (error) => {
      done();
      // a durable approval is not lost because its store is away for a moment
      return host.registry.durable ? host.retryLater(entry, error) : abandonCall(host, entry, error);
    },
  );
  if (isThenable(execution)) entry.execution = execution;
  return execution;
}

function begin(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  return unlessHalted(entry, host, {
    go: () => decideAfresh(entry, task, run, host),
    wait: (error) => later(entry, task, run, host, error),
    cancel: (error) => end(entry, cancelledWith(error), host),
  });
}

/**
 * The one sequence from approved to run: not expired → still the same caller → the call that was approved → decided afresh on the original call → the
 * same params → the approval used up at the desk → one claim → begun at the desk → run. Every step that fails ends the task, or asks again; none falls
 * through to the next.
 */
function decideAfresh(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { decisions } = host;
  const { recheck } = entry.call;
  if (host.now() >= task.expiresAtMs) return end(entry, timedOut(task, 'it expired before it could run'), host);
  const changed = recheckSafely(recheck);
  if (changed !== undefined) return end(entry, deniedAtRun(task, 'caller_changed', changed), host);
  // what is in memory only needs no proof
  if (decisions.verify === undefined || !host.registry.durable) return reevaluate(entry, task, run, host);
  return attempt<boolean, void>(
    () => decisions.verify?.(approvedCall(entry, task)) as Awaitable<boolean>,
    (verified) => (verified === true ? reevaluate(entry, task, run, host) : end(entry, otherCall(task), host)),
    (error) => later(entry, task, run, host, error),
  );
}

function reevaluate(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { decisions } = host;
  const { request } = entry.call;
  if (isOver(entry, host)) return;
  // a Date in what was decided on cannot be frozen, and code of the program had it
  if (digestOf(request.params) !== task.originalDigest) return endTampered(entry, task, host);
  if (!demands(host, task, 'reevaluate')) return useApproval(entry, task, run, host);
  const { decisionId, version, offers } = task;
  const options = { signal: host.signal, offers, idempotencyKey: `${decisionId}:${version}` };
  const beganMs = performance.now();
  return attempt<Decision, void>(
    () =>
      chain(decisions.reevaluate?.(request, decisionId, options) as Awaitable<Decision>, (d) =>
        tellableDecision(checkDecision(d, request, host.journal), request, task.params),
      ),
    (decision) => {
      if (host.journal === undefined) return applyFreshDecision(entry, task, run, host, decision);
      // a person who is asked again is asked about other values
      const salted = saltedDecision(decision, decision.effect === 'approval_needed' ? undefined : task.auditSalt);
      host.journal.note({
        kind: 'decided',
        request,
        decision: salted,
        approvalId: task.decisionId,
        durationMs: performance.now() - beganMs,
      });
      return applyFreshDecision(entry, task, run, host, salted);
    },
    (error) => later(entry, task, run, host, error),
  );
}

function applyFreshDecision(
  entry: PendingCall,
  task: ApprovedTask,
  run: RunApproved,
  host: ExecutionHost,
  decision: Decision,
): Awaitable<void> {
  switch (decision.effect) {
    case 'deny':
      return end(entry, deniedAtRun(task, 'denied_at_run', decision.reason ?? 'policy denies it now.', decision), host);
    case 'approval_needed':
      return tokenHeld(entry, host) === undefined ? askAgain(entry, decision, host) : endAskedAgain(entry, task, decision, host);
    default: {
      const digest = decision.params === undefined ? task.originalDigest : digestOf(decision.params);
      if (digest === task.digest) return useApproval(entry, task, run, host);
      const why = 'the policies now change its params in a way that was not approved.';
      return end(entry, deniedAtRun(task, 'approved_params_changed', why, decision), host);
    }
  }
}

function useApproval(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { digest, params } = task;
  if (isOver(entry, host)) return;
  if (digestOf(params) !== digest) return endTampered(entry, task, host);
  // used up and claimed before
  if (tokenHeld(entry, host) !== undefined) return claimAgain(entry, task, run, host);
  return attempt<boolean, void>(
    // where there is nothing to use up, the claim alone is the guard; an answer that is not true is a no
    () =>
      demands(host, task, 'consume')
        ? (host.decisions.consume?.({
            ...approvedCall(entry, task),
            token: tokenOf(task),
            params,
            offers: task.offers,
          }) as Awaitable<boolean>)
        : true,
    (used) => {
      if (used === true) return claim(entry, task, run, host);
      return end(entry, deniedAtRun(task, 'approval_not_usable', 'the approval was used, withdrawn or is over, or a limit is full.'), host);
    },
    // the same use again is no second one: a person's yes is not lost because the service is away for a moment
    (error) => host.retryLater(entry, error),
  );
}

/** Claims a task whose approval is used up, and enters its method. Exactly one of any number of concurrent callers wins the claim. */
function claim(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { taskId, digest, expiresAtMs } = task;
  if (isOver(entry, host)) return;
  // an earlier claim may have been committed though its answer was lost; one that has begun, without its method, is the one that begins again
  const token = entry.claimToken ?? entry.begunToken ?? nextId('run');
  const claimed = claimNow(task);
  // from here on a shutdown waits for it
  entry.claimToken = token;
  const { gate } = host.halts;
  const haltChanges = gate?.changes;
  return chain(host.registry.claim({ taskId, token, digest, nowMs: host.now(), leaseMs: host.leaseMs, haltChanges }), (executing) => {
    if (executing !== undefined) return beginClaimed(entry, executing, claimed, run, host);
    return chain(host.registry.find(taskId), (now) => {
      if (now?.status === 'executing' && now.claimToken === token) return claimAgain(entry, task, run, host);
      entry.claimToken = undefined;
      // another process was first, and records how that ends; or it has asked again, or given its claim back
      if (host.registry.durable && (now?.status === 'executing' || now?.status === 'pending')) return host.leave(entry, now);
      if (now?.status === 'approved' && now.digest === digest && host.now() < now.expiresAtMs) {
        const again = (): Awaitable<void> =>
          host.retryLater(entry, new Error('Another process had claimed the call, and has released it.'));
        // a halt was ordered or lifted meanwhile, perhaps of other calls
        if (haltChanges !== undefined)
          return chain(gate?.refresh(), () => (gate?.changes === haltChanges ? again() : begin(entry, task, run, host)));
        if (host.registry.durable) return again();
      }
      // cancelled in between, which ended the entry too; or its time is over, or the store has other params: then it is still open
      const over = host.now() >= expiresAtMs;
      const why = over
        ? timedOut(task, 'it expired before it could run')
        : deniedAtRun(task, 'claim_lost', 'its task was changed in the meantime, for example cancelled.');
      return chain(settleCall(host, entry, why), () => dropCall(host, entry, why.error));
    });
  });
}

/** Goes on under a claim that this call has, renewed: it may be an old one, or another process may have found that its lease had lapsed. */
function claimAgain(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { taskId } = task;
  const claimed = claimNow(task);
  return attempt<Task | undefined, void>(
    () => chain(host.registry.renewClaims(host.leaseMs), () => host.registry.find(taskId)),
    (now) => {
      if (now?.status === 'executing' && now.claimToken === entry.claimToken) return beginClaimed(entry, now, claimed, run, host);
      entry.claimToken = undefined;
      const gone = new OutcomeUnknownError(
        taskId,
        `The claim on tool '${task.toolName}' lapsed before it ran here. Check its task before you call it again.`,
      );
      return dropCall(host, entry, gone);
    },
    (error) => later(entry, task, run, host, error),
  );
}

/**
 * Has the desk record that this claim begins: a task whose stored state was put back to an earlier one is claimed again, but begins no second time. The
 * guard of an idempotent task has said that it may.
 */
function beginClaimed(
  entry: PendingCall,
  executing: ExecutingTask,
  claimed: Claim,
  run: RunApproved,
  host: ExecutionHost,
): Awaitable<void> {
  const { decisions } = host;
  const { decisionId, claimToken } = executing;
  // late already: then nothing has begun, and the claim can be given back
  const stale = staleness(entry, executing, claimed, host);
  if (stale !== undefined) return giveBack(entry, executing, claimed, stale, run, host);
  if (!demands(host, executing, 'begin')) return runClaimed(entry, executing, claimed, run, host);
  // from here on it may have begun: no other claim of this process does
  entry.begunToken = claimToken;
  return attempt<boolean, void>(
    () => decisions.begin?.({ decisionId, token: tokenOf(executing), claimToken }) as Awaitable<boolean>,
    (begun) => {
      if (begun === true || executing.origin?.idempotent === true) return runClaimed(entry, executing, claimed, run, host);
      return endBegun(entry, executing, host);
    },
    (error) => giveBack(entry, executing, claimed, error, run, host),
  );
}

/** Another claim has begun under this approval, so the call may have run: a person has to find out. */
function endBegun(entry: PendingCall, executing: ExecutingTask, host: ExecutionHost): Awaitable<void> {
  const { toolName, agentId, decisionId } = executing;
  const message =
    'A call was claimed again under an approval whose execution had begun before: its stored task was put back to an earlier state.';
  reportSecurity({ kind: 'security', code: 'approval_already_begun', message, agentId, toolName, decisionId }, host.journal);
  const why = `Tool '${toolName}' did not run now, because it had begun before under the same approval: it may have run completely, partly or not at all. Check what it did, and who can write the store.`;
  return endUnknown(entry, executing, why, host);
}

function runClaimed(entry: PendingCall, executing: ExecutingTask, claimed: Claim, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const params = copyData(executing.params);
  const lastLook: LastLook = () => staleness(entry, executing, claimed, host) ?? paramsChanged(params, executing, host);
  return attempt<unknown, void>(
    () => {
      const stop = lastLook();
      if (stop !== undefined) throw new NotEnteredError(stop);
      return run(params, executing, lastLook);
    },
    (value) => {
      entry.result = { value };
      return settleRun(entry, executing, { to: 'completed', result: value }, 'completed', undefined, host);
    },
    (thrown: unknown) => {
      const withheld = thrown instanceof NotEnteredError;
      const error: unknown = withheld ? thrown.reason : thrown;
      if (error instanceof StaleClaimError) return giveBack(entry, executing, claimed, error, run, host);
      const summary = summarizeError(error);
      entry.noteError('failed', summary, error);
      return settleRun(entry, executing, { to: 'failed', error: summary }, withheld ? 'withheld' : 'failed', error, host);
    },
  );
}

function paramsChanged(params: Params, executing: ExecutingTask, host: ExecutionHost): ForbiddenError | undefined {
  if (digestOf(params) === executing.digest) return undefined;
  reportTampering(executing, host);
  return new ForbiddenError(`Tool '${executing.toolName}' did not run: its params are not those that were approved.`, {
    code: 'approved_params_changed',
  });
}

/**
 * Releases a claim under which nothing ran, and tries again later. What has begun is never released, because no other claim could begin it: it keeps its
 * claim.
 */
function giveBack(
  entry: PendingCall,
  executing: ExecutingTask,
  claimed: Claim,
  why: unknown,
  run: RunApproved,
  host: ExecutionHost,
): Awaitable<void> {
  const { taskId, claimToken, toolName } = executing;
  // no other process can begin what has begun here, and this one ends
  if (entry.begunToken !== undefined && host.registry.durable && (host.signal.aborted || entry.phase === 'ended')) {
    const shut = `Tool '${toolName}' was about to run when its module closed. Check whether it ran before you call it again.`;
    return endUnknown(entry, executing, shut, host);
  }
  if (tokenHeld(entry, host) !== undefined) return later(entry, claimed.approved, run, host, why);
  const givenBack = (): Awaitable<void> => {
    entry.claimToken = undefined;
    return entry.phase === 'ended' ? undefined : host.retryLater(entry, why);
  };
  return attempt<unknown, void>(
    () => host.registry.release(taskId, claimToken),
    givenBack,
    (error) => {
      publishCallbackError('releasing a claim', error);
      host.registry.releaseLater(taskId, claimToken);
      return givenBack();
    },
  );
}

/** Tries again later: as a call that is approved, or in its place where it holds a claim that has begun. */
function later(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost, error: unknown): Awaitable<void> {
  if (tokenHeld(entry, host) === undefined) return host.retryLater(entry, error);
  return chain(pause(AGAIN_MS, host.signal), () => (isOver(entry, host) ? undefined : decideAfresh(entry, task, run, host)));
}

/**
 * Whether a step at the service is part of the way to this run. What was offered with the approval is demanded, also where the service has changed: one that can no
 * longer do it lets nothing run. What is stored of a task lowers nothing that the service requires.
 */
function demands({ decisions }: ExecutionHost, { offers }: Task, step: 'reevaluate' | 'consume' | 'begin'): boolean {
  if (offers?.includes(step) === true) return true;
  const mayBeLeftOut = offers !== undefined && decisions.requires?.().includes(step) === false;
  return !mayBeLeftOut && decisions[step] !== undefined;
}

/** What the store says of the call that is about to run; of a task that is in memory only, what the call says itself. */
function approvedCall({ call }: PendingCall, task: ApprovedTask): ApprovedCall {
  const { decisionId, digest } = task;
  return { decisionId, digest, bindingBase: task.origin === undefined ? call.request.bindingBase : bindingBaseOf(task) };
}

/** Of the task, not of one execution: one that crashed before its claim begins again under the same approval. */
function tokenOf({ taskId }: Task): string {
  return taskId;
}

function endTampered(entry: PendingCall, task: ApprovedTask, host: ExecutionHost): Awaitable<void> {
  reportTampering(task, host);
  return end(entry, deniedAtRun(task, 'approved_params_changed', 'its params are not those that were approved.'), host);
}

function end(entry: PendingCall, resolution: Resolution, host: ExecutionHost): Awaitable<void> {
  const claimToken = tokenHeld(entry, host);
  if (claimToken === undefined) return chain(settleCall(host, entry, resolution), () => undefined);
  // its execution had begun: it ends as one, and its method was not entered
  const { error } = resolution;
  const summary = summarizeError(error);
  entry.noteError('failed', summary, error);
  return settleRun(entry, { ...entry.task, claimToken }, { to: 'failed', error: summary }, 'withheld', error, host);
}

/** The policies ask a person again about what has begun under the approval of before: that one is used up. */
function endAskedAgain(entry: PendingCall, task: ApprovedTask, decision: ApprovalNeededDecision, host: ExecutionHost): Awaitable<void> {
  const why = 'the policies ask a person again now, and its approval is used up.';
  return chain(notifyService(host, decision, 'withdraw'), () => end(entry, deniedAtRun(task, 'denied_at_run', why, decision), host));
}

/** Whether it ended, or everything does, while something was awaited. */
function isOver(entry: PendingCall, { signal }: ExecutionHost): boolean {
  return entry.phase === 'ended' || signal.aborted;
}

function reportTampering({ agentId, toolName, decisionId }: Task, { journal }: ExecutionHost): void {
  const message = 'Approved params changed before they ran.';
  reportSecurity({ kind: 'security', code: 'approved_params_tampered', message, agentId, toolName, decisionId }, journal);
}

/** '' for what has no digest: it equals none. */
function digestOf(params: Params): string {
  try {
    return canonicalDigest(params);
  } catch {
    return '';
  }
}
