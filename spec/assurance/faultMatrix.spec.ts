import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { DecisionService } from '../../lib/decision/DecisionService.js';
import { RemoteDecisionService } from '../../lib/decision/remote/RemoteDecisionService.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { guard } from '../../lib/guard/guard.js';
import { AegisError } from '../../lib/model/AegisError.js';
import { counted } from '../support/assurance.js';
import { type DataPlaneStandIn, dataPlaneStandIn, idOf, sendJson, type StandInHandler, wireDecision } from '../support/dataPlaneStandIn.js';
import { FaultProxy, headerOf, type QuestionKind } from '../support/FaultProxy.js';
import { type Fault, faults } from '../support/faults.js';
import { KEY_CANARY, remoteRequest } from '../support/remoteRequest.js';

/** Of the first try. Where this machine was too slow for it, the next try has twice the time; the grace stays what it is. */
const DEADLINE_MS = 200;
const GRACE_MS = 50;
const TRIES = 5;
const APPROVALS_PER_DEADLINE = 2.5; // an approval is polled in its middle: a poll and its deadline fit in
const FAULTS_AT_ONCE = 3; // of eight cells each
const RESOLUTION_MS = 5;
const YES = { status: 'OK', effect: 'allow' };

/** What the upstream would say to the question that meets the fault, and what comes of the call where that is heard. */
const ANSWERS: readonly (readonly [kind: QuestionKind, would: string, says: object, heard: string])[] = [
  ['decision', 'allow', { effect: 'allow' }, 'ran with mine'],
  ['decision', 'deny', { effect: 'deny' }, 'ForbiddenError'],
  ['decision', 'sanitize', { effect: 'sanitize', sanitize: { params: { text: 'masked' } } }, 'ran with masked'],
  ['decision', 'approval_needed', { effect: 'approval_needed' }, 'ApprovalTimeoutError'],
  ['status', 'approved', YES, 'ran with mine'],
  ['status', 'denied', { status: 'OK', effect: 'deny' }, 'ForbiddenError'],
  ['status', 'pending', { status: 'PENDING', effect: 'approval_needed' }, 'ApprovalTimeoutError'],
  ['status', 'cancelled', { status: 'CANCELLED', effect: 'allow' }, 'DecisionUnavailableError malformed'],
];

/** One fault before one answer, and what came of it; `slow`: the deadline came before the fault was met, or the call ended too long after it. */
type Cell = ReturnType<typeof cellsOf>[number];

function cellsOf(fault: Fault) {
  const mayRun = fault.survivedBecause !== undefined;
  return ANSWERS.filter(([kind]) => (fault.only ?? kind) === kind).map(([kind, would, says, heard]) => {
    const [runs, wrong] = [new Array<string>(), new Array<string>()];
    return { fault, kind, would, says, heard, mayRun, runs, wrong, beyondMs: -Infinity, slow: false, slowBecause: '' };
  });
}

/** Faults that last longer than the first deadline have to do so in every try. */
function deadlineOf({ fault, kind }: Cell, tried: number): number {
  return fault.ends[kind] === 'TimeoutError' ? DEADLINE_MS : DEADLINE_MS * 2 ** tried;
}

/** An error by its class and reason. None but ours, with a code, is one to end in. */
function endOf(error: unknown): string {
  if (!AegisError.is(error) || !/^\w+$/.test(error.code)) return `untyped: ${String(error)}`;
  return 'reason' in error ? `${error.name} ${String(error.reason)}` : error.name;
}

/** Answers as a Data Plane should: it commits once for each Idempotency-Key. */
function answering({ kind, says }: Cell, committed: Map<string, string>): StandInHandler {
  return (request, reply) => {
    const send = (text: string): void => sendJson(reply, text, 200, { 'content-length': String(Buffer.byteLength(text)) });
    if (request.method === 'GET') {
      const status = idOf(request) === 'another' ? YES : kind === 'status' ? says : { status: 'PENDING' };
      return send(JSON.stringify({ decision_id: idOf(request), request_id: 'r', ...status }));
    }
    const final = !request.body.includes('"mine"') ? { effect: 'allow' } : kind === 'decision' ? says : { effect: 'approval_needed' };
    const key = String(request.headers['idempotency-key']);
    if (!committed.has(key)) committed.set(key, JSON.stringify(wireDecision(request, final)));
    send(committed.get(key) ?? '');
  };
}

type Question = { readonly kind: QuestionKind; readonly end: string; readonly tookMs: number; readonly endedMs: number };

/** A service that notes its questions. */
function noting(remote: RemoteDecisionService, questions: Question[], onDecided: () => Promise<void>): DecisionService {
  const note = async <T>(kind: QuestionKind, answer: Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const end = await answer.then(() => 'answered', endOf);
    questions.push({ kind, end, tookMs: performance.now() - startedMs, endedMs: performance.now() });
    if (kind === 'decision') await onDecided();
    return answer;
  };
  return {
    decide: (...asked) => note('decision', remote.decide(...asked)),
    status: (...asked) => note('status', remote.status(...asked)),
    close: () => remote.close(),
  };
}

/** Makes one guarded call, whose question meets the fault; everything but the proxy is closed afterwards. */
async function run(cell: Cell, elsewhere: string, deadlineMs: number = DEADLINE_MS): Promise<FaultProxy> {
  const approvalMs = deadlineMs * APPROVALS_PER_DEADLINE;
  const { fault, kind, would, heard, mayRun, runs } = cell;
  const runsBefore = runs.length;
  const committed = new Map<string, string>();
  await using upstream = await dataPlaneStandIn(answering(cell, committed));
  const proxy = await FaultProxy.start(upstream.url, elsewhere);
  // retries come at once, so that three attempts fit into the deadline
  const remote = new RemoteDecisionService({
    apiKey: KEY_CANARY,
    baseUrl: proxy.url,
    timeoutMs: deadlineMs,
    random: () => 0,
    dataPlane: { require: [] },
  });
  const questions: Question[] = [];
  const decisions = noting(remote, questions, async () => void (fault.strike === 'refuse' && (await proxy.refuse())));
  const module = AegisModule.create({ decisions, agentId: 'ops-agent', approvalTimeoutMs: approvalMs });
  const send = async (text: string): Promise<string> => `ran with ${(runs.push(text), text)}`;
  const guarded = guard(send, { toolName: 'slack.post_message', params: ['text'], approval: 'wait', module });

  const another = (): Promise<unknown> => (kind === 'decision' ? remote.decide(remoteRequest()) : remote.status('another'));
  if (
    fault.afterAnother === true &&
    !(await another()
      .catch(another)
      .then(Boolean, () => false))
  ) {
    // the next try has a longer deadline, and a circuit that is closed
    [cell.slow, cell.slowBecause] = [true, 'the question before the fault had no answer'];
    await module.close();
    return proxy;
  }
  committed.clear();
  if (fault.strike !== 'refuse') proxy.strike(kind, fault.strike);
  else if (kind === 'decision') await proxy.refuse();

  // the longest standstill of the whole process is not the client's fault; the monitor sees none before its first tick or after its last
  const standstill = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  standstill.enable();
  await pause(2 * RESOLUTION_MS);
  const startedMs = performance.now();
  const end = await guarded('mine').catch(endOf);
  const endedMs = performance.now();
  await pause(2 * RESOLUTION_MS);
  standstill.disable();
  const [task] = await module.tasks.listTasks();
  await module.close();

  const dueMs = task === undefined ? startedMs + deadlineMs : (questions[0]?.endedMs ?? 0) + approvalMs;
  const lateMs = Math.max(endedMs - dueMs, ...questions.map((q) => q.tookMs - deadlineMs));
  const beyondMs = lateMs - Math.max(0, standstill.max / 1e6 - RESOLUTION_MS);
  const check = (right: boolean, what: string): void => void (right || cell.wrong.push(`${kind}, would say ${would}: ${what}`));
  check(end.startsWith('ran') ? mayRun && end === heard : !end.startsWith('untyped'), `the call ended in ${end}`);
  check(runs.length - runsBefore === (end.startsWith('ran') ? 1 : 0), `it ran ${runs.length - runsBefore} times`);
  const keys = new Set(proxy.struck.map((question) => headerOf(question, 'idempotency-key')));
  check(committed.size <= 1 && keys.size <= 1, `${keys.size} Idempotency-Keys, ${committed.size} commits`);
  check(proxy.troubles.length === 0, `the proxy failed: ${String(proxy.troubles[0])}`);

  // a failed poll decides nothing: the approval stays pending until its own end
  const right = mayRun ? heard : kind === 'decision' ? fault.ends.decision : 'ApprovalTimeoutError';
  const asked = questions.find((q) => q.kind === kind)?.end;
  const met = fault.strike === 'refuse' || proxy.struck.length >= (fault.questions ?? 1);
  const exact = end === right && met && task?.status !== 'pending' && (mayRun || asked === fault.ends[kind]);
  // where the deadline has just passed there is no further attempt, and the last one's error is what the caller gets; a timer may be early by 1 ms
  const cutShort = (q: Question): boolean =>
    q.end === 'CallAbortedError' || ((q.end === 'TimeoutError' || !met) && q.tookMs >= deadlineMs - 2);
  const late = beyondMs > GRACE_MS;
  cell.slow = late || (!exact && questions.some(cutShort));
  cell.slowBecause = late ? `${Math.round(beyondMs)} ms beyond its deadline` : 'its deadline came before the fault';
  if (!late) cell.beyondMs = Math.max(cell.beyondMs, beyondMs);
  check(
    exact || cell.slow,
    `the question ended in ${asked}, the call in ${end}, its task is ${task?.status}, ${proxy.struck.length} struck`,
  );
  return proxy;
}

/** What keeps the process alive, once it is what it was `before`, or a while has passed: sockets take some turns to be gone. */
async function held(before?: string): Promise<string> {
  for (let turn = 0; ; turn++) {
    await pause(10);
    const now = process.getActiveResourcesInfo().toSorted().join(' ');
    if (now === (before ?? now) || turn === 30) return now;
  }
}

describe('The remote decision service behind a faulty network', function () {
  this.timeout(60_000);
  const unclaimed: unknown[] = [];
  const stray = (error: unknown): void => void unclaimed.push(error);
  const cells = faults.map(cellsOf);
  const batches = new Map<number, Promise<void>>();
  let elsewhere: DataPlaneStandIn;
  before(async () => {
    process.on('unhandledRejection', stray);
    elsewhere = await dataPlaneStandIn();
    // the first question of a process also loads the client, ky and fetch: not the fault's to answer for
    for (const cell of cellsOf(faults[0] as Fault)) await (await run(cell, elsewhere.url)).close();
  });

  after(async () => {
    process.off('unhandledRejection', stray);
    await elsewhere.close();
    const all = cells.flat();
    const wrong = all.filter((cell) => cell.wrong.length > 0).length + unclaimed.length + elsewhere.requests.length;
    const runs = all.filter((cell) => cell.runs.length > 0 && !cell.mayRun).length;
    const slowest = Math.max(0, ...all.map(({ beyondMs }) => Math.round(beyondMs)));
    const beside = { faults: faults.length, runs, 'slowest beyond its deadline, ms': slowest };
    counted({ what: 'fault matrix over TCP: decision and status', cases: all.length, wrong, beside });
  });

  /** Runs cells at once, because most of them wait; again, at most four times, those for which this machine was too slow. */
  async function runBatch(batch: readonly Cell[], tried = 0): Promise<void> {
    const before = await held();
    const proxies = await Promise.all(batch.map((cell) => run(cell, elsewhere.url, deadlineOf(cell, tried))));
    const after = await held(before);
    if (after !== before) for (const { wrong } of batch) wrong.push(`this or a cell beside it left handles: ${after}; before: ${before}`);
    for (const proxy of proxies) await proxy.close();
    const slow = batch.filter((cell) => cell.slow);
    if (slow.length > 0 && tried + 1 < TRIES) await runBatch(slow, tried + 1);
    else for (const { wrong, slowBecause } of slow) wrong.push(`this machine was too slow ${TRIES} times: ${slowBecause}`);
  }

  for (const [i, fault] of faults.entries()) {
    const name = fault.survivedBecause === undefined ? 'runs nothing' : 'runs nothing but what the service allowed';
    it(`${name}: ${fault.name}`, async () => {
      const first = i - (i % FAULTS_AT_ONCE);
      if (!batches.has(first)) batches.set(first, runBatch(cells.slice(first, first + FAULTS_AT_ONCE).flat()));
      await batches.get(first);
      expect(cells[i]?.flatMap(({ wrong }) => wrong)).to.deep.equal([]);
      // were there no runs at all, the other faults would prove nothing
      expect(cells[i]?.some(({ runs }) => runs.length > 0)).to.equal(fault.survivedBecause !== undefined);
      expect([...unclaimed, ...elsewhere.requests]).to.deep.equal([]);
    });
  }
});
